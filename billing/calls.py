"""Calls as they are billed: made of a detail record, the quality record beside it, the inventory.

A call to or from a number of the public network has a price. One between our own connectors, or
into a meeting, has none. The quality record says which it was (EDGE X10). Without one the inventory
decides: the other side of a call is on net when it is a number that one of our connectors or groups
holds now. That is a guess for calls from outside, whose caller id may claim to be one of ours, and
it knows no meeting: a bill tells how many calls were judged so.
"""

from collections.abc import Container
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from billing.rate_card import Direction
from model.calls import customer_number
from model.cdr import UNKNOWN_COUNTRY, CallStatus
from model.cdr_reader import ReadRecord
from model.cqr import CallRoute
from model.numbers import facts_of


class RouteSource(Enum):
    """Who says where the other side of a call is."""

    QUALITY_RECORD = "quality record"
    INVENTORY = "inventory"


class BillableCall(NamedTuple):
    """An answered call of one connector."""

    connector_id: str
    number: str
    """The customer's own."""
    direction: Direction
    called: str
    country: str
    """Of the number that is called: ISO 3166, `001` for non-geographic ones, `ZZ` for what is no
    valid number, as an emergency code."""
    route: CallRoute
    route_source: RouteSource
    recorded_s: int
    """BillableDuration."""
    started_at: datetime
    ended_at: datetime


def is_billable(record: ReadRecord) -> bool:
    """Tell whether a record is of a call that was answered and lasted."""
    return record.status is CallStatus.COMPLETED and record.billed_s > 0


def billable_call(
    record: ReadRecord, route: CallRoute | None, associated: Container[str]
) -> BillableCall:
    """Return the call of a record; `route` is that of its quality record, `associated` are the
    numbers that connectors and groups hold."""
    number = customer_number(record.disposition, record.from_number, record.to_number)
    direction = Direction.of(record.disposition)
    inbound = direction is Direction.INBOUND
    other = record.from_number if inbound else record.to_number
    facts = facts_of(record.to_number)
    return BillableCall(
        connector_id=record.connector_id,
        number=number,
        direction=direction,
        called=record.to_number,
        country=UNKNOWN_COUNTRY if facts is None else facts.region,
        route=route or (CallRoute.ON_NET if other in associated else CallRoute.PSTN),
        route_source=RouteSource.INVENTORY if route is None else RouteSource.QUALITY_RECORD,
        recorded_s=record.billed_s,
        started_at=record.started_at,
        ended_at=record.ended_at,
    )
