"""A bill as people and programs read it: table, CSV, JSON.

Amounts are exact in CSV and JSON, as texts: a program that reads them as binary floating point
would lose what was kept. The table shows cents, and of calls hundredths of them.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from billing.bill import FREE, NO_RATE, Bill, CallLine, countries_at_flat_rate, summed
from billing.calls import RouteSource
from billing.money import divided, exact_text, rounded
from billing.rate_card import GENERAL
from cli.bill_columns import Column
from cli.page import told

_SECONDS_PER_MINUTE = 60
_SYMBOLS = {"USD": "$"}
_RATE_PLACES = 4


_MEMBERS = {
    Column.CONNECTOR: "connector_id",
    Column.NUMBER: "number",
    Column.DIRECTION: "direction",
    Column.COUNTRY: "country",
    Column.ROUTE: "route",
    Column.RATE: "entry",
}
_JSON_NAMES = {
    Column.CONNECTOR: "VoiceConnectorId",
    Column.NUMBER: "PhoneNumber",
    Column.DIRECTION: "Direction",
    Column.COUNTRY: "Country",
    Column.ROUTE: "Route",
    Column.RATE: "Rate",
}
_TOTALS = (Column.CONNECTOR, Column.NUMBER, Column.DIRECTION, Column.COUNTRY)
CSV_HEAD = (
    *("kind", "connector", "number", "direction", "country", "route", "rate"),
    *("per_minute", "calls", "minutes", "amount", "currency"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What was read for a bill and is not in its lines."""

    not_answered: int
    """Records of calls that were refused, limited, or had no length."""
    unreadable: int
    """Objects that are no detail record."""


def table_of(bill: Bill, rest: Remainder, by: Sequence[Column]) -> RenderableType:
    """Return the bill for people, its lines added up by some columns."""
    parts: list[RenderableType] = [_title(bill)]
    parts.append(_call_table(bill, by) if bill.calls else Text("No call was answered."))
    if bill.rentals:
        parts.append(_rental_table(bill))
    if bill.concurrency:
        parts.append(_concurrency_table(bill))
    return Group(*parts, _sums(bill), *(Text(f"* {note}") for note in notes_of(bill, rest)))


