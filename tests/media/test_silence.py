"""Silence for a peer whose other side holds without its knowledge (EDGE D6, 1.12: hold refused)."""

from itertools import pairwise

from edge.media.rtp import MARKER, RtpHeader, parse
from edge.media.session import PayloadTypes
from edge.media.silence import FRAME, FRAME_S, SilenceStream

CHANCE = (0x8123 << 64) | (0xFFFFFFF0 << 32) | 0xCAFE


def packets(
    stream: SilenceStream, times: list[float], heard_at: float | None = None
) -> list[tuple[RtpHeader, bool, bytes]]:
    found = []
    for now in times:
        while stream.due_at <= now:
            data = stream.packet(PayloadTypes(0), heard_at, now)
            if data is not None:
                header = parse(data)
                assert header is not None
                found.append((header, bool(data[1] & MARKER), data[12:]))
    return found


def test_every_20_ms_a_packet_of_pcmu_silence() -> None:
    stream = SilenceStream(CHANCE, 10.0)
    sent = packets(stream, [10.0 + number * 0.005 for number in range(400)])
    assert len(sent) == 100
    assert [it[0].sequence for it in sent] == [0x124 + number for number in range(100)]
    start = 0xFFFFFFF0
    assert [it[0].timestamp for it in sent] == [
        (start + number * FRAME) % 2**32 for number in range(100)
    ]
    assert {it[0].ssrc for it in sent} == {0xCAFE}
    assert [it[1] for it in sent] == [True, *[False] * 99]
    assert {it[2] for it in sent} == {b"\xff" * 160}


def test_who_takes_g722_alone_gets_its_silence() -> None:  # EDGE M1
    data = SilenceStream(CHANCE, 0.0).packet(PayloadTypes(None, 101, 9), None, 0.0)
    assert data is not None
    assert (data[1], data[12:]) == (MARKER | 9, b"\xfd" * 160)
    both = SilenceStream(CHANCE, 0.0).packet(PayloadTypes(0, 101, 9), None, 0.0)
    assert both is not None and both[12:] == b"\xff" * 160
    assert SilenceStream(CHANCE, 0.0).packet(PayloadTypes(None), None, 0.0) is None


def test_the_payload_type_is_the_peers() -> None:
    data = SilenceStream(CHANCE, 0.0).packet(PayloadTypes(96), None, 0.0)
    assert data is not None and data[1] & 0x7F == 96


def test_nothing_is_sent_before_its_time() -> None:
    stream = SilenceStream(CHANCE, 10.0)
    assert stream.packet(PayloadTypes(0), None, 9.99) is None
    assert stream.packet(PayloadTypes(0), None, 10.0) is not None
    assert stream.packet(PayloadTypes(0), None, 10.0 + FRAME_S - 0.001) is None


def test_it_steps_back_while_the_other_leg_sends() -> None:
    stream = SilenceStream(CHANCE, 0.0)
    assert packets(stream, [0.0, 0.02, 0.04], heard_at=0.0) == []
    first, *_ = packets(stream, [0.06, 0.08], heard_at=0.0)
    assert first[1], "the first packet after a pause is marked"
    assert first[0].timestamp == (0xFFFFFFF0 + 3 * FRAME) % 2**32


def test_a_loop_that_was_late_makes_up_for_little() -> None:
    stream = SilenceStream(CHANCE, 0.0)
    assert len(packets(stream, [0.0, 0.08])) == 5
    late = packets(stream, [5.0])
    assert len(late) <= 6
    assert late[0][1]
    assert late[-1][0].timestamp == (0xFFFFFFF0 + 250 * FRAME) % 2**32


def test_the_sequence_number_wraps() -> None:
    stream = SilenceStream(0x7FFF << 64, 0.0)
    sent = packets(stream, [number * FRAME_S + 0.001 for number in range(33_000)])
    numbers = [it[0].sequence for it in sent]
    assert 0xFFFF in numbers and 0 in numbers
    assert all((b - a) % 65536 == 1 for a, b in pairwise(numbers))
