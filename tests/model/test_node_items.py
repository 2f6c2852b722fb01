"""Edge nodes as items, and how long they count as alive."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from model import call_items
from model.codec import encode_item
from model.node import LIVE_FOR, CarrierState, NodeState, TlsState
from model.node_items import node_from, node_members
from model.tables import EXPIRES_AT

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
NODE = NodeState(
    node_id="node1",
    sip_address="198.51.100.10:5060",
    started_at=NOW - timedelta(hours=1),
    renewed_at=NOW,
    active_calls=3,
    draining=True,
    carriers=(
        CarrierState(
            name="first", host="203.0.113.5", port=5060, priority=1, weight=2, out_until=None
        ),
        CarrierState(
            name="second",
            host="203.0.113.6",
            port=5070,
            priority=2,
            weight=1,
            out_until=NOW + timedelta(seconds=30),
            registration="registered",
        ),
    ),
    task="arn:aws:ecs:us-east-1:000000000000:task/ovc-edge/0123456789abcdef0123456789abcdef",
    shown_at=NOW + timedelta(seconds=3),
    tls=TlsState(is_open=True, ends_at=NOW + timedelta(days=60), covers_hosts=True),
)


@pytest.mark.parametrize(
    "node",
    [
        NODE,
        replace(NODE, carriers=(), draining=False, task=None, shown_at=None, tls=None),
        replace(NODE, tls=TlsState(is_open=False)),
    ],
)
def test_a_node_is_read_back(node: NodeState) -> None:
    assert node_from(encode_item(node_members(node))) == node


def test_a_node_is_found_by_its_id_and_outlives_the_rows_of_its_calls() -> None:  # EDGE C9
    members = node_members(NODE)
    assert (members["pk"], members["sk"]) == ("node", "node1")
    assert members[EXPIRES_AT] == int((NOW + timedelta(days=91)).timestamp())
    assert timedelta(days=91) > call_items.KEPT


@pytest.mark.parametrize(
    ("silent", "is_live"),
    [
        (timedelta(0), True),
        (LIVE_FOR, True),
        (LIVE_FOR + timedelta(milliseconds=1), False),
        (-timedelta(seconds=5), True),
    ],
    ids=["just renewed", "at the limit", "beyond it", "by a clock ahead of ours"],
)
def test_a_node_lives_as_long_as_it_shows_itself(silent: timedelta, is_live: bool) -> None:
    assert timedelta(seconds=30) == LIVE_FOR
    assert replace(NODE, shown_at=NOW).is_live(NOW + silent) is is_live


def test_a_lease_by_a_clock_that_stands_elsewhere_hides_no_node() -> None:
    # EDGE C9: it is for the ends of calls; whether a node lives, clocks of machines tell.
    stepped = replace(NODE, renewed_at=NOW - timedelta(days=400), shown_at=NOW)
    assert stepped.is_live(NOW)
    assert not replace(stepped, shown_at=None).is_live(NOW), "as a node of an earlier version"
