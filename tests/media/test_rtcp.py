"""RTCP across the relay: reports pass, names do not (EDGE V3, B2)."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.rtcp import ReportBlock, blocks_in, passed_on, sender_time
from tests.media.packets import receiver_report, report_block, sender_report


def packet(kind: int, count: int, body: bytes) -> bytes:
    return pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


SENDER_REPORT = packet(200, 1, bytes(range(48)))
DESCRIPTION = packet(202, 2, b"\0\0\0\7\1\4a@10\2\3Bob\0" + b"\0\0\0\x08\1\5a@10.\0")
BYE = packet(203, 1, b"\0\0\0\7" + b"\x0agone home\0\0")


def test_reports_pass_octet_for_octet() -> None:
    compound = SENDER_REPORT + receiver_report()
    assert passed_on(compound) == compound


def test_names_are_replaced_by_the_ssrc() -> None:
    passed = passed_on(SENDER_REPORT + DESCRIPTION)
    assert passed is not None and passed.startswith(SENDER_REPORT)
    assert passed[len(SENDER_REPORT) :] == packet(
        202, 2, b"\0\0\0\7\1\x0800000007\0\0" + b"\0\0\0\x08\1\x0800000008\0\0"
    )


def test_a_bye_keeps_its_ssrcs_and_loses_its_reason() -> None:
    passed = passed_on(receiver_report() + BYE)
    assert passed == receiver_report() + packet(203, 1, b"\0\0\0\7")


def test_application_and_extended_reports_are_left_out() -> None:
    for kind in (204, 205, 206, 207):
        assert passed_on(receiver_report() + packet(kind, 0, bytes(8))) == receiver_report()
    assert passed_on(packet(204, 0, bytes(8))) == b""


def test_what_is_no_rtcp_is_refused() -> None:
    for data in (
        b"",
        receiver_report()[:7],
        receiver_report() + b"\x80",
        b"\x40" + receiver_report()[1:],
        packet(199, 0, bytes(4)),
        packet(208, 0, bytes(4)),
        pack("!BBHL", 0x80, 201, 2, 7),
        packet(200, 0, bytes(1500)),
    ):
        assert passed_on(data) is None


@given(st.binary(max_size=80), st.sampled_from([200, 201, 202, 203, 204]), st.integers(0, 31))
def test_any_octets_give_whole_packets_or_nothing(body: bytes, kind: int, count: int) -> None:
    passed = passed_on(packet(kind, count, body[: len(body) // 4 * 4]))
    assert passed is None or passed_on(passed) == passed or passed == b""


@given(st.binary(max_size=200))
def test_noise_never_raises(data: bytes) -> None:
    passed = passed_on(data)
    assert passed is None or isinstance(passed, bytes)


def test_the_blocks_of_both_kinds_of_report_are_read() -> None:  # EDGE X5, RFC 3550 §6.4
    one = report_block(7, lost=3, jitter=80, last_report=0xFFFF8000, delay=65_536)
    two = report_block(8, lost=-2)
    expected = [ReportBlock(7, 3, 80, 0xFFFF8000, 65_536), ReportBlock(8, -2, 0, 0, 0)]
    assert blocks_in(receiver_report(9, one, two)) == expected
    assert blocks_in(sender_report(9, one) + receiver_report(9, two)) == expected
    assert blocks_in(DESCRIPTION) == []


# (24 bits on the wire, packets lost)                                             RFC 3550 §6.4.1
LOSSES = [(0, 0), (1, 1), (0x7FFFFF, 8_388_607), (0x800000, -8_388_608), (0xFFFFFF, -1)]


@pytest.mark.parametrize(("wire", "lost"), LOSSES)
def test_the_number_lost_has_a_sign(wire: int, lost: int) -> None:
    (block,) = blocks_in(receiver_report(9, report_block(lost=wire)))
    assert block.lost == lost


def test_a_count_that_promises_more_blocks_than_there_are_is_not_believed() -> None:
    whole = receiver_report(9, report_block(7))
    assert blocks_in(pack("!B", 0x80 | 31) + whole[1:]) == blocks_in(whole)
    assert blocks_in(packet(201, 1, bytes(24))) == []


def test_a_sender_report_is_named_by_the_middle_of_its_time() -> None:
    assert sender_time(sender_report(ntp=0x11112222_33334444)) == 0x22223333
    assert sender_time(receiver_report() + sender_report(ntp=1 << 16)) == 1
    assert sender_time(receiver_report()) is None
    assert sender_time(packet(200, 0, bytes(20))) is None


@given(st.binary(max_size=120), st.sampled_from([200, 201]), st.integers(0, 31))
def test_whatever_a_report_holds_is_read_without_a_fault(
    body: bytes, kind: int, count: int
) -> None:
    data = packet(kind, count, body[: len(body) // 4 * 4])
    assert len(blocks_in(data)) <= count
    at = sender_time(data)
    assert at is None or 0 <= at < 2**32
