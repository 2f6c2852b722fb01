"""Encrypted legs through a media worker: real sockets, peers with libsrtp (EDGE K11-K14, Q7)."""

import random

import pytest

from edge.media.session import Direction, PayloadTypes, Side
from edge.media.srtp_keys import LegSrtp, Suite
from edge.media.srtp_leg import SrtpLeg
from edge.media.srtp_ssrcs import MOST_STREAMS
from model.settings import MediaSettings
from tests.media.keys import pair, peer
from tests.media.packets import receiver_report, rtp
from tests.runtime.media_stand import WORKER_ADDRESS, Phone, Stand, until

pytestmark = pytest.mark.sockets
NEAR, FAR = pair(10), pair(20)


class SrtpPhone:
    """A phone with the other end of a leg's keys; None makes it a plain one."""

    def __init__(self, phone: Phone, keys: LegSrtp | None) -> None:
        self.phone = phone
        self.end: SrtpLeg | None = None if keys is None else peer(keys)

    def send(self, packet: bytes, port: int) -> None:
        """Send RTP, encrypted."""
        data = packet if self.end is None else self.end.protect(packet)
        assert data is not None
        self.phone.send(data, port)

    def receive(self) -> bytes:
        """Return the next packet in clear; it must be one of the edge's."""
        data = self.phone.receive()
        if self.end is None:
            return data
        assert data[12:] != b"\x55" * 160
        clear = self.end.unprotect(data, 0.0)
        assert clear is not None
        return clear


class Call:
    """A session between two phones, each plain or with keys."""

    def __init__(
        self,
        stand: Stand,
        a_keys: LegSrtp | None,
        b_keys: LegSrtp | None,
        numbers: PayloadTypes = PayloadTypes(),  # noqa: B008 - an immutable NamedTuple
    ) -> None:
        self.stand = stand
        self.a = SrtpPhone(stand.phone("127.0.0.2"), a_keys)
        self.b = SrtpPhone(stand.phone("127.0.0.3"), b_keys)
        self.session, self.a_port, self.b_port = stand.open()
        stand.describe(self.session, Side.A, self.a.phone, srtp=a_keys)
        stand.describe(
            self.session, Side.B, self.b.phone, srtp=b_keys, expects=numbers, peer_expects=numbers
        )
        stand.barrier()

    def talk(self, numbers: range, b_type: int = 0) -> None:
        """Send packets both ways; every one has to arrive."""
        for number in numbers:
            self.a.send(rtp(number), self.a_port)
            assert self.b.receive() == rtp(number, payload_type=b_type)
            self.b.send(rtp(number, ssrc=8, payload_type=b_type), self.b_port)
            assert self.a.receive() == rtp(number, ssrc=8)


KEYS = {
    "RTP": None,
    "SRTP": FAR,
    "SRTP AES-256, tag of 32 bits": pair(30, Suite.AES_256_CM_HMAC_SHA1_32),
    "SRTP AES-192": pair(40, Suite.AES_192_CM_HMAC_SHA1_80),
}


@pytest.mark.parametrize("b_keys", list(KEYS.values()), ids=list(KEYS))
def test_audio_is_decrypted_and_encrypted_for_each_leg(b_keys: LegSrtp | None) -> None:  # EDGE K16
    with Stand() as stand:
        call = Call(stand, NEAR, b_keys)
        call.talk(range(32_700, 32_760))
        closed = stand.close(call.session)
        for leg in (closed.a, closed.b):
            assert (leg.packets, leg.bytes) == (60, 60 * 172)
            assert (leg.lost, leg.dropped) == (0, {})


def test_payload_types_and_digits_are_mapped_inside() -> None:  # EDGE SD5, V1
    with Stand() as stand:
        call = Call(stand, NEAR, FAR, PayloadTypes(96, 97))
        call.talk(range(1, 9), b_type=96)
        event = bytes((5, 0x8A, 0, 160))
        call.a.send(rtp(9, payload_type=101, payload=event), call.a_port)
        assert call.b.receive() == rtp(9, payload_type=97, payload=event)
        call.talk(range(10, 14), b_type=96)


