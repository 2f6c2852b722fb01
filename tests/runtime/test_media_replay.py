"""A real call's packets through a worker: what comes out is what should (EDGE Q6, SD5, V1, V2)."""

from pathlib import Path

import pytest

from edge.media.session import PayloadTypes, Side
from edge.media.srtp_keys import LegSrtp, SrtpKey, Suite
from tests.runtime.media_stand import Stand
from tests.support.srtp_reference import ReferenceSrtp

pytestmark = pytest.mark.sockets

RECORDED = Path(__file__).parent.parent / "vectors" / "linphone-call.rtp"
OURS = SrtpKey(Suite.AES_256_CM_HMAC_SHA1_80, bytes(range(32)), bytes(range(14)))
THEIRS = SrtpKey(Suite.AES_256_CM_HMAC_SHA1_80, bytes(range(1, 33)), bytes(range(14)))
PCMU, COMFORT_NOISE, EVENT = 0, 13, 101
THEIR_EVENT = 96
"""What the other end calls telephone-events."""


def recorded() -> list[bytes]:
    """Return the datagrams in the order in which they came."""
    lines = RECORDED.read_text().splitlines()
    return [bytes.fromhex(it.split(" ")[1]) for it in lines if not it.startswith("#")]


def expected(datagrams: list[bytes]) -> list[bytes]:
    """Return what the other end should get: audio as it is, digits under its own number."""
    passed = []
    for data in datagrams:
        is_rtp, payload_type = data[0] >> 6 == 2, data[1] & 0x7F
        if is_rtp and payload_type == PCMU:
            passed.append(data)
        elif is_rtp and payload_type == EVENT:
            passed.append(data[:1] + bytes((data[1] - EVENT + THEIR_EVENT,)) + data[2:])
    return passed


def without_repetitions(packets: list[bytes]) -> list[bytes]:
    """Return what is left under SRTP: no sequence number is encrypted twice (RFC 3711 §9.1)."""
    by_sequence = {packet[2:4]: packet for packet in packets}
    return list(by_sequence.values())


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_recorded_call(is_encrypted: bool) -> None:
    datagrams = recorded()
    passed = expected(datagrams)
    assert len(without_repetitions(passed)) == len(passed) - 2
    wanted = without_repetitions(passed) if is_encrypted else passed
    kinds = [data[1] & 0x7F for data in datagrams if data[0] >> 6 == 2]
    assert {PCMU, COMFORT_NOISE, EVENT} == set(kinds) and len(kinds) < len(datagrams)
    srtp = LegSrtp(OURS, THEIRS) if is_encrypted else None
    key = ReferenceSrtp(OURS.suite.value, OURS.key, OURS.salt) if is_encrypted else None
    with Stand() as stand:
        a, b = stand.phone("127.0.0.2"), stand.phone("127.0.0.3")
        session, a_port, _ = stand.open()
        stand.describe(session, Side.A, a)
        stand.describe(session, Side.B, b, peer_expects=PayloadTypes(PCMU, THEIR_EVENT), srtp=srtp)
        stand.barrier()
        for data in datagrams:
            a.send(data, a_port)
        heard = [b.receive() for _ in wanted]
        counted = stand.close(session).a
        assert b.has_nothing()
    assert [it if key is None else key.unprotect(it) for it in heard] == wanted
    assert counted.packets == len(passed)
    assert counted.bytes == sum(len(it) for it in passed)
    assert counted.malformed == len(datagrams) - len(kinds)
    assert counted.unexpected == kinds.count(COMFORT_NOISE)
    assert counted.foreign == 0
