"""The synthetic supply of phone numbers for the local run: the same ones every time (A6).

All are valid by the numbering plan. None ends in 0100 to 0110: in the local run these digits of a
called number tell the simulated PSTN what to do.
"""

from typing import NamedTuple

from model.numbers import PoolNumber


class _Place(NamedTuple):
    area_code: str
    city: str
    state: str


PLACES = (
    _Place("206", "Seattle", "WA"),
    _Place("212", "New York", "NY"),
    _Place("213", "Los Angeles", "CA"),
    _Place("305", "Miami", "FL"),
    _Place("312", "Chicago", "IL"),
    _Place("415", "San Francisco", "CA"),
    _Place("512", "Austin", "TX"),
    _Place("617", "Boston", "MA"),
)
TOLL_FREE_CODES = ("800", "833", "844", "855", "866", "877", "888")

NUMBERS_PER_CODE = 25
EXCHANGE = "555"
"""The middle three digits: 555 belongs to nobody in particular, and the plan holds it valid."""
FIRST_LINE = 2_001
_LINE_STEP = 37
"""Spreads the last four digits; 25 steps stay below 3,000, far from 0100 to 0110."""


def synthetic_pool() -> tuple[PoolNumber, ...]:
    """Return the pool, in order of E.164."""
    local = [
        PoolNumber(e164=e164, number_type="Local", country="US", city=place.city, state=place.state)
        for place in PLACES
        for e164 in _numbers(place.area_code)
    ]
    toll_free = [
        PoolNumber(e164=e164, number_type="TollFree", country="US")
        for code in TOLL_FREE_CODES
        for e164 in _numbers(code)
    ]
    return tuple(sorted(local + toll_free, key=lambda number: number.e164))


def _numbers(area_code: str) -> list[str]:
    lines = (FIRST_LINE + _LINE_STEP * index for index in range(NUMBERS_PER_CODE))
    return [f"+1{area_code}{EXCHANGE}{line}" for line in lines]