def test_numbers_wrap_and_the_rollover_counters_follow() -> None:  # EDGE K13
    with Stand(MediaSettings(packets_per_second=10_000)) as stand:
        call = Call(stand, NEAR, FAR)
        call.talk(range(100))
        for base in (30_000, 60_000):  # As far as the receiver's guess of the counter reaches.
            for number in (base, base + 1):
                call.a.send(rtp(number), call.a_port)
            call.b.receive()
        for number in range(60_002, 60_002 + 6_000):
            call.a.send(rtp(number), call.a_port)
            assert call.b.receive()[12:] == rtp(number)[12:]
        assert stand.close(call.session).a.lost == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loss_disorder_and_repetition_cross_the_wrap_as_they_came(seed: int) -> None:  # EDGE K13
    chance = random.Random(seed)
    numbers = [number for number in range(65_300, 65_900) if chance.random() > 0.1]
    for at in chance.sample(range(1, len(numbers)), 60):
        numbers[at - 1], numbers[at] = numbers[at], numbers[at - 1]
    with Stand(MediaSettings(packets_per_second=10_000)) as stand:
        call = Call(stand, NEAR, FAR)
        assert call.a.end is not None
        shifts = set()
        for number in numbers:
            sealed = call.a.end.protect(rtp(number, timestamp=2**32 - 90_000 + 160 * number))
            assert sealed is not None
            for _ in range(chance.choice((1, 1, 1, 2))):
                call.a.phone.send(sealed, call.a_port)
            heard = call.b.receive()
            assert heard[4:] == rtp(number, timestamp=2**32 - 90_000 + 160 * number)[4:]
            shifts.add((number - int.from_bytes(heard[2:4], "big")) % 65_536)
        assert len(shifts) == 1, "one shift for the whole stream"
        call.a.send(rtp(65_900), call.a_port)
        call.b.receive()
        assert call.b.phone.has_nothing(), "what came twice was passed on once"
        closed = stand.close(call.session).a
        assert closed.packets == len(numbers) + 1
        assert closed.lost == 601 - len(numbers) - 1 - (numbers[0] - 65_300)


def test_a_source_that_begins_high_is_low_for_its_receiver() -> None:  # EDGE K13
    with Stand() as stand:
        call = Call(stand, None, FAR)
        heard = []
        for number in range(65_500, 65_540):
            call.a.send(rtp(number), call.a_port)
            heard.append(call.b.receive())
        numbers = [int.from_bytes(packet[2:4], "big") for packet in heard]
        assert numbers == list(range(numbers[0], numbers[0] + 40)) and numbers[0] < 2**15
        call.b.send(rtp(1, ssrc=8), call.b_port)
        assert call.a.receive() == rtp(1, ssrc=8)


def test_keys_change_in_mid_stream_without_a_gap() -> None:  # EDGE K14
    with Stand() as stand:
        call = Call(stand, NEAR, FAR)
        call.talk(range(1, 10))
        new = pair(60)
        stand.describe(call.session, Side.A, call.a.phone, srtp=new)
        stand.barrier()
        # The peer may go on with its old key until it has our answer; we use ours at once.
        renewed = SrtpPhone(call.a.phone, new)
        for number in range(10, 14):
            call.a.send(rtp(number), call.a_port)
            assert call.b.receive() == rtp(number)
            call.b.send(rtp(number, ssrc=8), call.b_port)
            assert renewed.receive() == rtp(number, ssrc=8)
        late = call.a
        call.a = renewed
        call.talk(range(14, 20))
        late.send(rtp(20), call.a_port)
        call.talk(range(20, 30))
        closed = stand.close(call.session)
        assert (closed.a.packets, closed.a.lost, closed.b.lost) == (29, 0, 0)


def test_a_description_with_the_same_keys_changes_nothing() -> None:  # EDGE K14
    with Stand() as stand:
        call = Call(stand, NEAR, FAR)
        call.talk(range(1, 10))
        stand.describe(call.session, Side.A, call.a.phone, srtp=NEAR, direction=Direction.SENDONLY)
        stand.describe(call.session, Side.A, call.a.phone, srtp=NEAR)
        stand.barrier()
        call.talk(range(10, 20))


def forge(phone: Phone, port: int, numbers: range) -> None:
    """Send packets with the right SSRC, encrypted with a key of the attacker's own."""
    end = peer(pair(66))
    for number in numbers:
        data = end.protect(rtp(number))
        assert data is not None
        phone.send(data, port)
        phone.send(rtp(number), port)


def test_nothing_without_the_key_reaches_a_leg_or_latches_it() -> None:  # EDGE Q5, Q7
    with Stand() as stand:
        call = Call(stand, NEAR, None)
        same_host, elsewhere = stand.phone(call.a.phone.host), stand.phone("127.0.0.66")
        for attacker in (same_host, elsewhere, call.a.phone):
            forge(attacker, call.a_port, range(1, 20))
        call.talk(range(1, 10))
        for attacker in (same_host, elsewhere, call.a.phone):
            forge(attacker, call.a_port, range(10, 30))
        call.talk(range(10, 20))
        assert call.b.phone.has_nothing()
        assert same_host.has_nothing() and elsewhere.has_nothing()
        closed = stand.close(call.session)
        assert closed.a.packets == 19
        assert closed.a.dropped.keys() == {"foreign", "unauthentic"} and closed.a.foreign == 38


