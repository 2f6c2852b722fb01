"""Offers beside each other, as Table 1 of the whitepaper has them.

The paper takes 350 minutes a month, a third of them in and two thirds out, one number and one
concurrent call. Every figure that it prints comes out when the price of the minutes and the
normalised price are each rounded from the exact sum, and the savings from the rounded normalised
prices. Those savings are 2(a-b)/(a+b), the difference in percent of the mean of both prices: more
than is saved of what is paid today, which is (a-b)/a. Where the paper's text says "up to 50%" it
means the latter, 50.92 percent for its dearest offer; its table says 68.31.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.money import cost_of_time, divided, minus, percent_of, plus, rounded, times
from billing.rate_card import Direction, RateCard

_SECONDS_PER_MINUTE = 60
_SHARE_INBOUND = 3
"""One of three minutes is inbound."""


class NoRate(ValueError):
    """A card has no rate for the country that minutes are to be priced for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a month holds, when nothing is known but sums."""

    inbound_s: int
    outbound_s: int
    numbers: int = 1
    concurrent_calls: int = 1
    country: str = "US"
    """ISO 3166: where called numbers are, those of others and one's own."""

    @classmethod
    def of_minutes(cls, minutes: int, *, inbound: int | None = None) -> "Usage":
        """Return a month of so many minutes, of them so many inbound, else a third."""
        whole = minutes * _SECONDS_PER_MINUTE
        inbound_s = whole // _SHARE_INBOUND if inbound is None else inbound * _SECONDS_PER_MINUTE
        return cls(inbound_s=inbound_s, outbound_s=whole - inbound_s)

    @property
    def minutes(self) -> Decimal:
        """Return the minutes of both directions."""
        return divided(self.inbound_s + self.outbound_s, _SECONDS_PER_MINUTE)


WHITEPAPER_MINUTES = 350
WHITEPAPER = Usage.of_minutes(WHITEPAPER_MINUTES)
"""What Table 1 assumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a month costs by one card."""

    card: RateCard
    minutes: Decimal
    """The calls alone, exact."""
    numbers: Decimal
    concurrent_calls: Decimal
    inbound_rate: Decimal | None
    """Of a minute, for all of them; None where calls had rates of their own."""
    outbound_rate: Decimal | None
    calls_without_rate: int = 0
    """The card has no price for them, and this sum lacks them."""

    @property
    def exact(self) -> Decimal:
        """Return the whole, exact."""
        return plus(self.minutes, plus(self.numbers, self.concurrent_calls))

    @property
    def normalised(self) -> Decimal:
        """Return the whole as the table has it, in cents."""
        return rounded(self.exact)


def price_of(card: RateCard, usage: Usage) -> Price:
    """Return what a month costs; raises NoRate when the card has none for the country."""
    inbound = _rate(card, Direction.INBOUND, usage.country)
    outbound = _rate(card, Direction.OUTBOUND, usage.country)
    minutes = plus(cost_of_time(inbound, usage.inbound_s), cost_of_time(outbound, usage.outbound_s))
    return Price(
        card=card,
        minutes=minutes,
        inbound_rate=inbound,
        outbound_rate=outbound,
        numbers=times(card.number, usage.numbers),
        concurrent_calls=times(card.concurrent_call, usage.concurrent_calls),
    )


def saved(of: Decimal, by: Decimal) -> Decimal:
    """Return what is saved by paying one price instead of another; negative when it is more."""
    return minus(of, by)


def percent_saved(of: Decimal, by: Decimal) -> Decimal | None:
    """Return the same in percent of what was paid before, None when that was nothing."""
    return percent_of(minus(of, by), of)


def potential_savings(of: Decimal, by: Decimal) -> Decimal | None:
    """Return the paper's percentage: the difference of two prices in percent of their mean."""
    return percent_of(times(minus(of, by), 2), plus(of, by))


def _rate(card: RateCard, direction: Direction, country: str) -> Decimal:
    rate = card.rate_of_country(direction, country)
    if rate is None:
        raise NoRate(
            f"the rate card {card.name!r} has no {direction.value} rate for {country}: neither the "
            "country, nor its calling code, nor per_minute"
        )
    return rate.per_minute
