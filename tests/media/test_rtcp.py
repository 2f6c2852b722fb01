"""RTCP across the relay: reports pass, names do not (EDGE V3, B2)."""

from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from edge.media.rtcp import passed_on
from tests.media.packets import receiver_report


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
