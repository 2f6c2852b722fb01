"""`ovc cost compare`: offers beside each other, and an edge of one's own beside Amazon's."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from billing.aws_prices import AwsPrices
from billing.bill import Bill
from billing.comparison import WHITEPAPER_MINUTES, NoRate, Price, Usage, price_of
from billing.infrastructure import Fleet, Load, calls_per_node, infrastructure, nodes_needed
from billing.money import divided
from billing.rate_card import RateCard, is_country
from billing.traffic import USUAL_CALL_S, Traffic
from cli import cost_page, rate_files
from cli.bill import billed_month, month_of
from cli.bill_page import notes_of
from cli.cost_page import Comparison, OwnEdge
from cli.errors import CommandError, ExitCode
from cli.page import page_console
from cli.records.source import Place

_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """A month as it was typed; what is None is as in the whitepaper's table."""

    minutes: int | None = None
    inbound: int | None = None
    """Of the minutes."""
    numbers: int | None = None
    concurrent_calls: int | None = None
    country: str | None = None
    """Where the numbers are that are called."""
    call_seconds: int | None = None
    """How long a call lasts on average; None is a usual length."""

    @property
    def is_given(self) -> bool:
        """Tell whether anything was typed."""
        return self != Monthly()

    def usage(self) -> Usage:
        """Return the month; raises CommandError for more inbound minutes than there are."""
        minutes = WHITEPAPER_MINUTES if self.minutes is None else self.minutes
        if self.inbound is not None and self.inbound > minutes:
            raise CommandError(
                f"--inbound is {self.inbound}; at most the minutes, {minutes}, are wanted",
                ExitCode.USAGE,
            )
        if self.country is not None and not is_country(self.country):
            raise CommandError(
                f"--country is {self.country!r}; an ISO 3166 code such as US is wanted",
                ExitCode.USAGE,
            )
        usual = Usage.of_minutes(minutes, inbound=self.inbound)
        return replace(
            usual,
            numbers=usual.numbers if self.numbers is None else self.numbers,
            concurrent_calls=(
                usual.concurrent_calls if self.concurrent_calls is None else self.concurrent_calls
            ),
            country=self.country or usual.country,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """The edge's tasks as they were typed."""

    nodes: int | None = None
    """None: as many as the load needs, and one more."""
    vcpu: str | None = None
    memory_gb: str | None = None
    prices: Path | None = None
    """None: those that come with the product."""


class _Priced(NamedTuple):
    """What some cards make of a month, in their order, and what the month puts on an edge."""

    what: str
    prices: tuple[Price, ...]
    load: Load
    concurrent_calls: int
    mean_call_s: Decimal
    is_partial: bool = False
    notes: tuple[str, ...] = ()


def compare(
    *,
    files: Sequence[Path],
    monthly: Monthly,
    month: str | None,
    place: Place,
    tasks: Tasks,
    as_json: bool,
) -> None:
    """Print offers beside Amazon's: the whitepaper's table when nothing else is asked for."""
    if month is not None and monthly.is_given:
        raise CommandError(
            "--month reads everything about the calls from their records; --minutes, --inbound, "
            "--numbers, --concurrent, --country and --call-seconds cannot be given as well",
            ExitCode.USAGE,
        )
    amazon = rate_files.amazon()
    offers = [rate_files.rate_card(path) for path in files] or list(rate_files.offerings())
    cards = [*offers, amazon]
    _check_currencies(cards, amazon.currency)
    priced = _typed(cards, monthly) if month is None else _recorded(cards, month, place)
    is_more = bool(files) or month is not None or monthly.is_given or tasks != Tasks()
    found = Comparison(
        usage=priced.what,
        offers=priced.prices[:-1],
        baseline=priced.prices[-1],
        own_edge=_own_edge(priced, tasks, amazon.currency) if is_more else None,
        is_partial=priced.is_partial,
        notes=priced.notes,
    )
    if as_json:
        sys.stdout.write(cost_page.json_of(found) + "\n")
    else:
        page_console().print(cost_page.table_of(found))


def _typed(cards: Sequence[RateCard], monthly: Monthly) -> _Priced:
    usage = monthly.usage()
    try:
        prices = tuple(price_of(card, usage) for card in cards)
    except NoRate as error:
        raise CommandError(f"{error}; --month prices real calls", ExitCode.USAGE) from error
    call_s = monthly.call_seconds or USUAL_CALL_S
    calls = -(-(usage.inbound_s + usage.outbound_s) // call_s)
    return _Priced(
        what=f"{usage.minutes:,f} minutes/month",
        prices=prices,
        load=Load(minutes=usage.minutes, calls=calls),
        concurrent_calls=usage.concurrent_calls,
        mean_call_s=Decimal(call_s),
    )


def _recorded(cards: Sequence[RateCard], month: str, place: Place) -> _Priced:
    now = datetime.now(UTC)
    traffic = Traffic()
    billed = billed_month(
        place, month_of(month, now), cards, now=now, connector_id=None, traffic=traffic
    )
    bills = billed.bills
    minutes = divided(traffic.priced_s, _SECONDS_PER_MINUTE)
    return _Priced(
        what=f"{minutes:,.1f} minutes of {month}",
        prices=tuple(_price(bill) for bill in bills),
        load=traffic.load(refused=billed.rest.not_answered),
        concurrent_calls=traffic.concurrent_calls,
        mean_call_s=traffic.mean_call_s,
        is_partial=bills[-1].is_partial,
        notes=tuple(notes_of(bills[-1], billed.rest)),
    )


def _price(bill: Bill) -> Price:
    return Price(
        card=bill.card,
        minutes=bill.calls_total,
        numbers=bill.rentals_total,
        concurrent_calls=bill.concurrency_total,
        inbound_rate=None,
        outbound_rate=None,
        calls_without_rate=bill.without_rate,
    )


def _own_edge(priced: _Priced, tasks: Tasks, currency: str) -> OwnEdge:
    prices: AwsPrices = rate_files.aws_prices(tasks.prices)
    if prices.currency != currency:
        raise CommandError(
            f"AWS's prices are in {prices.currency}, the rate cards in {currency}; one currency is "
            "wanted for all",
            ExitCode.USAGE,
        )
    usual = Fleet(nodes=1)
    vcpu = usual.vcpu if tasks.vcpu is None else _size("--vcpu", tasks.vcpu)
    memory_gb = usual.memory_gb
    if tasks.memory_gb is not None:
        memory_gb = _size("--memory", tasks.memory_gb)
    needed = nodes_needed(priced.concurrent_calls, priced.mean_call_s, vcpu)
    fleet = Fleet(nodes=tasks.nodes or needed, vcpu=vcpu, memory_gb=memory_gb)
    return OwnEdge(
        fleet=fleet,
        concurrent_calls=priced.concurrent_calls,
        calls_per_node=calls_per_node(priced.mean_call_s, vcpu),
        needed=needed,
        lines=infrastructure(fleet, priced.load, prices),
        prices=prices,
    )


def _size(option: str, text: str) -> Decimal:
    wanted = "a number such as 0.5, from 0.25 to 120,"
    try:
        size = Decimal(text)
    except ArithmeticError as error:
        raise CommandError(f"{option} is {text!r}; {wanted} is wanted", ExitCode.USAGE) from error
    if not (size.is_finite() and Decimal("0.25") <= size <= 120):
        raise CommandError(f"{option} is {text!r}; {wanted} is wanted", ExitCode.USAGE)
    return size


def _check_currencies(cards: Sequence[RateCard], currency: str) -> None:
    for card in cards:
        if card.currency != currency:
            raise CommandError(
                f"the rate card {card.name!r} is in {card.currency}, Amazon's in {currency}; "
                "amounts in two currencies cannot be compared: convert its prices first",
                ExitCode.USAGE,
            )
