"""SRTP and SRTCP in Python, on AES-CTR and HMAC-SHA1 of OpenSSL (RFC 3711, RFC 6188).

It serves the AES-192 suites, which libsrtp derives in its own way (EDGE K11), and judges all suites
as libsrtp does, so that tests can hold the one against the other.
"""

import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from edge.media.rtp import HEADER, HEADER_BYTES, LONGEST_BYTES, payload_start
from edge.media.srtp_derivation import SRTCP_LABEL, SRTP_LABEL, Derivation, SessionKeys, derived
from edge.media.srtp_keys import SRTCP_TAG_BYTES, SrtpKey, Suite
from edge.media.srtp_replay import SEQUENCES, ReplayList, window_within_limits
from edge.media.srtp_ssrcs import SsrcLedger

RTCP_HEADER_BYTES = 8
"""First word and SSRC of the first report: these stay clear."""
RTCP_INDEX_BYTES = 4
ENCRYPTED = 1 << 31
"""The E flag in front of an SRTCP index (RFC 3711 §3.4)."""
RTCP_WINDOW = 128
MOST_RTP_INDICES = 1 << 48
MOST_RTCP_INDICES = 1 << 31
"""RFC 3711 §9.2."""
MOST_LONG_KEY_PACKETS = 1 << 31
"""Of AES-192 and AES-256 (RFC 6188 §6, table 1; EDGE K6)."""


MOST_SEARCHES = 200
"""In the life of a key: four seconds of packets, or so many SSRCs."""


class _Transform:
    """Encryption and authentication with one set of session keys."""

    __slots__ = ("_authentication", "_keystream", "_salt")

    def __init__(self, keys: SessionKeys) -> None:
        self._keystream = Cipher(AES(keys.cipher), CTR(bytes(16))).encryptor()
        self._salt = int.from_bytes(keys.salt, "big") << 16
        self._authentication = keys.authentication

    def crypt(self, data: bytes, ssrc: int, index: int) -> bytes:
        """Return the octets with the packet's keystream added (RFC 3711 §4.1.1)."""
        counter = self._salt ^ ssrc << 64 ^ index << 16
        self._keystream.reset_nonce(counter.to_bytes(16, "big"))
        return self._keystream.update(data)

    def tag(self, message: bytes, size: int) -> bytes:
        """Return the first octets of the message's HMAC (RFC 3711 §4.2.1)."""
        return hmac.digest(self._authentication, message, "sha1")[:size]


class _Stream:
    """What is remembered of one SSRC."""

    __slots__ = ("rtcp", "rtp", "sent_rtcp")

    def __init__(self, window: int) -> None:
        self.rtp = ReplayList(window)
        self.rtcp = ReplayList(RTCP_WINDOW)
        self.sent_rtcp = 0
        """The last SRTCP index that we have used."""


class _Context:
    """One key with the streams that it has been used with."""

    __slots__ = (
        *("_left", "_rtcp", "_rtcp_tag_bytes", "_rtp", "_ssrcs", "_streams", "_tag_bytes"),
        "_window",
    )

    def __init__(
        self,
        key: SrtpKey,
        derivation: Derivation = Derivation.RFC,
        rtcp_tag_bytes: int = SRTCP_TAG_BYTES,
    ) -> None:
        self._rtp = _Transform(derived(key, SRTP_LABEL, derivation))
        self._rtcp = _Transform(derived(key, SRTCP_LABEL, derivation))
        self._tag_bytes = key.suite.tag_bytes
        self._rtcp_tag_bytes = rtcp_tag_bytes
        self._window = window_within_limits(key.window)
        self._left = most_packets(key.suite)
        """RTP packets that the key is still good for."""
        self._ssrcs = SsrcLedger()
        self._streams: dict[int, _Stream] = {}

    def _stream(self, ssrc: int) -> _Stream | None:
        """Return the SSRC's stream or a fresh one; None when it may not have one."""
        if not self._ssrcs.admits(ssrc):
            return None
        return self._streams.get(ssrc) or _Stream(self._window)

    def _keep(self, ssrc: int, stream: _Stream) -> None:
        given_up = self._ssrcs.use(ssrc)
        if given_up is not None:
            del self._streams[given_up]
        self._streams[ssrc] = stream


