"""Offers beside each other, and what an edge of one's own costs, as people and programs read it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from billing.aws_prices import AwsPrices
from billing.comparison import Price, percent_saved, potential_savings, saved
from billing.infrastructure import CostLine, Fleet
from billing.money import exact_text, plus, rounded, total
from cli.bill_page import money

_RATE_PLACES = 4
_NOT_APPLICABLE = "N/A"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEdge:
    """What an edge of one's own costs, by the model."""

    fleet: Fleet
    concurrent_calls: int
    calls_per_node: int
    needed: int
    """Nodes that hold the peak, and one more."""
    lines: tuple[CostLine, ...]
    prices: AwsPrices

    @property
    def total(self) -> Decimal:
        """Return the whole, in cents."""
        return rounded(total(line.amount for line in self.lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that the command says."""

    usage: str
    """What was priced, in words."""
    offers: tuple[Price, ...]
    baseline: Price
    """Amazon's."""
    own_edge: OwnEdge | None
    is_partial: bool = False
    notes: tuple[str, ...] = ()
    """On the records that were priced."""

    @property
    def all_prices(self) -> tuple[Price, ...]:
        """Return the offers and Amazon, in the order of the columns."""
        return (*self.offers, self.baseline)


def table_of(found: Comparison) -> RenderableType:
    """Return the comparison for people."""
    parts: list[RenderableType] = [_offer_table(found)]
    if found.own_edge is not None:
        edge = found.own_edge
        parts += [_edge_title(edge), _edge_table(edge), _own_title(), _own_table(found, edge)]
    parts += [Text(f"* {note}") for note in notes_of(found)]
    return Group(*parts)


def json_of(found: Comparison) -> str:
    """Return the comparison for programs; amounts are texts, in cents where a table rounds them."""
    document: dict[str, object] = {
        "Usage": found.usage,
        "Currency": found.baseline.card.currency,
        "IsPartial": found.is_partial,
        "Offers": [_described(it, found.baseline) for it in found.all_prices],
        "Notes": list(notes_of(found)),
    }
    own = found.own_edge
    if own is not None:
        document["OwnEdge"] = _described_edge(own)
        document["SelfHosted"] = [_self_hosted(it, found.baseline, own) for it in found.offers]
    return json.dumps(document, indent=2, ensure_ascii=False)


def notes_of(found: Comparison) -> Iterator[str]:
    """Yield what a reader has to know, as sentences."""
    yield from found.notes
    for price in found.all_prices:
        if price.calls_without_rate:
            yield (
                f"{price.card.name} has no rate for {price.calls_without_rate:,} calls; its price "
                "lacks them."
            )
    if found.own_edge is not None:
        edge = found.own_edge
        yield (
            f"Prices of {edge.prices.region}, collected {edge.prices.as_of}; on demand, before "
            "taxes. The model and its limits: docs/billing.md."
        )
        yield (
            f"Nodes: {edge.needed} are needed. One is taken to hold {edge.calls_per_node:,} calls "
            f"at once, the peak is {edge.concurrent_calls:,}, and one node more may fail."
        )


def _offer_table(found: Comparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Monthly cost")
    for price in found.all_prices:
        table.add_column(Text(price.card.name), justify="right")
    currency = found.baseline.card.currency
    for name, cells in _rows(found, currency):
        table.add_row(name, *cells)
    return table


def _rows(found: Comparison, currency: str) -> Iterator[tuple[str, Sequence[str]]]:
    prices, baseline = found.all_prices, found.baseline
    cards = [price.card for price in prices]
    yield "Inbound call/minute", [_rate(it.inbound_rate, currency) for it in prices]
    yield "Outbound call/minute", [_rate(it.outbound_rate, currency) for it in prices]
    yield "Concurrent call charge", [_rate(card.concurrent_call, currency) for card in cards]
    yield "Number rental", [_rate(card.number, currency, 2) for card in cards]
    yield found.usage, [money(price.minutes, currency) for price in prices]
    if any(price.numbers != price.card.number for price in prices):
        yield "All numbers", [money(price.numbers, currency) for price in prices]
    if any(price.concurrent_calls != price.card.concurrent_call for price in prices):
        yield "All concurrent calls", [money(it.concurrent_calls, currency) for it in prices]
    yield "Normalized pricing/month", [money(price.normalised, currency) for price in prices]
    pairs = [(price.normalised, baseline.normalised) for price in found.offers]
    with_baseline = baseline.card.name
    yield (
        f"Potential savings with {with_baseline}",
        [*(_percent(potential_savings(of, by)) for of, by in pairs), _NOT_APPLICABLE],
    )
    yield (
        f"Paid less with {with_baseline}",
        [*(_saving(of, by, currency) for of, by in pairs), _NOT_APPLICABLE],
    )


def _edge_title(edge: OwnEdge) -> Text:
    fleet = edge.fleet
    nodes = "1 node" if fleet.nodes == 1 else f"{fleet.nodes} nodes"
    size = f"{nodes} of {fleet.vcpu:f} vCPU and {fleet.memory_gb:f} GB"
    return Text.assemble(("An edge of your own at AWS", "bold"), f", {size}, for a month")


def _own_title() -> Text:
    return Text.assemble(("Your own edge with a carrier", "bold"), ", for a month")


def _edge_table(edge: OwnEdge) -> Table:
    return lines_table(edge.lines, edge.total, edge.prices.currency)


def lines_table(lines: Iterable[CostLine], whole: Decimal, currency: str) -> Table:
    """Return the positions of the model with their sum."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Position")
    for name in ("Quantity", "Unit", "Price", "Amount"):
        table.add_column(name, justify="left" if name == "Unit" else "right", no_wrap=True)
    for line in lines:
        price = f"{_sign(currency)}{exact_text(line.price)}"
        quantity = f"{rounded(line.quantity):,}"
        table.add_row(line.what, quantity, line.unit, price, money(line.amount, currency))
    table.add_section()
    table.add_row(Text("Total", "bold"), "", "", "", Text(money(whole, currency), "bold"))
    return table


def _own_table(found: Comparison, edge: OwnEdge) -> Table:
    currency = found.baseline.card.currency
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Carrier")
    for name in ("Its price", "Edge", "Together", f"Paid less than {found.baseline.card.name}"):
        table.add_column(name, justify="right")
    for price in found.offers:
        together = plus(price.normalised, edge.total)
        table.add_row(
            Text(price.card.name),
            money(price.normalised, currency),
            money(edge.total, currency),
            money(together, currency),
            _saving(found.baseline.normalised, together, currency),
        )
    return table


def _described(price: Price, baseline: Price) -> Mapping[str, object]:
    card = price.card
    described: dict[str, object] = {
        "Name": card.name,
        "InboundPerMinute": _optional_text(price.inbound_rate, _RATE_PLACES),
        "OutboundPerMinute": _optional_text(price.outbound_rate, _RATE_PLACES),
        "ConcurrentCall": exact_text(card.concurrent_call),
        "NumberRental": exact_text(card.number),
        "Minutes": exact_text(rounded(price.minutes)),
        "Numbers": exact_text(rounded(price.numbers)),
        "ConcurrentCalls": exact_text(rounded(price.concurrent_calls)),
        "Normalized": exact_text(price.normalised),
        "CallsWithoutRate": price.calls_without_rate,
    }
    if price is baseline:
        return described
    of, by = price.normalised, baseline.normalised
    return {
        **described,
        "PotentialSavingsPercent": _optional_text(potential_savings(of, by)),
        "PaidLess": exact_text(saved(of, by)),
        "PaidLessPercent": _optional_text(percent_saved(of, by)),
    }


def _described_edge(edge: OwnEdge) -> Mapping[str, object]:
    return {
        "Region": edge.prices.region,
        "PricesAsOf": edge.prices.as_of,
        "Currency": edge.prices.currency,
        "Nodes": edge.fleet.nodes,
        "VirtualCpus": f"{edge.fleet.vcpu:f}",
        "MemoryGb": f"{edge.fleet.memory_gb:f}",
        "ConcurrentCalls": edge.concurrent_calls,
        "CallsPerNode": edge.calls_per_node,
        "NodesNeeded": edge.needed,
        "Lines": [described_line(line) for line in edge.lines],
        "Amount": exact_text(edge.total),
    }


def described_line(line: CostLine) -> Mapping[str, object]:
    """Return a position of the model for programs."""
    return {
        "What": line.what,
        "Quantity": exact_text(rounded(line.quantity, 6)),
        "Unit": line.unit,
        "Price": exact_text(line.price),
        "Amount": exact_text(rounded(line.amount, 6)),
    }


def _self_hosted(price: Price, baseline: Price, edge: OwnEdge) -> Mapping[str, object]:
    together = plus(price.normalised, edge.total)
    return {
        "Carrier": price.card.name,
        "CarrierAmount": exact_text(price.normalised),
        "EdgeAmount": exact_text(edge.total),
        "Amount": exact_text(together),
        "PaidLess": exact_text(saved(baseline.normalised, together)),
        "PaidLessPercent": _optional_text(percent_saved(baseline.normalised, together)),
    }


def _rate(price: Decimal | None, currency: str, places: int = _RATE_PLACES) -> str:
    return "by call" if price is None else f"{_sign(currency)}{exact_text(price, places)}"


def _sign(currency: str) -> str:
    return "$" if currency == "USD" else ""


def _percent(percent: Decimal | None) -> str:
    return _NOT_APPLICABLE if percent is None else f"{percent}%"


def _saving(of: Decimal, by: Decimal, currency: str) -> str:
    return f"{money(saved(of, by), currency)} ({_percent(percent_saved(of, by))})"


def _optional_text(value: Decimal | None, places: int = 2) -> str | None:
    return None if value is None else exact_text(value, places)
