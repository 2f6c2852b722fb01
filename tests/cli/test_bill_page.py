"""A bill as it is printed: table, CSV and JSON, to the character."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from billing.bill import Bill, BillMaker
from billing.calls import billable_call
from billing.month import Month
from billing.rate_card import RateCard
from cli.bill_columns import Column
from cli.bill_page import Remainder, csv_of, json_of, money, table_of
from model.cqr import CallRoute
from tests.billing.samples import AMAZON, LONDON, WORLD, held, inbound, record

GOLDEN = Path(__file__).parent / "golden"
ALL = tuple(Column)
CLEAN = Remainder(not_answered=0, unreadable=0)
FLAWED = Remainder(not_answered=1200, unreadable=1)
SECOND = "+12065550102"


def bill(rates: RateCard = AMAZON, *, is_partial: bool = False) -> Bill:
    maker = BillMaker(rates, Month(2026, 11))
    maker.add(billable_call(record(), CallRoute.PSTN, ()))
    maker.add(billable_call(record(lasted_ms=3_600_000), None, ()))
    maker.add(billable_call(record(LONDON, SECOND), CallRoute.PSTN, ()))
    maker.add(billable_call(record("+4930123456", SECOND), CallRoute.PSTN, ()))
    maker.add(billable_call(record(SECOND), None, (SECOND,)))
    maker.add(billable_call(inbound(), CallRoute.CONFERENCE, ()))
    return maker.bill([held(), held(SECOND, connector_id=None)], is_partial=is_partial)


def printed(made: Bill, rest: Remainder = CLEAN, by: tuple[Column, ...] = ALL) -> str:
    text = io.StringIO()
    Console(file=text, width=200, no_color=True).print(table_of(made, rest, by))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def golden(name: str) -> str:
    return (GOLDEN / name).read_text()


def test_the_table_by_the_whitepapers_rates() -> None:
    # WHITEPAPER Table 1, EDGE C4
    assert printed(bill()) == golden("bill.txt")


def test_the_table_of_a_month_that_is_not_over_and_of_flawed_records() -> None:
    by = (Column.DIRECTION, Column.COUNTRY)
    assert printed(bill(WORLD, is_partial=True), FLAWED, by) == golden("bill-by-country.txt")


def test_the_csv() -> None:
    assert csv_of(bill(WORLD), ALL) == golden("bill.csv")
    assert csv_of(bill(WORLD), (Column.NUMBER,)) == golden("bill-by-number.csv")


def test_the_json() -> None:
    by = (Column.DIRECTION, Column.RATE)
    assert json_of(bill(WORLD, is_partial=True), FLAWED, by) + "\n" == golden("bill.json")


def test_whoever_adds_the_csv_up_gets_the_total() -> None:
    for by in (ALL, (Column.COUNTRY,), ()):
        rows = csv.DictReader(io.StringIO(csv_of(bill(WORLD), by)))
        assert sum(Decimal(row["amount"]) for row in rows) == bill(WORLD).total


def test_amounts_are_texts_in_json() -> None:
    def check(value: object) -> None:
        assert not isinstance(value, float)
        for inner in value.values() if isinstance(value, dict) else ():
            check(inner)
        for inner in value if isinstance(value, list) else ():
            check(inner)

    check(json.loads(json_of(bill(), CLEAN, ALL)))


def test_a_month_without_calls_is_a_bill_of_its_numbers() -> None:
    empty = BillMaker(AMAZON, Month(2026, 11)).bill([held()], is_partial=False)
    assert printed(empty).splitlines()[1] == "No call was answered."
    assert "Total    $1.00" in printed(empty)


def test_what_a_record_says_does_nothing_to_the_terminal() -> None:
    maker = BillMaker(AMAZON, Month(2026, 11))
    hostile = record(from_number="\x1b[2J[bold]+1206[/nothing]")
    maker.add(billable_call(hostile, CallRoute.PSTN, ()))
    shown = printed(maker.bill([], is_partial=False))
    assert "\N{REPLACEMENT CHARACTER}[2J[bold]+1206[/nothing]" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1234567.895", "USD", "$1,234,567.90"),
        ("-0.005", "USD", "-$0.01"),
        ("2.5", "EUR", "2.50 EUR"),
    ],
)
def test_money_is_written_as_people_do(amount: str, currency: str, shown: str) -> None:
    assert money(Decimal(amount), currency) == shown