def csv_of(bill: Bill, by: Sequence[Column]) -> str:
    """Return the lines of the bill as CSV, without sums: who adds them up gets the total."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    currency = bill.card.currency
    for line in _lines(bill, by):
        shown = dict(zip(_MEMBERS, line.key, strict=True))
        row = ("call", *shown.values(), _price(line), line.calls, minutes_of(line.billed_s))
        writer.writerow((*row, exact_text(line.amount), currency))
    for rental in bill.rentals:
        empty = [""] * 7
        row = ("number", rental.holder, rental.number, *empty)
        writer.writerow((*row, exact_text(rental.amount), currency))
    for busiest in bill.concurrency:
        row = ("concurrent-calls", busiest.connector_id, *[""] * 6, str(busiest.calls), "")
        writer.writerow((*row, exact_text(busiest.amount), currency))
    return text.getvalue()


def json_of(bill: Bill, rest: Remainder, by: Sequence[Column]) -> str:
    """Return the bill for programs, with the totals of each column by itself."""
    document = {
        "Month": str(bill.month),
        "From": f"{bill.month.since:%Y-%m-%dT%H:%M:%SZ}",
        "Before": f"{bill.month.before:%Y-%m-%dT%H:%M:%SZ}",
        "IsPartial": bill.is_partial,
        "RateCard": bill.card.name,
        "Currency": bill.card.currency,
        "Lines": [_described(line, by) for line in _lines(bill, by)],
        "Totals": {
            column.value.capitalize(): [_described(line, (column,)) for line in lines]
            for column, lines in ((it, _lines(bill, (it,))) for it in _TOTALS)
        },
        "PhoneNumbers": [
            {"PhoneNumber": it.number, "Holder": it.holder, "Amount": exact_text(it.amount)}
            for it in bill.rentals
        ],
        "ConcurrentCalls": [
            {
                "VoiceConnectorId": it.connector_id,
                "Calls": it.calls,
                "Amount": exact_text(it.amount),
            }
            for it in bill.concurrency
        ],
        "CallsAmount": exact_text(bill.calls_total),
        "PhoneNumbersAmount": exact_text(bill.rentals_total),
        "ConcurrentCallsAmount": exact_text(bill.concurrency_total),
        "Amount": exact_text(bill.total),
        "RoutesFrom": {
            "QualityRecord": bill.judged_by.get(RouteSource.QUALITY_RECORD, 0),
            "Inventory": bill.judged_by.get(RouteSource.INVENTORY, 0),
        },
        "CallsWithoutRate": bill.without_rate,
        "NotAnswered": rest.not_answered,
        "Unreadable": rest.unreadable,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def notes_of(bill: Bill, rest: Remainder) -> Iterator[str]:
    """Yield what a reader of the bill has to know, as sentences."""
    if bill.is_partial:
        yield "The month is not over: this is what it has come to so far."
    judged = bill.judged_by.get(RouteSource.INVENTORY, 0)
    if judged:
        yield (
            f"{_counted(judged, 'call has', 'calls have')} no quality record: the inventory as it "
            "is now decided what is on net, and no call into a meeting was known "
            "(setting records.quality)."
        )
    if bill.without_rate:
        yield (
            f"{_counted(bill.without_rate, 'call has', 'calls have')} no rate on the card "
            f"{bill.card.name}; the total lacks them."
        )
    if flat := countries_at_flat_rate(bill):
        yield (
            f"The card {bill.card.name} has one rate for all calls out: those to "
            f"{', '.join(flat)} have it as well."
        )
    if rest.not_answered:
        yield f"{_counted(rest.not_answered, 'call was', 'calls were')} not answered: not billed."
    if rest.unreadable:
        yield (
            f"{_counted(rest.unreadable, 'object is', 'objects are')} no detail record that can be "
            "read; standard error names them, and the bill lacks them."
        )


def money(amount: Decimal, currency: str, places: int = 2) -> str:
    """Return an amount as people write it, in cents or with more decimals."""
    shown = f"{rounded(amount, places):,.{places}f}"
    symbol = _SYMBOLS.get(currency)
    if symbol is None:
        return f"{shown} {currency}"
    return f"-{symbol}{shown[1:]}" if shown.startswith("-") else f"{symbol}{shown}"


def minutes_of(billed_s: int) -> str:
    """Return billed seconds in minutes: multiples of 6 s are tenths."""
    return f"{divided(billed_s, _SECONDS_PER_MINUTE):.1f}"


def _lines(bill: Bill, by: Sequence[Column]) -> Iterable[CallLine]:
    return summed(bill.calls, [_MEMBERS[column] for column in by]).values()


def _described(line: CallLine, by: Sequence[Column]) -> Mapping[str, object]:
    names = {_JSON_NAMES[it]: getattr(line.key, _MEMBERS[it]) for it in by}
    price = {"PerMinute": _price(line)} if Column.RATE in by else {}
    return {
        **names,
        **price,
        "Calls": line.calls,
        "BilledSeconds": line.billed_s,
        "Amount": exact_text(line.amount),
    }


def _title(bill: Bill) -> Text:
    part = " so far" if bill.is_partial else ""
    return Text.assemble(
        (f"Bill of {bill.month}{part}", "bold"),
        f", calls that began in this month of UTC, by the rate card {bill.card.name}",
    )


def _call_table(bill: Bill, by: Sequence[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in by:
        table.add_column(column.value.capitalize(), no_wrap=True)
    for name in ("Calls", "Minutes", "Amount"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in _lines(bill, by):
        cells = [_cell(line, column) for column in by]
        counts = (f"{line.calls:,}", minutes_of(line.billed_s))
        table.add_row(*cells, *counts, money(line.amount, bill.card.currency, _RATE_PLACES))
    return table


def _cell(line: CallLine, column: Column) -> Text:
    text = told(line.key._asdict(), _MEMBERS[column])
    if column is not Column.RATE:
        return Text(text)
    if text in (FREE.entry, NO_RATE.entry):
        return Text(text)
    return Text(_price(line) if text == GENERAL else f"{_price(line)} {text}")


def _price(line: CallLine) -> str:
    """Return what a minute of a line costs, as text; empty where that is not one price."""
    if line.key.entry in ("", NO_RATE.entry):
        return ""
    return exact_text(line.per_minute, _RATE_PLACES)


def _rental_table(bill: Bill) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Number held in the month", no_wrap=True)
    table.add_column("By", no_wrap=True)
    table.add_column("Amount", justify="right", no_wrap=True)
    for line in bill.rentals:
        table.add_row(line.number, line.holder or "-", money(line.amount, bill.card.currency))
    return table


def _concurrency_table(bill: Bill) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Connector", no_wrap=True)
    table.add_column("Calls at once", justify="right", no_wrap=True)
    table.add_column("Amount", justify="right", no_wrap=True)
    for line in bill.concurrency:
        amount = money(line.amount, bill.card.currency)
        table.add_row(Text(line.connector_id), f"{line.calls:,}", amount)
    return table


def _sums(bill: Bill) -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    sums = [("Calls", bill.calls_total), ("Numbers", bill.rentals_total)]
    if bill.concurrency:
        sums.append(("Concurrent calls", bill.concurrency_total))
    for name, amount in sums:
        table.add_row(name, money(amount, bill.card.currency))
    table.add_row(Text("Total", "bold"), Text(money(bill.total, bill.card.currency), "bold"))
    return table


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
