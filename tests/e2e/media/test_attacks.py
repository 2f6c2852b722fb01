"""Somebody else's packets during a whole call: none is heard, and nobody else hears anything.

One leg is encrypted, the other one plain. What a worker counts of it is in
tests/runtime/test_media_attacks.py.
"""

import secrets
from collections.abc import Iterable, Iterator

import pytest

from edge.flow import Address
from tests.e2e.audio import (
    Phone,
    assert_each_hears_the_other,
    assert_reports_cross,
    hear_out,
    open_the_way,
    received,
)
from tests.e2e.lab import Lab, Trunk
from tests.e2e.secure import SecureCall, calling, new_crypto, secure_audio
from tests.e2e.sipp import free_host
from tests.media.packets import goodbye, receiver_report, rtp, sender_report
from tests.support.sdp import rtp_of
from tests.support.srtp_reference import ReferenceSrtp, SrtpEnd, crypto_lines

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("media")]

SUITE = "AES_CM_128_HMAC_SHA1_80"
FEW_FRAMES = 30
FOREIGN = b"foreign!" * 20


class Attacker:
    """Sends from one address to a leg's two ports and listens for anything that comes back."""

    def __init__(self, host: str) -> None:
        self._phone = Phone(host)

    def attack(self, edge: Address, victim: Phone, *, first: int = 1) -> None:
        """Pretend to be the phone of a leg: its SSRC, and the sequence numbers it will use next."""
        host, port = edge
        for data in injected(victim, first):
            self._phone.rtp.sendto(data, edge)
        for data in injected_rtcp(victim):
            self._phone.rtcp.sendto(data, (host, port + 1))

    def heard(self) -> list[bytes]:
        """Return what has come back."""
        return [*received(self._phone.rtp), *received(self._phone.rtcp)]

    def __enter__(self) -> "Attacker":
        return self

    def __exit__(self, *error: object) -> None:
        self._phone.__exit__(*error)


def injected(victim: Phone, first: int) -> Iterable[bytes]:
    """Return RTP in clear and with a key that nobody knows, and what is no RTP at all."""
    stranger = ReferenceSrtp(SUITE, bytes(16), bytes(14))
    for step in range(first, first + 5):
        for payload_type in (0, 101):
            packet = rtp(
                victim.sequence + step,
                ssrc=victim.ssrc,
                payload_type=payload_type,
                payload=FOREIGN if payload_type == 0 else bytes((5, 10, 0, 160)),
            )
            yield packet
            yield stranger.protect(packet)
    yield from (b"", b"\x80", secrets.token_bytes(172))


def injected_rtcp(victim: Phone) -> Iterable[bytes]:
    """Return reports and a BYE of a phone's stream, in clear and with a key that nobody knows."""
    stranger = ReferenceSrtp(SUITE, bytes(16), bytes(14))
    for packet in (
        sender_report(victim.ssrc),
        receiver_report(victim.ssrc),
        receiver_report(victim.ssrc) + goodbye(victim.ssrc),
    ):
        yield packet
        yield stranger.protect_rtcp(packet)


@pytest.fixture(scope="module")
def trunk(lab: Lab) -> Trunk:
    made = lab.new_trunk(encrypted=True)
    made.permit()
    made.await_effect()
    return made


@pytest.fixture
def phone(trunk: Trunk) -> Iterator[Phone]:
    with Phone(trunk.pbx) as made:
        yield made


@pytest.fixture
def call(lab: Lab, trunk: Trunk, phone: Phone, callee: Phone) -> Iterator[SecureCall]:
    """Give a call that is up and in which nothing has been said."""
    ours = new_crypto(SUITE)
    with calling(lab, trunk, secure_audio(phone.address, ours), callee) as made:
        phone.edge = rtp_of(made.told)
        phone.srtp = SrtpEnd(ours, crypto_lines(made.told)[0])
        yield made


def test_before_anybody_has_spoken(call: SecureCall, phone: Phone, callee: Phone) -> None:
    # EDGE Q4-Q7, K13. From the address of a plain peer any port may begin: behind a NAT it is new.
    with Attacker(free_host()) as foreign, Attacker(phone.address[0]) as spoofed:
        for leg in (phone, callee):
            foreign.attack(leg.edge, leg)
        spoofed.attack(phone.edge, phone)
        assert_each_hears_the_other(phone, callee, FEW_FRAMES)
        assert_nothing_else_came(phone, callee, foreign, spoofed)
    call.end()


def test_while_both_talk(call: SecureCall, phone: Phone, callee: Phone) -> None:
    # EDGE Q5-Q7, K13: RTP and RTCP of a latched leg come from one address and port each.
    assert_each_hears_the_other(phone, callee, 10)
    assert_reports_cross(phone, callee)
    with (
        Attacker(free_host()) as foreign,
        Attacker(phone.address[0]) as beside_phone,
        Attacker(callee.address[0]) as beside_callee,
    ):
        for _ in range(3):
            for leg, beside in ((phone, beside_phone), (callee, beside_callee)):
                foreign.attack(leg.edge, leg)
                beside.attack(leg.edge, leg)
            assert_each_hears_the_other(phone, callee, 10)
        assert_nothing_else_came(phone, callee, foreign, beside_phone, beside_callee)
    call.end()


def test_from_the_very_socket_of_an_encrypted_peer(
    call: SecureCall, phone: Phone, callee: Phone
) -> None:
    # EDGE K13, Q7: what is not authentic, or comes again, changes nothing and reaches nobody.
    for data in injected(phone, 1):
        phone.rtp.sendto(data, phone.edge)
    open_the_way(phone, callee)
    for _ in range(5):
        phone.say(secrets.token_bytes(160))
        phone.repeat()
        host, port = phone.edge
        for data in injected(phone, 1):
            phone.rtp.sendto(data, phone.edge)
        for data in injected_rtcp(phone):
            phone.rtcp.sendto(data, (host, port + 1))
    hear_out(callee, last=lambda: callee.heard[-1] == phone.said[-1])
    assert callee.spoken() == phone.said
    assert callee.reports == []
    assert_each_hears_the_other(phone, callee, 10)
    call.end()


def assert_nothing_else_came(phone: Phone, callee: Phone, *attackers: Attacker) -> None:
    """Fail when anything foreign was heard, or anything heard by others (RTP Bleed)."""
    for end, other in ((phone, callee), (callee, phone)):
        end.listen()
        assert all(FOREIGN not in packet for packet in end.heard)
        assert {packet[8:12] for packet in end.heard} == {other.ssrc.to_bytes(4, "big")}
        assert end.garbled == 0
        assert all(packet[:2] == receiver_report()[:2] for packet in end.reports)
        assert len(end.reports) <= 1
    assert [attacker.heard() for attacker in attackers] == [[] for _ in attackers]
