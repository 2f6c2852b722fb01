"""Rows of calls and nodes as the edge writes them, for tests of what reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from model.call_items import due_members, ended_members, live_members
from model.calls import LiveCall
from model.cdr import NORMAL_CALL_CLEARING, CallDetailRecord, CallStatus, Disposition
from model.codec import encode_item
from model.node import CarrierState, NodeState
from model.node_items import node_members
from model.quality import CallQuality
from model.tables import CALLS, NODES
from tests.management.local_api import LocalApi

CONNECTOR_ID = "abcdef1ghij2klmno3pqr4"
OTHER_ID = "zbcdef1ghij2klmno3pqr4"
OWN, PEER = "+15105550101", "+14155550102"
BEGAN = datetime(2026, 1, 1, 23, 59, 59, 500_000, tzinfo=UTC)
NODE = "node1"


def record(number: int, **members: Any) -> CallDetailRecord:
    """Return a record; each number starts a second after the one before and lasts six."""
    started_at = members.pop("started_at", BEGAN + timedelta(seconds=number))
    status = members.pop("status", CallStatus.COMPLETED)
    arguments: dict[str, Any] = {
        "account_id": "000000000000",
        "transaction_id": f"{number:08d}-0000-4000-8000-000000000000",
        "call_id": f"{number}@192.0.2.1",
        "connector_id": CONNECTOR_ID,
        "from_number": OWN,
        "to_number": PEER,
        "status_message": NORMAL_CALL_CLEARING,
        "disposition": Disposition.TERMINATION,
        "status": status,
        "sip_auth_user": None,
        "answered": status is CallStatus.COMPLETED,
        "started_at": started_at,
        "ended_at": started_at + timedelta(seconds=6),
    }
    return CallDetailRecord(**(arguments | members))


def live_call(number: int, **members: Any) -> LiveCall:
    """Return a call that is up; each number was answered a second after the one before."""
    arguments: dict[str, Any] = {
        "transaction_id": f"{number:08d}-0000-4000-8000-000000000001",
        "call_id": f"{number}@192.0.2.1",
        "connector_id": CONNECTOR_ID,
        "from_number": OWN,
        "to_number": PEER,
        "disposition": Disposition.TERMINATION,
        "sip_auth_user": None,
        "answered_at": BEGAN + timedelta(seconds=number),
    }
    return LiveCall(**(arguments | members))


def carrier(name: str, **members: Any) -> CarrierState:
    """Return a healthy carrier."""
    arguments: dict[str, Any] = {
        "name": name,
        "host": "203.0.113.5",
        "port": 5060,
        "priority": 1,
        "weight": 1,
        "out_until": None,
    }
    return CarrierState(**(arguments | members))


def node(node_id: str, renewed_at: datetime, **members: Any) -> NodeState:
    """Return a node."""
    arguments: dict[str, Any] = {
        "node_id": node_id,
        "sip_address": "198.51.100.10:5060",
        "started_at": BEGAN,
        "renewed_at": renewed_at,
        "active_calls": 0,
        "draining": False,
        "carriers": (),
    }
    return NodeState(**(arguments | members))


class Rows:
    """Writes rows into the tables of an API."""

    def __init__(self, api: LocalApi) -> None:
        self._api = api

    def ended(
        self,
        *records: CallDetailRecord,
        has_object: bool = True,
        quality: CallQuality | None = None,
    ) -> None:
        """Write calls that have ended."""
        for it in records:
            self._put_call(ended_members(it, NODE, it.key() if has_object else None, quality))

    def due(self, *records: CallDetailRecord, node_id: str = NODE) -> None:
        """Write calls that have ended and whose objects are on their way."""
        for it in records:
            self._put_call(due_members(it, node_id, "some-bucket", it.key()))

    def live(
        self, *calls: LiveCall, node_id: str = NODE, quality: CallQuality | None = None
    ) -> None:
        """Write calls that are up."""
        for call in calls:
            self._put_call(live_members(call, node_id, quality))

    def nodes(self, *nodes: NodeState) -> None:
        """Write nodes."""
        for it in nodes:
            item: Any = encode_item(node_members(it))
            table = NODES.physical_name(self._api.prefix)
            self._api.dynamodb.put_item(TableName=table, Item=item)

    def _put_call(self, members: Any) -> None:
        item: Any = encode_item(members)
        self._api.dynamodb.put_item(TableName=CALLS.physical_name(self._api.prefix), Item=item)
