"""SRTP and SRTCP packets: every vector, in both implementations, and what must be refused."""

import hmac
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pylibsrtp._binding import lib

from edge.media import srtp_python
from edge.media.srtp_derivation import SRTCP_LABEL, Derivation, derived
from edge.media.srtp_keys import SrtpKey, Suite
from edge.media.srtp_native import NativeReceiver, NativeSender
from edge.media.srtp_python import PythonReceiver, PythonSender, most_packets
from edge.media.srtp_ssrcs import MOST_SSRCS, MOST_STREAMS
from tests.media.packets import receiver_report, rtp
from tests.media.srtp_keys import (
    COMPAT,
    IMPLEMENTED,
    LIBSRTP_SUITES,
    NATIVE,
    PACKETS,
    PYTHON,
    VECTORS,
    Implementation,
    a_key,
    key_of,
)

VECTOR_OF = {Suite(vector["suite"]): vector for vector in PACKETS}
ELSEWHERE = {"b64 without '=' padding", "key||salt of wrong length"}
"""Negative vectors that are about SDP."""

each_implementation = pytest.mark.parametrize(
    ("suite", "implementation"),
    [row[:2] for row in IMPLEMENTED],
    ids=[row[2] for row in IMPLEMENTED],
)


def test_the_vectors_are_of_every_suite() -> None:
    assert list(VECTOR_OF) == [Suite(it["iana_name"]) for it in VECTORS["suites"]]
    assert set(VECTOR_OF) == set(Suite)


# EDGE K1
@pytest.mark.parametrize("row", VECTORS["suites"], ids=lambda it: it["iana_name"])
def test_sizes_are_those_of_the_suite(row: dict[str, Any]) -> None:
    suite = Suite(row["iana_name"])
    assert suite.key_bytes == row["master_key_octets"]
    assert suite.tag_bytes == row["srtp_tag_octets"]
    assert a_key(suite).salt.hex() and len(a_key(suite).salt) == row["master_salt_octets"]


# EDGE K1
@each_implementation
def test_rtp_is_encrypted_as_in_the_vectors(suite: Suite, implementation: Implementation) -> None:
    sender = implementation.sender(key_of(VECTOR_OF[suite]))
    for packet in VECTOR_OF[suite]["srtp"]:
        protected = sender.protect(bytes.fromhex(packet["rtp"]))
        assert protected is not None
        assert protected.hex() == packet["srtp"], packet["name"]


@each_implementation
def test_rtp_is_decrypted_as_in_the_vectors(suite: Suite, implementation: Implementation) -> None:
    receiver = implementation.receiver(key_of(VECTOR_OF[suite]))
    for packet in VECTOR_OF[suite]["srtp"]:
        clear = receiver.unprotect(bytes.fromhex(packet["srtp"]))
        assert clear is not None
        assert clear.hex() == packet["rtp"], packet["name"]


# EDGE K12
@each_implementation
def test_rtcp_is_encrypted_as_in_the_vectors(suite: Suite, implementation: Implementation) -> None:
    sender = implementation.sender(key_of(VECTOR_OF[suite]))
    for packet in VECTOR_OF[suite]["srtcp"]:
        protected = sender.protect_rtcp(bytes.fromhex(packet["rtcp"]))
        assert protected is not None
        assert protected.hex() == packet["srtcp"], packet["name"]


@each_implementation
def test_rtcp_is_decrypted_as_in_the_vectors(suite: Suite, implementation: Implementation) -> None:
    receiver = implementation.receiver(key_of(VECTOR_OF[suite]))
    for packet in VECTOR_OF[suite]["srtcp"]:
        clear = receiver.unprotect_rtcp(bytes.fromhex(packet["srtcp"]))
        assert clear is not None
        assert clear.hex() == packet["rtcp"], packet["name"]


# EDGE K11
@pytest.mark.parametrize("vector", COMPAT, ids=lambda it: it["suite"])
def test_aes_192_as_old_libsrtp_peers_derive_it(vector: dict[str, Any]) -> None:
    key = key_of(vector)
    sender = PythonSender(key, Derivation.LIBSRTP)
    receiver = PythonReceiver(key, Derivation.LIBSRTP)
    packet, report = bytes.fromhex(vector["rtp"]), bytes.fromhex(vector["rtcp"])
    protected, protected_report = sender.protect(packet), sender.protect_rtcp(report)
    assert protected is not None and protected_report is not None
    assert protected.hex() == vector["srtp_from_libsrtp_2_5_0"]
    assert protected_report.hex() == vector["srtcp_from_libsrtp_2_5_0"]
    assert receiver.unprotect(protected) == packet
    assert receiver.unprotect_rtcp(protected_report) == report


def protected_by(implementation: Implementation, key: SrtpKey, *sequences: int) -> list[bytes]:
    sender = implementation.sender(key)
    packets = [sender.protect(rtp(sequence)) for sequence in sequences]
    assert None not in packets
    return [packet for packet in packets if packet is not None]


