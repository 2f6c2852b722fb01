"""SRTP once more, written for tests alone: what a peer of the edge does with its packets.

It shares no line with the edge: RFC 3711 §3.3 and §4, RFC 6188 §2 and §3, and the key derivation of
old libsrtp for 192 bits (EDGE K11). Checked against tests/vectors/srtp.json.
"""

import base64
import hashlib
import hmac
import re
from enum import Enum
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

_SALT_BYTES = 14
_AUTH_BYTES = 20
_SRTCP_TAG_BYTES = 10
_ENCRYPTED = 1 << 31
"""The E bit in front of an SRTCP index (RFC 3711 §3.4)."""
_CRYPTO = re.compile(rb"^a=crypto:(\d+) (\S+) inline:([^|\s]+)", re.M)


class Kdf(Enum):
    """How session keys are derived from a key of 192 bits."""

    RFC = "RFC 6188"
    LIBSRTP = "libsrtp before August 2025"


class Crypto(NamedTuple):
    """One a=crypto line (RFC 4568 §4)."""

    tag: int
    suite: str
    key: bytes
    salt: bytes

    def line(self) -> str:
        """Return it as it stands in SDP."""
        return f"a=crypto:{self.tag} {self.suite} inline:{_base64(self.key + self.salt)}"


def crypto_lines(sdp: bytes) -> list[Crypto]:
    """Return the lines of a description in their order, with or without base64's padding."""
    found = []
    for tag, suite, inline in _CRYPTO.findall(sdp):
        secret = base64.b64decode(inline + b"=" * (-len(inline) % 4))
        key, salt = secret[:-_SALT_BYTES], secret[-_SALT_BYTES:]
        found.append(Crypto(int(tag), suite.decode(), key, salt))
    return found


def key_bytes(suite: str) -> int:
    """Return the length of a suite's master key, whichever spelling its name has (EDGE K2)."""
    return next(bits for bits in (128, 192, 256) if f"_{bits}_" in suite) // 8


class ReferenceSrtp:
    """What one master key encrypts, in both protocols: as a sender or as a receiver."""

    def __init__(self, suite: str, key: bytes, salt: bytes, kdf: Kdf = Kdf.RFC) -> None:
        self._tag_bytes = 4 if suite.endswith("_32") else 10
        if kdf is Kdf.LIBSRTP and len(key) == 24:
            # AES-256 over key, salt and zeros; of the result the first 192 bits are used.
            secret = key + salt + bytes(8)
            master, salt = secret[:32], secret[32:]
        else:
            master = key
        derived = [
            _derived(master, salt, label, octets)
            for label, octets in enumerate((len(key), _AUTH_BYTES, _SALT_BYTES) * 2)
        ]
        self._rtp, self._rtcp = derived[:3], derived[3:]
        self._streams: dict[int, int] = {}
        """The highest index of each SSRC: rollover counter and sequence number."""
        self._next_rtcp_index = 1

    def protect(self, packet: bytes) -> bytes:
        """Encrypt RTP; a sequence number that wraps around is noticed."""
        index = self._index(packet)
        body = self._crypt_rtp(packet, index)
        return body + self._rtp_tag(body, index)

    def unprotect(self, packet: bytes) -> bytes | None:
        """Decrypt RTP; None when the tag is wrong. Replays are not looked for."""
        body, tag = packet[: -self._tag_bytes], packet[-self._tag_bytes :]
        if len(body) < 12:
            return None
        before = dict(self._streams)
        index = self._index(body)
        if not hmac.compare_digest(tag, self._rtp_tag(body, index)):
            self._streams = before
            return None
        return self._crypt_rtp(body, index)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt RTCP."""
        index = self._next_rtcp_index
        self._next_rtcp_index += 1
        body = self._crypt_rtcp(packet, index) + (_ENCRYPTED | index).to_bytes(4, "big")
        return body + _tag(self._rtcp[1], body, _SRTCP_TAG_BYTES)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Decrypt RTCP; None when the tag is wrong."""
        body, tag = packet[:-_SRTCP_TAG_BYTES], packet[-_SRTCP_TAG_BYTES:]
        if len(body) < 12 or not hmac.compare_digest(
            tag, _tag(self._rtcp[1], body, _SRTCP_TAG_BYTES)
        ):
            return None
        word = int.from_bytes(body[-4:], "big")
        return self._crypt_rtcp(body[:-4], word % _ENCRYPTED) if word & _ENCRYPTED else body[:-4]

    def _index(self, packet: bytes) -> int:
        """Return the index that a packet most likely has, and remember the highest."""
        sequence, ssrc = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big")
        highest = self._streams.get(ssrc, sequence)
        # RFC 3711 §3.3.1: the one of three that is nearest.
        rollover = highest >> 16
        candidates = [(it << 16) + sequence for it in range(max(0, rollover - 1), rollover + 2)]
        index = min(candidates, key=lambda it: abs(it - highest))
        self._streams[ssrc] = max(highest, index)
        return index

    def _crypt_rtp(self, packet: bytes, index: int) -> bytes:
        start = 12 + 4 * (packet[0] & 0x0F)
        if packet[0] & 0x10:
            start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
        ssrc = int.from_bytes(packet[8:12], "big")
        return packet[:start] + _crypted(self._rtp, ssrc, index, packet[start:])

    def _crypt_rtcp(self, packet: bytes, index: int) -> bytes:
        ssrc = int.from_bytes(packet[4:8], "big")
        return packet[:8] + _crypted(self._rtcp, ssrc, index, packet[8:])

    def _rtp_tag(self, body: bytes, index: int) -> bytes:
        return _tag(self._rtp[1], body + (index >> 16).to_bytes(4, "big"), self._tag_bytes)


