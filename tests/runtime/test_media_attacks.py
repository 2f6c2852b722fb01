"""What a worker counts of somebody else's packets, and that it relays none of them (EDGE Q4-Q7)."""

import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from edge.media.session import LegStatistics, MediaSilent, SessionClosed, SessionId, Side
from edge.media.srtp_keys import LegSrtp, SrtpKey, Suite
from model.settings import MediaSettings
from tests.media.packets import goodbye, receiver_report, rtp, sender_report
from tests.runtime.media_stand import WORKER_ADDRESS, Phone, Stand, until
from tests.support.srtp_reference import ReferenceSrtp

pytestmark = pytest.mark.sockets

SUITE = Suite.AES_CM_128_HMAC_SHA1_80
OURS = SrtpKey(SUITE, bytes(range(16)), bytes(range(14)))
THEIRS = SrtpKey(SUITE, bytes(range(1, 17)), bytes(range(1, 15)))
SSRC = 7
BYE = receiver_report(SSRC) + goodbye(SSRC)


def reference(key: SrtpKey) -> ReferenceSrtp:
    return ReferenceSrtp(key.suite.value, key.key, key.salt)


class Scene(NamedTuple):
    """A call whose leg A is attacked; leg B is plain and must hear nothing of it."""

    stand: Stand
    session: SessionId
    port: int
    peer: Phone
    other: Phone
    srtp: ReferenceSrtp | None
    """What the peer sends is encrypted with."""

    def sealed(self, packet: bytes) -> bytes:
        return packet if self.srtp is None else self.srtp.protect(packet)

    def says(self, sequence: int) -> None:
        """Let the peer say something, which is heard as it was said."""
        packet = rtp(sequence, ssrc=SSRC)
        self.peer.send(self.sealed(packet), self.port)
        assert self.other.receive() == packet

    def reports(self) -> None:
        """Let the peer report, which is heard as well."""
        packet = receiver_report(SSRC)
        sent = packet if self.srtp is None else self.srtp.protect_rtcp(packet)
        self.peer.rtcp.sendto(sent, (WORKER_ADDRESS, self.port + 1))
        assert self.other.rtcp.recv(2048) == packet

    def end(self) -> LegStatistics:
        """Close the call and return what was counted on the attacked leg."""
        closed: SessionClosed = self.stand.close(self.session)
        assert self.other.has_nothing(), "something foreign was relayed"
        return closed.a


