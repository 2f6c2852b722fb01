"""`ovc bill`: what a month of calls and numbers costs by a rate card."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from billing.bill import Bill, BillMaker
from billing.month import Month
from billing.rate_card import RateCard
from billing.traffic import Traffic
from cli import bill_page, rate_files
from cli.bill_columns import Column, Form
from cli.bill_page import Remainder
from cli.deployment import repository
from cli.errors import CommandError, ExitCode
from cli.month_of_calls import MonthOfCalls
from cli.page import page_console
from cli.records.choice import chosen
from cli.records.progress import Teller
from cli.records.source import Place, opened
from lambdas.management.errors import ApiError
from model.numbers import InventoryNumber


class Billed(NamedTuple):
    """A month, by each of some rate cards."""

    bills: tuple[Bill, ...]
    rest: Remainder


def run(
    *,
    month: str,
    rates: Path | None,
    by: Sequence[Column],
    form: Form,
    connector: str | None,
    bucket: str | None,
    key_prefix: str | None,
    prefix: str | None,
    region: str | None,
    api_port: int | None,
) -> None:
    """Print the bill."""
    now = datetime.now(UTC)
    place = Place(bucket, key_prefix, prefix, region, api_port)
    card = rate_files.amazon() if rates is None else rate_files.rate_card(rates)
    connector_id = chosen(connector=connector).connector_id
    columns = tuple(dict.fromkeys(by)) or tuple(Column)
    billed = billed_month(place, month_of(month, now), [card], now=now, connector_id=connector_id)
    (bill,) = billed.bills
    match form:
        case Form.TABLE:
            page_console().print(bill_page.table_of(bill, billed.rest, columns))
        case Form.CSV:
            sys.stdout.write(bill_page.csv_of(bill, columns))
            for note in bill_page.notes_of(bill, billed.rest):
                Teller()(note)
        case Form.JSON:
            sys.stdout.write(bill_page.json_of(bill, billed.rest, columns) + "\n")


def month_of(text: str, now: datetime) -> Month:
    """Return a month that has begun; raises CommandError for any other text."""
    try:
        month = Month.parse(text)
    except ValueError as error:
        raise CommandError(f"--month is {error}", ExitCode.USAGE) from error
    if month > Month.of(now):
        today = f"{now:%Y-%m-%d %H:%M} of UTC"
        raise CommandError(
            f"--month is {month}, which has not begun: it is {today}", ExitCode.USAGE
        )
    return month


def billed_month(
    place: Place,
    month: Month,
    cards: Sequence[RateCard],
    *,
    now: datetime,
    connector_id: str | None,
    traffic: Traffic | None = None,
) -> Billed:
    """Read a month once and return its bill by each card; raises CommandError.

    `traffic`, when it is given, takes all the calls as well.
    """
    source = opened(place)
    inventory = _inventory(place)
    teller = Teller()
    reading = MonthOfCalls(
        source.bucket, month, key_prefix=source.key_prefix, connector_id=connector_id, tell=teller
    )
    makers = [BillMaker(card, month) for card in cards]
    associated = frozenset(it.e164 for it in inventory if it.target is not None)
    takers: list[BillMaker | Traffic] = [*makers, *([] if traffic is None else [traffic])]
    with teller.watched(reading.stream, is_free=True):
        for call in reading.calls(associated):
            for taker in takers:
                taker.add(call)
    is_partial = month == Month.of(now)
    wanted = [it for it in inventory if connector_id in (None, it.connector_id)]
    return Billed(
        tuple(maker.bill(wanted, is_partial=is_partial) for maker in makers),
        Remainder(not_answered=reading.not_answered, unreadable=reading.unreadable),
    )


def _inventory(place: Place) -> list[InventoryNumber]:
    try:
        found = repository(prefix=place.prefix, region=place.region, api_port=place.api_port)
        return list(found.numbers.inventory())
    except (ApiError, BotoCoreError, ClientError) as error:
        cause = error.__cause__ or error
        raise CommandError(f"the inventory of numbers cannot be read: {cause}") from error
    except (KeyError, ValueError) as error:
        raise CommandError(f"a number of the inventory is damaged: {error!r}") from error