class SrtpEnd:
    """Both directions of a peer; what it has been told of stays accepted, as during a rekeying."""

    def __init__(self, ours: Crypto, theirs: Crypto, kdf: Kdf = Kdf.RFC) -> None:
        self._kdf = kdf
        self._theirs: list[ReferenceSrtp] = []
        self.rekey(ours, theirs)

    def rekey(self, ours: Crypto | None, theirs: Crypto | None) -> None:
        """Use another key for what is sent, accept one more in what comes; None changes nothing."""
        if ours is not None:
            self._ours = ReferenceSrtp(ours.suite, ours.key, ours.salt, self._kdf)
        if theirs is not None:
            self._theirs.append(ReferenceSrtp(theirs.suite, theirs.key, theirs.salt, self._kdf))

    def protect(self, packet: bytes) -> bytes:
        """Encrypt RTP."""
        return self._ours.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt RTCP."""
        return self._ours.protect_rtcp(packet)

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return RTP that one of the keys opens."""
        return next((it for key in self._theirs if (it := key.unprotect(packet))), None)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Return RTCP that one of the keys opens."""
        return next((it for key in self._theirs if (it := key.unprotect_rtcp(packet))), None)


def _base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _derived(master: bytes, salt: bytes, label: int, octets: int) -> bytes:
    """Return a session key (RFC 3711 §4.3.1, key derivation rate 0)."""
    start = int.from_bytes(salt, "big") ^ (label << 48)
    return _keystream(master, start << 16, bytes(octets))


def _crypted(keys: list[bytes], ssrc: int, index: int, text: bytes) -> bytes:
    cipher_key, _, salt = keys
    start = (int.from_bytes(salt, "big") << 16) ^ (ssrc << 64) ^ (index << 16)
    return _keystream(cipher_key, start, text)


def _keystream(key: bytes, start: int, text: bytes) -> bytes:
    return Cipher(AES(key), CTR(start.to_bytes(16, "big"))).encryptor().update(text)


def _tag(key: bytes, text: bytes, octets: int) -> bytes:
    return hmac.new(key, text, hashlib.sha1).digest()[:octets]