class PythonSender(_Context):
    """Encrypts with one key what we send."""

    __slots__ = ()

    def protect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet encrypted; None when its index was used or the key is used up."""
        if not HEADER_BYTES <= len(packet) <= LONGEST_BYTES:
            return None
        _, sequence, _, ssrc = HEADER.unpack_from(packet)
        start, stream = payload_start(packet), self._stream(ssrc)
        if stream is None or start > len(packet) or self._left == 0:
            return None
        index = stream.rtp.index_of(sequence)
        if not stream.rtp.admits(index) or index >= MOST_RTP_INDICES:
            return None
        stream.rtp.add(index)
        self._left -= 1
        self._keep(ssrc, stream)
        sealed = packet[:start] + self._rtp.crypt(packet[start:], ssrc, index)
        return sealed + self._rtp.tag(sealed + _roc(index), self._tag_bytes)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet encrypted; None when the key is used up."""
        if not RTCP_HEADER_BYTES <= len(packet) <= LONGEST_BYTES:
            return None
        ssrc = int.from_bytes(packet[4:8], "big")
        stream = self._stream(ssrc)
        if stream is None or stream.sent_rtcp + 1 >= MOST_RTCP_INDICES:
            return None
        stream.sent_rtcp = index = stream.sent_rtcp + 1
        self._keep(ssrc, stream)
        sealed = packet[:RTCP_HEADER_BYTES] + self._rtcp.crypt(
            packet[RTCP_HEADER_BYTES:], ssrc, index
        )
        sealed += (ENCRYPTED | index).to_bytes(RTCP_INDEX_BYTES, "big")
        return sealed + self._rtcp.tag(sealed, self._rtcp_tag_bytes)


class PythonReceiver(_Context):
    """Verifies and decrypts with one key what a peer sends.

    The first packet of an SSRC may have any of several rollover counters: peers keep theirs through
    a rekeying, as RFC 3711 §3.3.1 says, or begin with zero, as RFC 4568 §7.1.4 has it for those who
    move; and a stream may have begun before its key came to us.
    """

    __slots__ = ("_first_rocs", "_searches_left")

    def __init__(
        self,
        key: SrtpKey,
        derivation: Derivation = Derivation.RFC,
        rtcp_tag_bytes: int = SRTCP_TAG_BYTES,
        first_rocs: range = range(1),
    ) -> None:
        super().__init__(key, derivation, rtcp_tag_bytes)
        self._first_rocs = first_rocs
        self._searches_left = MOST_SEARCHES
        """First packets that all counters are tried on; forged ones shall not cost us more."""

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet in clear; None when it is not authentic, repeated or too old."""
        end = len(packet) - self._tag_bytes
        if end < HEADER_BYTES or len(packet) > LONGEST_BYTES:
            return None
        _, sequence, _, ssrc = HEADER.unpack_from(packet)
        start, stream = payload_start(packet), self._stream(ssrc)
        if stream is None or start > end or self._left == 0:
            return None
        for index in self._indices(stream.rtp, sequence):
            if self._is_authentic(packet, end, index):
                stream.rtp.add(index)
                self._left -= 1
                self._keep(ssrc, stream)
                return packet[:start] + self._rtp.crypt(packet[start:end], ssrc, index)
        return None

    def _indices(self, replay: ReplayList, sequence: int) -> Sequence[int]:
        """Return the indices that a packet may have, the likeliest first."""
        if not replay.is_empty:
            index = replay.index_of(sequence)
            return (index,) if replay.admits(index) and index < MOST_RTP_INDICES else ()
        rocs = self._first_rocs if self._searches_left else self._first_rocs[:1]
        self._searches_left -= self._searches_left > 0
        return [roc * SEQUENCES + sequence for roc in rocs]

    def _is_authentic(self, packet: bytes, end: int, index: int) -> bool:
        wanted = self._rtp.tag(packet[:end] + _roc(index), self._tag_bytes)
        return hmac.compare_digest(wanted, packet[end:])

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Return a compound RTCP packet in clear; None when it is not authentic or repeated."""
        signed = len(packet) - self._rtcp_tag_bytes
        end = signed - RTCP_INDEX_BYTES
        if end < RTCP_HEADER_BYTES or len(packet) > LONGEST_BYTES:
            return None
        ssrc = int.from_bytes(packet[4:8], "big")
        index = int.from_bytes(packet[end:signed], "big") ^ ENCRYPTED
        stream = self._stream(ssrc)
        if stream is None or index & ENCRYPTED or not stream.rtcp.admits(index):
            return None
        wanted = self._rtcp.tag(packet[:signed], self._rtcp_tag_bytes)
        if not hmac.compare_digest(wanted, packet[signed:]):
            return None
        stream.rtcp.add(index)
        self._keep(ssrc, stream)
        return packet[:RTCP_HEADER_BYTES] + self._rtcp.crypt(
            packet[RTCP_HEADER_BYTES:end], ssrc, index
        )


def most_packets(suite: Suite) -> int:
    """Return how many RTP packets a master key of a suite is good for (EDGE K6)."""
    return MOST_RTP_INDICES if suite.key_bytes == 16 else MOST_LONG_KEY_PACKETS


def _roc(index: int) -> bytes:
    """Return the rollover counter as the tag covers it (RFC 3711 §4.2)."""
    return (index // SEQUENCES).to_bytes(4, "big")
