"""A month's bill: calls added up by who made them, where they went and what rate they had.

Calls are given one by one and none is kept: memory grows with the number of lines, not of calls.
Lines stand in the order of their keys, so that the same calls make the same bill.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from billing.calls import BillableCall, RouteSource
from billing.concurrency import Peak
from billing.money import NOTHING, plus, times, total
from billing.month import Month
from billing.rate_card import GENERAL, Direction, Rate, RateCard
from model.cqr import CallRoute
from model.numbers import InventoryNumber

FREE = Rate("free", NOTHING)
"""Nobody charges for calls on net or into meetings: they never reach a carrier."""
NO_RATE = Rate("no rate", NOTHING)
"""The card has none for this number: the bill is too low by these calls, and says so."""

_HOME = "US"


class LineKey(NamedTuple):
    """What the calls of a line have in common."""

    connector_id: str
    number: str
    """The customer's own."""
    direction: str
    country: str
    route: str
    entry: str
    """Of the rate card, or `free`, or `no rate`."""


class CallLine(NamedTuple):
    """Calls of one key, added up."""

    key: LineKey
    per_minute: Decimal
    calls: int
    billed_s: int
    amount: Decimal
    """Exact."""


class RentalLine(NamedTuple):
    """A number that was held in the month, for the whole of it."""

    number: str
    holder: str
    """Connector or group that has it now; empty when none has."""
    amount: Decimal


class ConcurrencyLine(NamedTuple):
    """The calls with a price that a connector had up at once at its busiest moment."""

    connector_id: str
    calls: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a month costs by one rate card."""

    month: Month
    card: RateCard
    is_partial: bool
    """The month is not over."""
    calls: tuple[CallLine, ...]
    rentals: tuple[RentalLine, ...]
    concurrency: tuple[ConcurrencyLine, ...]
    """Empty when the card has no charge for concurrent calls."""
    judged_by: Mapping[RouteSource, int]
    """Calls by who said where they went."""

    @property
    def calls_total(self) -> Decimal:
        """Return what the calls cost."""
        return total(line.amount for line in self.calls)

    @property
    def rentals_total(self) -> Decimal:
        """Return what the numbers cost."""
        return total(line.amount for line in self.rentals)

    @property
    def concurrency_total(self) -> Decimal:
        """Return what concurrent calls cost."""
        return total(line.amount for line in self.concurrency)

    @property
    def total(self) -> Decimal:
        """Return what everything costs."""
        return total((self.calls_total, self.rentals_total, self.concurrency_total))

    @property
    def without_rate(self) -> int:
        """Return how many calls the card has no rate for."""
        return sum(line.calls for line in self.calls if line.key.entry == NO_RATE.entry)


class _Tally:
    """The calls of one line so far."""

    __slots__ = ("amount", "billed_s", "calls", "per_minute")

    def __init__(self, per_minute: Decimal) -> None:
        self.per_minute = per_minute
        self.calls = 0
        self.billed_s = 0
        self.amount = NOTHING


class BillMaker:
    """Adds the calls of a month up by one rate card."""

    def __init__(self, card: RateCard, month: Month) -> None:
        self._card = card
        self._month = month
        self._tallies: dict[LineKey, _Tally] = {}
        self._peaks: dict[str, Peak] = {}
        self._judged_by: Counter[RouteSource] = Counter()

    def add(self, call: BillableCall) -> None:
        """Add a call; those of one connector come in the order of their starts."""
        rate = self._rate(call)
        key = LineKey(
            call.connector_id,
            call.number,
            call.direction.value,
            call.country,
            call.route.value,
            rate.entry,
        )
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(rate.per_minute)
        billed_s = self._card.billed_s(call.recorded_s)
        tally.calls += 1
        tally.billed_s += billed_s
        tally.amount = plus(tally.amount, self._card.cost(rate, billed_s))
        self._judged_by[call.route_source] += 1
        if call.route is CallRoute.PSTN and self._card.concurrent_call:
            self._peaks.setdefault(call.connector_id, Peak()).add(call.started_at, call.ended_at)

    def bill(self, inventory: Iterable[InventoryNumber], *, is_partial: bool) -> Bill:
        """Return the bill of what was added and of the numbers that were held in the month."""
        return Bill(
            month=self._month,
            card=self._card,
            is_partial=is_partial,
            calls=tuple(self._call_lines()),
            rentals=tuple(self._rentals(inventory)),
            concurrency=tuple(self._concurrency()),
            judged_by=dict(self._judged_by),
        )

    def _rate(self, call: BillableCall) -> Rate:
        if call.route is not CallRoute.PSTN:
            return FREE
        return self._card.rate(call.direction, call.called) or NO_RATE

    def _call_lines(self) -> Iterable[CallLine]:
        for key, tally in sorted(self._tallies.items(), key=lambda it: it[0]):
            yield CallLine(key, tally.per_minute, tally.calls, tally.billed_s, tally.amount)

    def _rentals(self, inventory: Iterable[InventoryNumber]) -> Iterable[RentalLine]:
        for number in sorted(inventory, key=lambda it: it.e164):
            if was_held(number, self._month):
                target = number.target
                holder = "" if target is None else target.target_id
                yield RentalLine(number.e164, holder, self._card.number)

    def _concurrency(self) -> Iterable[ConcurrencyLine]:
        for connector_id, peak in sorted(self._peaks.items()):
            amount = times(self._card.concurrent_call, peak.most)
            yield ConcurrencyLine(connector_id, peak.most, amount)


def was_held(number: InventoryNumber, month: Month) -> bool:
    """Tell whether the account owned a number at any moment of a month.

    Not while it lies in the deletion queue; one that has left the queue is known no more.
    """
    is_before_its_end = number.deleted_at is None or number.deleted_at > month.since
    return number.created_at < month.before and is_before_its_end


def countries_at_flat_rate(bill: Bill) -> tuple[str, ...]:
    """Return the countries abroad whose calls have the one rate of a card that knows no countries.

    Abroad is what is not the United States, where the numbers of the whitepaper are.
    """
    if bill.card.outbound.countries or bill.card.outbound.prefixes:
        return ()
    outbound = (line.key for line in bill.calls if line.key.direction == Direction.OUTBOUND.value)
    abroad = (key.country for key in outbound if key.entry == GENERAL and key.country != _HOME)
    return tuple(sorted(set(abroad)))


def summed(lines: Iterable[CallLine], columns: Iterable[str]) -> dict[tuple[str, ...], CallLine]:
    """Return lines added up by some members of their keys, in the order of these.

    The members that are not asked for are empty in the sums, and the price of a minute is 0 where
    lines with different ones were added up.
    """
    wanted = tuple(columns)
    sums: dict[tuple[str, ...], CallLine] = {}
    for line in lines:
        key = line.key._replace(**{name: "" for name in LineKey._fields if name not in wanted})
        place = tuple(getattr(key, name) for name in wanted)
        so_far = sums.get(place)
        if so_far is None:
            sums[place] = line._replace(key=key)
        else:
            sums[place] = _added(so_far, line)
    return dict(sorted(sums.items()))


def _added(one: CallLine, other: CallLine) -> CallLine:
    same = one.per_minute == other.per_minute
    return CallLine(
        one.key,
        one.per_minute if same else NOTHING,
        one.calls + other.calls,
        one.billed_s + other.billed_s,
        plus(one.amount, other.amount),
    )