def a_flipped_tag(key: SrtpKey, implementation: Implementation) -> None:
    [packet] = protected_by(implementation, key, 1)
    receiver = implementation.receiver(key)
    for bit in range(8 * key.suite.tag_bytes):
        whole = int.from_bytes(packet, "big") ^ 1 << bit
        assert receiver.unprotect(whole.to_bytes(len(packet), "big")) is None
    assert receiver.unprotect(packet) == rtp(1)


def a_repeated_packet(key: SrtpKey, implementation: Implementation) -> None:
    [packet] = protected_by(implementation, key, 1)
    receiver = implementation.receiver(key)
    assert receiver.unprotect(packet) == rtp(1)
    assert receiver.unprotect(packet) is None


def a_packet_older_than_the_window(key: SrtpKey, implementation: Implementation) -> None:
    receiver = implementation.receiver(key._replace(window=64))
    too_old, old, newest = protected_by(implementation, key, 936, 937, 1000)
    assert receiver.unprotect(newest) == rtp(1000)
    assert receiver.unprotect(too_old) is None
    assert receiver.unprotect(old) == rtp(937)


def rtp_in_clear(key: SrtpKey, implementation: Implementation) -> None:
    receiver = implementation.receiver(key)
    assert receiver.unprotect(rtp(1)) is None
    assert receiver.unprotect_rtcp(receiver_report()) is None


def srtcp_that_is_not_encrypted(key: SrtpKey, implementation: Implementation) -> None:
    signed = receiver_report() + (1).to_bytes(4, "big")
    keys = derived(key, SRTCP_LABEL)
    tag = hmac.digest(keys.authentication, signed, "sha1")[:10]
    assert implementation.receiver(key).unprotect_rtcp(signed + tag) is None
    flagged = receiver_report() + (1 << 31 | 1).to_bytes(4, "big")
    tag = hmac.digest(keys.authentication, flagged, "sha1")[:10]
    assert implementation.receiver(key).unprotect_rtcp(flagged + tag) is not None


def srtcp_with_a_short_tag(key: SrtpKey, implementation: Implementation) -> None:
    sender = implementation.sender(key)
    packet = sender.protect_rtcp(receiver_report())
    assert packet is not None
    assert implementation.receiver(key).unprotect_rtcp(packet[:-6]) is None


NEGATIVE: dict[str, Callable[[SrtpKey, Implementation], None]] = {
    "flip one bit of the tag": a_flipped_tag,
    "same packet twice": a_repeated_packet,
    "packet older than window": a_packet_older_than_the_window,
    "RTP in clear on an SRTP stream": rtp_in_clear,
    "SRTCP with E bit 0 when UNENCRYPTED_SRTCP not negotiated": srtcp_that_is_not_encrypted,
    "SRTCP with 32-bit tag on a _32 suite (FreeSWITCH does this)": srtcp_with_a_short_tag,
}


def test_every_negative_vector_has_its_scene() -> None:
    assert {row["case"] for row in VECTORS["negative"]} == NEGATIVE.keys() | ELSEWHERE


# EDGE K12, K13
@each_implementation
@pytest.mark.parametrize("case", NEGATIVE)
def test_a_packet_of_the_negative_vectors_is_refused(
    case: str, suite: Suite, implementation: Implementation
) -> None:
    NEGATIVE[case](a_key(suite), implementation)


# EDGE K12
@pytest.mark.parametrize("suite", [suite for suite in LIBSRTP_SUITES if suite.tag_bytes == 4])
def test_short_srtcp_tags_are_the_same_in_both_implementations(suite: Suite) -> None:
    key = a_key(suite)
    packet = NativeSender(key, 4).protect_rtcp(receiver_report())
    assert packet == PythonSender(key, rtcp_tag_bytes=4).protect_rtcp(receiver_report())
    assert packet is not None and len(packet) == 8 + 4 + 4
    assert NativeReceiver(key, 4).unprotect_rtcp(packet) == receiver_report()
    assert PythonReceiver(key, rtcp_tag_bytes=4).unprotect_rtcp(packet) == receiver_report()


# EDGE K13
@each_implementation
def test_an_index_is_never_encrypted_twice(suite: Suite, implementation: Implementation) -> None:
    sender = implementation.sender(a_key(suite))
    assert sender.protect(rtp(500, payload=b"one")) is not None
    assert sender.protect(rtp(500, payload=b"two")) is None
    assert sender.protect(rtp(499)) is not None
    assert sender.protect(rtp(500 - 128)) is None, "too old to know whether it was sent"


@each_implementation
def test_each_ssrc_has_its_own_rollover_counter(
    suite: Suite, implementation: Implementation
) -> None:
    key = a_key(suite)
    sender, receiver = implementation.sender(key), implementation.receiver(key)
    for ssrc, sequence in ((1, 65000), (1, 10), (2, 65000), (1, 11), (2, 65001), (2, 3)):
        packet = rtp(sequence, ssrc=ssrc)
        protected = sender.protect(packet)
        assert protected is not None
        assert receiver.unprotect(protected) == packet


