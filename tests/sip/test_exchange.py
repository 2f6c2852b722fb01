"""Transactions of both kinds as they begin: table, state, key."""

import pytest

from edge.sip.exchange import ClientTransaction, ServerTransaction
from edge.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Event,
    State,
    Table,
    Transaction,
)
from tests.sip.stand import FLOW, INVITE, Caller, peer_request, read_request


def silent(transaction: Transaction, event: Event, now: float) -> None:
    """Run nothing."""


@pytest.mark.parametrize(
    ("method", "table", "state"),
    [
        ("INVITE", INVITE_CLIENT, State.CALLING),
        ("BYE", CLIENT, State.TRYING),
        ("CANCEL", CLIENT, State.TRYING),
        ("OPTIONS", CLIENT, State.TRYING),
    ],
)
def test_a_request_of_ours(method: str, table: Table, state: State) -> None:
    request = INVITE._replace(method=method)
    begun = ClientTransaction(request, "z9hG4bK1", FLOW, Caller(), silent)
    assert begun.table is table
    assert begun.state is state
    assert begun.key == ("z9hG4bK1", method)  # RFC 3261 §17.1.3
    assert (begun.armed, begun.last_sent) == ({}, None)


@pytest.mark.parametrize(
    ("method", "table", "state"),
    [("INVITE", INVITE_SERVER, State.PROCEEDING), ("BYE", SERVER, State.TRYING)],
)
def test_a_request_of_a_peers(method: str, table: Table, state: State) -> None:
    request = read_request(peer_request(method))
    begun = ServerTransaction(request, FLOW, ("key",), "tag", silent)
    assert begun.table is table
    assert begun.state is state
    assert (begun.request, begun.to_tag, begun.user) == (request, "tag", None)


def test_an_outgoing_request_has_the_usual_defaults() -> None:
    assert INVITE._replace(routes=()).max_forwards == 70  # RFC 3261 §8.1.1.6, EDGE B4
