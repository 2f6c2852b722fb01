"""Rate cards: what an offer charges for calls, numbers and concurrent calls (docs/billing.md).

    name = "Example Carrier, Business 2026"
    currency = "USD"

    [calls]
    increment_s = 6
    minimum_s = 30

    [inbound]
    per_minute = 0.0040
    prefixes = {"+1800" = 0.0180}

    [outbound]
    per_minute = 0.0060
    countries = {CA = 0.0090, GB = 0.0120}
    prefixes = {"+447" = 0.0240}

    [monthly]
    number = 0.50
    concurrent_call = 0.80

Both directions go by the number that is called. The longest prefix that fits has the rate; a
country counts like its calling code, and goes before the prefix that is equal to it; then comes the
rate of the direction. Where even that is missing the card has no rate, and a bill says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from phonenumbers import SUPPORTED_REGIONS, country_code_for_region

from billing.money import NOTHING, cost_of_time
from billing.toml_table import TomlTable
from model.cdr import Disposition
from model.numbers import WORLD_REGION, facts_of

STEP_S = 6
"""What a record counts in (EDGE C4): increments and minimums are multiples of it."""
_LONGEST_INCREMENT_S = 3_600
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)
_SHORTEST_PREFIX = 2
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
GENERAL = "per_minute"
"""Entry of a direction's rate for all that has none of its own."""


class Direction(Enum):
    """Where a call goes, in the whitepaper's words."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"

    @classmethod
    def of(cls, disposition: Disposition) -> "Direction":
        """Return the direction that AWS's word for it means."""
        return cls.OUTBOUND if disposition is Disposition.TERMINATION else cls.INBOUND


class Rate(NamedTuple):
    """What a minute costs, and by which entry of the card."""

    entry: str
    """A prefix as `+447`, a country as `GB`, or `per_minute`."""
    per_minute: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """The rates of one direction."""

    general: Decimal | None = None
    """For all numbers without an entry of their own; None leaves those without a rate."""
    countries: Mapping[str, Decimal] = field(default_factory=dict)
    """By ISO 3166 code, or `001` for non-geographic numbers."""
    prefixes: Mapping[str, Decimal] = field(default_factory=dict)
    """By the first digits in E.164."""

    def rate(self, called: str) -> Rate | None:
        """Return the rate of a called number, None when the card has none for it."""
        prefix = self._longest_prefix(called)
        facts = facts_of(called) if self.countries else None
        if facts is not None and facts.region in self.countries:
            if prefix is None or len(prefix) <= len(facts.calling_code) + len("+"):
                return Rate(facts.region, self.countries[facts.region])
        if prefix is not None:
            return Rate(prefix, self.prefixes[prefix])
        return None if self.general is None else Rate(GENERAL, self.general)

    def rate_of_country(self, country: str) -> Rate | None:
        """Return the rate of the numbers of a country, as far as a card has one for all of them."""
        if country in self.countries:
            return Rate(country, self.countries[country])
        prefix = self._longest_prefix(f"+{country_code_for_region(country)}")
        if prefix is not None:
            return Rate(prefix, self.prefixes[prefix])
        return None if self.general is None else Rate(GENERAL, self.general)

    def _longest_prefix(self, called: str) -> str | None:
        if not self.prefixes:
            return None
        lengths = range(len(called), _SHORTEST_PREFIX - 1, -1)
        return next((called[:n] for n in lengths if called[:n] in self.prefixes), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """What one offer charges."""

    name: str
    currency: str = "USD"
    inbound: Tariff
    outbound: Tariff
    number: Decimal = NOTHING
    """For each number and month."""
    concurrent_call: Decimal = NOTHING
    """For each call that can be up at once, and month."""
    increment_s: int = STEP_S
    """A call is billed in multiples of it."""
    minimum_s: int = 0
    """And as if it had lasted so long, once it is answered."""

    def rate(self, direction: Direction, called: str) -> Rate | None:
        """Return the rate of a call by the number that is called."""
        return self._tariff(direction).rate(called)

    def billed_s(self, recorded_s: int) -> int:
        """Return the seconds that this card bills of a record's BillableDuration."""
        longer = max(recorded_s, self.minimum_s)
        return self.increment_s * -(-longer // self.increment_s)

    def rate_of_country(self, direction: Direction, country: str) -> Rate | None:
        """Return the rate of calls whose called numbers are somewhere in a country."""
        return self._tariff(direction).rate_of_country(country)

    def cost(self, rate: Rate, billed_s: int) -> Decimal:
        """Return what billed seconds cost at a rate, exactly."""
        return cost_of_time(rate.per_minute, billed_s)

    def _tariff(self, direction: Direction) -> Tariff:
        return self.inbound if direction is Direction.INBOUND else self.outbound


def read_rate_card(text: str, file: str) -> RateCard:
    """Return the rate card of a file's text; raises FileProblem that names key and value."""
    root = TomlTable.of(text, file)
    name, currency = root.text("name"), _currency(root)
    calls, monthly = root.table("calls"), root.table("monthly")
    card = RateCard(
        name=name,
        currency=currency,
        inbound=_tariff(root.table(Direction.INBOUND.value)),
        outbound=_tariff(root.table(Direction.OUTBOUND.value)),
        number=monthly.amount("number", NOTHING),
        concurrent_call=monthly.amount("concurrent_call", NOTHING),
        increment_s=_seconds(calls, "increment_s", least=STEP_S),
        minimum_s=_seconds(calls, "minimum_s", least=0),
    )
    for table in (root, calls, monthly):
        table.refuse_others()
    return card


def _currency(root: TomlTable) -> str:
    currency = root.text("currency", "USD")
    if not _CURRENCY.fullmatch(currency):
        raise root.problem("currency", "an ISO 4217 code such as USD")
    return currency


def _seconds(calls: TomlTable, key: str, *, least: int) -> int:
    wanted = f"a multiple of {STEP_S} from {least} to {_LONGEST_INCREMENT_S}"
    return calls.whole(
        key,
        least,
        wanted,
        lambda value: least <= value <= _LONGEST_INCREMENT_S and value % STEP_S == 0,
    )


def _tariff(table: TomlTable) -> Tariff:
    tariff = Tariff(
        general=table.optional_amount(GENERAL),
        countries=table.amounts("countries", "an ISO 3166 code such as GB", is_country),
        prefixes=table.amounts(
            "prefixes", "the first digits of numbers in E.164, such as +447,", _is_prefix
        ),
    )
    table.refuse_others()
    return tariff


def is_country(code: str) -> bool:
    """Tell whether a code is one of ISO 3166 with numbers of its own, or `001`."""
    return code in SUPPORTED_REGIONS or code == WORLD_REGION


def _is_prefix(text: str) -> bool:
    return _PREFIX.fullmatch(text) is not None
