"""RTP packets on the wire (RFC 3550 §5.1; EDGE Q6, SD5, V1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.rtp import RtpHeader, Shift, is_dtmf, parse, payload_of, rewritten
from tests.media.packets import rtp


def test_the_header_is_read() -> None:
    packet = rtp(65535, ssrc=0xFFFFFFFF, payload_type=101, timestamp=2**32 - 1, marker=True)
    assert parse(packet) == RtpHeader(101, 65535, 2**32 - 1, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        (b"", False),
        (rtp(1)[:11], False),
        (rtp(1)[:12], True),
        (rtp(1, payload=bytes(1488)), True),
        (rtp(1, payload=bytes(1489)), False),
        (b"\x40" + rtp(1)[1:], False),
        (b"\x00" + rtp(1)[1:], False),
        (b"\xc0" + rtp(1)[1:], False),
    ],
)
def test_version_and_length_are_checked(data: bytes, fits: bool) -> None:  # EDGE Q6
    assert (parse(data) is not None) is fits


def test_the_payload_lies_behind_sources_and_extension() -> None:
    fixed = rtp(1, payload=b"")
    assert payload_of(fixed + b"abc") == b"abc"
    assert payload_of(bytes([0x82]) + fixed[1:] + bytes(8) + b"abc") == b"abc"
    extension = b"\xbe\xde\x00\x01" + bytes(4)
    assert payload_of(bytes([0x91]) + fixed[1:] + bytes(4) + extension + b"abc") == b"abc"
    assert payload_of(bytes([0x9F]) + fixed[1:]) == b""


@given(st.binary(min_size=12, max_size=64))
def test_any_packet_has_a_payload_inside_itself(data: bytes) -> None:
    assert data.endswith(payload_of(data))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(b"\x00\x0a\x00\xa0", True), (b"\x0f\x8a\x00\xa0", True), (b"\x10\x0a\x00\xa0", False)],
)
def test_only_dtmf_events_pass(payload: bytes, expected: bool) -> None:  # EDGE V1
    assert is_dtmf(payload) is expected
    assert not is_dtmf(payload[:3])


def test_another_payload_type_changes_one_octet_and_keeps_the_marker() -> None:  # EDGE SD5
    packet = rtp(9, payload_type=96, marker=True)
    changed = rewritten(packet, 0)
    assert changed == rtp(9, payload_type=0, marker=True)
    assert rewritten(rtp(9), 0, marked=True) == rtp(9, marker=True)


def test_a_shift_moves_the_header_and_wraps() -> None:  # EDGE SD5
    packet = rtp(65535, ssrc=8, timestamp=2**32 - 1, payload=b"abc")
    moved = rewritten(packet, 0, Shift(7, 2, 160), marked=True)
    assert moved == rtp(1, ssrc=7, timestamp=159, marker=True, payload=b"abc")