@each_implementation
def test_an_ssrc_that_made_room_for_others_cannot_be_replayed(
    suite: Suite, implementation: Implementation
) -> None:
    key = a_key(suite)
    sender, receiver = implementation.sender(key), implementation.receiver(key)
    first = sender.protect(rtp(1, ssrc=0))
    assert first is not None
    assert receiver.unprotect(first) == rtp(1, ssrc=0)
    for ssrc in range(1, MOST_STREAMS + 1):
        packet = sender.protect(rtp(1, ssrc=ssrc))
        assert packet is not None and receiver.unprotect(packet) is not None
    assert receiver.unprotect(first) is None
    assert sender.protect(rtp(2, ssrc=0)) is None, "its keystream would repeat"
    assert sender.protect_rtcp(receiver_report(ssrc=0)) is None


def test_what_made_room_is_gone_from_memory() -> None:
    key = a_key()
    native = NATIVE.sender(key), NATIVE.receiver(key)
    python = PYTHON.sender(key), PYTHON.receiver(key)
    for sender, receiver in (native, python):
        for ssrc in range(1, MOST_STREAMS + 2):
            packet = sender.protect(rtp(1, ssrc=ssrc))
            assert packet is not None and receiver.unprotect(packet) is not None
    for ends in (native, python):
        assert [streams_of(end, range(MOST_STREAMS + 2)) for end in ends] == [MOST_STREAMS] * 2


def test_an_ssrc_that_is_refused_leaves_nothing_in_memory() -> None:
    key = a_key()
    sender, receiver = NativeSender(key), NativeReceiver(key)
    for ssrc in range(MOST_SSRCS):
        packet = sender.protect(rtp(1, ssrc=ssrc))
        assert packet is not None and receiver.unprotect(packet) is not None
    packet = NativeSender(key).protect(rtp(1, ssrc=MOST_SSRCS))
    assert packet is not None and receiver.unprotect(packet) is None
    assert streams_of(receiver, range(MOST_SSRCS + 1)) == MOST_STREAMS


def streams_of(context: object, ssrcs: range) -> int:
    """Return how many contexts there are; afterwards there are none."""
    if isinstance(context, NativeSender | NativeReceiver):
        wire = [int.from_bytes(ssrc.to_bytes(4, "big"), sys.byteorder) for ssrc in ssrcs]
        return sum(lib.srtp_remove_stream(context._session, ssrc) == 0 for ssrc in wire)
    assert isinstance(context, PythonSender | PythonReceiver)
    return len(context._streams)


@each_implementation
def test_a_peer_with_ever_new_ssrcs_is_refused_in_the_end(
    suite: Suite, implementation: Implementation
) -> None:
    key = a_key(suite)
    senders = [implementation.sender(key) for _ in range(2)]
    receiver = implementation.receiver(key)
    for ssrc in range(MOST_SSRCS + 10):
        packet = senders[ssrc >= MOST_SSRCS].protect(rtp(1, ssrc=ssrc))
        assert packet is not None
        assert (receiver.unprotect(packet) is not None) == (ssrc < MOST_SSRCS)
    last = senders[0].protect(rtp(2, ssrc=MOST_SSRCS - 1))
    assert last is not None
    assert receiver.unprotect(last) is not None, "who has a context keeps it"


# EDGE K6
@pytest.mark.parametrize("suite", Suite)
def test_a_key_is_good_for_so_many_packets(suite: Suite) -> None:
    assert most_packets(suite) == (2**48 if suite.key_bytes == 16 else 2**31)


# EDGE K6
def test_a_used_up_key_encrypts_and_verifies_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(srtp_python, "MOST_LONG_KEY_PACKETS", 2)
    key = a_key(Suite.AES_192_CM_HMAC_SHA1_80)
    sender, receiver = PythonSender(key), PythonReceiver(key)
    packets = [sender.protect(rtp(sequence)) for sequence in (1, 2, 3)]
    assert packets[:2] != [None, None] and packets[2] is None
    monkeypatch.undo()
    packets = [PythonSender(key).protect(rtp(sequence)) for sequence in (1, 2, 3)]
    received = [packet and receiver.unprotect(packet) for packet in packets]
    assert received == [rtp(1), rtp(2), None]


# EDGE K6
def test_indices_end_where_the_rfc_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    key = a_key()
    sender, receiver = PythonSender(key), PythonReceiver(key)
    reports = [sender.protect_rtcp(receiver_report()) for _ in range(3)]
    packets = [sender.protect(rtp(sequence)) for sequence in (1, 2)]
    monkeypatch.setattr(srtp_python, "MOST_RTP_INDICES", 2)
    monkeypatch.setattr(srtp_python, "MOST_RTCP_INDICES", 4)
    assert sender.protect_rtcp(receiver_report()) is None
    assert sender.protect(rtp(3)) is None
    assert all(report and receiver.unprotect_rtcp(report) for report in reports)
    assert [packet and receiver.unprotect(packet) for packet in packets] == [rtp(1), None]


# EDGE S14
@pytest.mark.parametrize("implementation", [NATIVE, PYTHON], ids=["native", "python"])
def test_contexts_show_no_key(implementation: Implementation) -> None:
    key = a_key()
    for context in (implementation.sender(key), implementation.receiver(key)):
        assert key.key.hex() not in repr(context)
        assert repr(key.key) not in repr(context)