def scene(stand: Stand, *, encrypted: bool) -> Scene:
    """Open a call whose leg A is plain or encrypted."""
    a, b = stand.phone("127.0.0.2"), stand.phone("127.0.0.3")
    session, a_port, _ = stand.open()
    stand.describe(session, Side.A, a, srtp=LegSrtp(OURS, THEIRS) if encrypted else None)
    stand.describe(session, Side.B, b)
    stand.barrier()
    return Scene(stand, session, a_port, a, b, reference(THEIRS) if encrypted else None)


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def attacked(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with Stand(MediaSettings(relatch_after_s=0.2, port_rest_s=0.05)) as stand:
        yield scene(stand, encrypted=request.param)


@pytest.fixture
def encrypted() -> Iterator[Scene]:
    with Stand(MediaSettings(relatch_after_s=0.2, port_rest_s=0.05)) as stand:
        yield scene(stand, encrypted=True)


def inject(scene: Scene, sock: socket.socket, first: int, count: int = 10) -> None:
    """Send RTP of the peer's stream that the peer has not sent."""
    for number in range(first, first + count):
        sock.sendto(rtp(number, ssrc=SSRC, payload=b"foreign!" * 20), (WORKER_ADDRESS, scene.port))


def inject_rtcp(scene: Scene, sock: socket.socket) -> None:
    """Send RTCP of the peer's stream that the peer has not sent."""
    for packet in (sender_report(SSRC), receiver_report(SSRC), BYE):
        sock.sendto(packet, (WORKER_ADDRESS, scene.port + 1))


def test_a_foreign_address_is_never_heard(attacked: Scene) -> None:
    # EDGE Q4, Q5, Q6: counted while the leg is open; then the kernel drops it.
    attacker = attacked.stand.phone("127.0.0.66")
    inject(attacked, attacker.rtp, 1)
    inject_rtcp(attacked, attacker.rtcp)
    for number in range(1, 5):
        attacked.says(number)
    attacked.reports()
    inject(attacked, attacker.rtp, 5)
    inject_rtcp(attacked, attacker.rtcp)
    for number in range(5, 10):
        attacked.says(number)
    counted = attacked.end()
    assert (counted.packets, counted.rtcp_packets) == (9, 1)
    assert counted.foreign == 10 + 3 + 3
    assert attacker.has_nothing(), "RTP Bleed"


def test_another_port_of_the_peer_is_not_heard_beside_it(attacked: Scene) -> None:
    # EDGE Q4-Q7: a plain leg has no better proof than who was first.
    beside = attacked.stand.phone(attacked.peer.host)
    attacked.says(1)
    attacked.reports()
    inject(attacked, beside.rtp, 2, count=2)
    inject_rtcp(attacked, beside.rtcp)
    for number in range(2, 6):
        attacked.says(number)
    inject(attacked, beside.rtp, 6)
    for number in range(6, 10):
        attacked.says(number)
    counted = attacked.end()
    assert (counted.packets, counted.rtcp_packets) == (9, 1)
    assert beside.has_nothing(), "RTP Bleed"


Forgery = Callable[[ReferenceSrtp, bytes], bytes]


def flipped(_: ReferenceSrtp, sent: bytes) -> bytes:
    return sent[:-1] + bytes((sent[-1] ^ 1,))


# (name, what is made of the peer's key and its last packet)
FORGERIES: list[tuple[str, Forgery]] = [
    ("in clear", lambda _, __: rtp(6, ssrc=SSRC)),
    ("with another key", lambda _, __: reference(OURS).protect(rtp(6, ssrc=SSRC))),
    ("with a bit of the tag flipped", lambda key, _: flipped(key, key.protect(rtp(6, ssrc=SSRC)))),
    ("with another sequence number", lambda _, sent: sent[:2] + b"\0\x06" + sent[4:]),
    ("cut short", lambda _, sent: sent[:20]),
    ("for a second time", lambda _, sent: sent),
]


@pytest.mark.parametrize("forge", [it for _, it in FORGERIES], ids=[it for it, _ in FORGERIES])
@pytest.mark.parametrize("place", ["its own port", "another port"])
def test_nothing_but_authentic_packets_moves_an_encrypted_leg(
    encrypted: Scene, forge: Forgery, place: str
) -> None:
    # EDGE K13, Q7
    peer, beside = encrypted.peer, encrypted.stand.phone(encrypted.peer.host)
    attacker = peer if place == "its own port" else beside
    inject(encrypted, attacker.rtp, 1)
    for number in range(1, 5):
        encrypted.says(number)
    packet = rtp(5, ssrc=SSRC)
    sent = encrypted.sealed(packet)
    peer.send(sent, encrypted.port)
    assert encrypted.other.receive() == packet
    forged = forge(reference(THEIRS), sent)
    for _ in range(3):
        attacker.send(forged, encrypted.port)
    for number in range(6, 9):
        encrypted.says(number)
    counted = encrypted.end()
    assert counted.packets == 8
    assert counted.unauthentic == (13 if attacker is peer else 10)
    assert counted.foreign == 0 and beside.has_nothing()


def test_an_encrypted_peer_moves_with_a_valid_tag_alone(encrypted: Scene) -> None:
    # EDGE Q5: after a silence another port of the accepted address may go on.
    for number in range(1, 5):
        encrypted.says(number)
    forger, moved = (encrypted.stand.phone(encrypted.peer.host) for _ in range(2))
    sent: list[bytes] = []

    def goes_through() -> bool:
        inject(encrypted, forger.rtp, 5, count=1)
        sent.append(rtp(5 + len(sent), ssrc=SSRC))
        moved.send(encrypted.sealed(sent[-1]), encrypted.port)
        return not encrypted.other.has_nothing()

    until(goes_through, "the silent source gives way")
    heard = []
    while sent[-1] not in heard:
        heard.append(encrypted.other.receive())
    assert heard == sent[-len(heard) :]
    assert encrypted.end().unauthentic > 0
    assert forger.has_nothing()


def test_rtcp_that_is_not_authentic_is_not_passed_on(encrypted: Scene) -> None:
    # EDGE K13, V3: a BYE in clear, with another key, or altered.
    for number in range(1, 5):
        encrypted.says(number)
    altered = flipped(reference(THEIRS), reference(THEIRS).protect_rtcp(BYE))
    for packet in (BYE, reference(OURS).protect_rtcp(BYE), altered):
        encrypted.peer.rtcp.sendto(packet, (WORKER_ADDRESS, encrypted.port + 1))
    encrypted.reports()
    counted = encrypted.end()
    assert (counted.rtcp_packets, counted.unauthentic) == (1, 3)


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
def test_forged_packets_are_no_sign_of_life(is_encrypted: bool) -> None:
    # EDGE K13, V4: a call whose peer has gone ends, whatever others send in its place.
    with Stand(MediaSettings(timeout_s=0.5, relatch_after_s=0.1)) as stand:
        call = scene(stand, encrypted=is_encrypted)
        for number in range(1, 5):
            call.says(number)
        foreign = stand.phone("127.0.0.66")
        forgers = [foreign, call.peer] if is_encrypted else [foreign]

        def is_reported() -> bool:
            for forger in forgers:
                inject(call, forger.rtp, 5, count=1)
                inject_rtcp(call, forger.rtcp)
            return bool(stand.reports(MediaSilent))

        stand.settle(is_reported, "the silence of the peer is reported")
        assert call.end().packets == 4
