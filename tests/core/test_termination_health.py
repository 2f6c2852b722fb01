"""Which OPTIONS prove a connector's health, and how often that is told (EDGE F11)."""

import pytest

from edge.flow import Address
from edge.seam import Drain, NoteHealth
from tests.core.stand import CARRIER, CONNECTOR_ID, EDGE, HOST, PBX, SECOND_PBX, Node
from tests.policy.world import datagram, utc_of

STRANGER: Address = ("192.0.2.200", 5060)


def ping(
    node: Node, uri: str = f"sip:{HOST}", remote: Address = PBX, now: float = 0.0
) -> list[NoteHealth]:
    """Send an OPTIONS; return what was noted of it."""
    node.pings.clear()
    via = f"SIP/2.0/UDP {remote[0]}:5060;branch=z9hG4bK{now}{remote[0]};rport"
    node.ask(datagram("OPTIONS", uri, via=via), remote, now)
    return list(node.pings)


def test_an_accepted_ping_of_a_listed_host_is_noted() -> None:  # EDGE F11
    from_second = ping(Node(), remote=SECOND_PBX, now=1.5)
    # The clocks of the node and of the expected moment start together.
    assert from_second == [NoteHealth(CONNECTOR_ID, SECOND_PBX[0], utc_of(1.5))]


@pytest.mark.parametrize(
    ("uri", "remote"),
    [(f"sip:{EDGE[0]}", PBX), (f"sip:{HOST}", STRANGER), (f"sip:{HOST}", CARRIER)],
    ids=["no connector named", "not listed", "a carrier"],
)
def test_other_pings_prove_nothing(uri: str, remote: Address) -> None:  # EDGE F11, 2.1
    assert ping(Node(), uri, remote) == []


def test_it_is_told_at_most_every_ten_seconds_whoever_pings() -> None:  # EDGE F11
    node = Node()
    told = [
        len(ping(node, remote=remote, now=now))
        for now, remote in ((0.0, PBX), (0.1, SECOND_PBX), (9.9, PBX), (10.0, PBX), (15.0, PBX))
    ]
    assert told == [1, 0, 0, 1, 0]


def test_a_draining_node_answers_503_and_notes_nothing() -> None:  # EDGE F11, R31
    node = Node()
    node.core.handle(Drain(), 0.0)
    assert ping(node) == []
    assert node.sent[0].data.startswith(b"SIP/2.0 503 ")