def test_ever_new_ssrcs_under_the_right_key_do_not_harm_the_stream() -> None:  # EDGE K13
    with Stand() as stand:
        call = Call(stand, NEAR, None)
        call.talk(range(1, 10))
        old = call.a.end.protect(rtp(10)) if call.a.end is not None else None
        assert old is not None
        call.a.phone.send(old, call.a_port)
        assert call.b.receive() == rtp(10)
        for ssrc in range(100, 100 + 2 * MOST_STREAMS):
            call.a.send(rtp(1, ssrc=ssrc), call.a_port)
            call.a.send(rtp(ssrc - 89), call.a_port)
            assert call.b.receive() == rtp(ssrc - 89)
        call.a.phone.send(old, call.a_port)
        call.talk(range(40, 45))
        closed = stand.close(call.session).a
        # A new source has to come twice; what has come once does not come again.
        assert closed.packets == 10 + 2 * MOST_STREAMS + 5
        assert closed.unauthentic == 1


def test_the_holder_of_the_key_may_come_back_from_another_port() -> None:  # EDGE Q5
    with Stand(MediaSettings(relatch_after_s=0.2)) as stand:
        call = Call(stand, NEAR, None)
        call.talk(range(1, 10))
        moved, attacker = stand.phone(call.a.phone.host), stand.phone(call.a.phone.host)
        roaming = SrtpPhone(moved, NEAR)
        roaming.end = call.a.end
        number = 100

        def goes_through() -> bool:
            nonlocal number
            number += 1
            forge(attacker, call.a_port, range(number, number + 1))
            roaming.send(rtp(number, ssrc=9), call.a_port)
            return not call.b.phone.has_nothing()

        until(goes_through, "the silent source gives way")
        assert call.b.receive()[12:] == rtp(1)[12:]
        call.b.send(rtp(10, ssrc=8), call.b_port)
        assert roaming.receive() == rtp(10, ssrc=8)
        assert attacker.has_nothing()


def rtcp_of(phone: SrtpPhone, report: bytes) -> bytes:
    data = report if phone.end is None else phone.end.protect_rtcp(report)
    assert data is not None
    return data


@pytest.mark.parametrize("b_keys", [None, FAR], ids=["RTCP", "SRTCP"])
def test_rtcp_is_opened_and_sealed(b_keys: LegSrtp | None) -> None:  # EDGE Q6, V3
    with Stand() as stand:
        call = Call(stand, NEAR, b_keys)
        there, back = receiver_report(7), receiver_report(8)
        forged = peer(pair(66)).protect_rtcp(there)
        assert forged is not None
        for data in (forged, there, rtcp_of(call.a, there)):
            call.a.phone.rtcp.sendto(data, (WORKER_ADDRESS, call.a_port + 1))
        call.b.phone.rtcp.sendto(rtcp_of(call.b, back), (WORKER_ADDRESS, call.b_port + 1))
        heard = call.b.phone.rtcp.recv(2048)
        assert (heard if call.b.end is None else call.b.end.unprotect_rtcp(heard, 0.0)) == there
        heard = call.a.phone.rtcp.recv(2048)
        assert call.a.end is not None and call.a.end.unprotect_rtcp(heard, 0.0) == back
        assert stand.close(call.session).a.rtcp_packets == 1
        assert call.b.phone.has_nothing()


def test_the_silence_of_a_hold_is_encrypted() -> None:  # EDGE D6
    with Stand() as stand:
        call = Call(stand, None, FAR)
        call.talk(range(1, 10))
        stand.describe(call.session, Side.A, call.a.phone, direction=Direction.INACTIVE)
        stand.describe(call.session, Side.B, call.b.phone, srtp=FAR, is_fed=True)
        fed = [call.b.receive() for _ in range(10)]
        assert {packet[12:] for packet in fed} == {b"\xff" * 160}
        stand.describe(call.session, Side.A, call.a.phone)
        stand.describe(call.session, Side.B, call.b.phone, srtp=FAR)
        stand.barrier()
        while not call.b.phone.has_nothing():
            call.b.receive()
        call.talk(range(10, 20))
