"""The keys of a leg's SRTP: signalling agrees on them, a media worker uses them (RFC 4568)."""

from enum import Enum
from typing import NamedTuple

SALT_BYTES = 14
SRTCP_TAG_BYTES = 10
"""In every suite (RFC 4568 §6.2, RFC 6188 §4; EDGE K12)."""

REPLAY_WINDOW = 128
"""Packets, unless a peer hints at another number (EDGE K8, K13)."""


class Suite(Enum):
    """A crypto suite by its IANA name (EDGE K1)."""

    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"
    AES_192_CM_HMAC_SHA1_80 = "AES_192_CM_HMAC_SHA1_80"
    AES_192_CM_HMAC_SHA1_32 = "AES_192_CM_HMAC_SHA1_32"
    AES_256_CM_HMAC_SHA1_80 = "AES_256_CM_HMAC_SHA1_80"
    AES_256_CM_HMAC_SHA1_32 = "AES_256_CM_HMAC_SHA1_32"

    @property
    def key_bytes(self) -> int:
        """Return the length of the master key: 16, 24 or 32 octets."""
        return _KEY_BITS[self] // 8

    @property
    def tag_bytes(self) -> int:
        """Return the length of an SRTP packet's tag: 10 or 4 octets."""
        return 4 if self.value.endswith("_32") else 10


_KEY_BITS = {
    suite: next(bits for bits in (128, 192, 256) if f"_{bits}_" in suite.value) for suite in Suite
}


class SrtpKey(NamedTuple):
    """What one party encrypts with; its text shows no key (EDGE S14)."""

    suite: Suite
    key: bytes
    """The master key."""
    salt: bytes
    """The master salt, 14 octets."""
    mki_bytes: int = 0
    """Octets of a master key identifier in each packet that the party sends (EDGE K7)."""
    window: int = REPLAY_WINDOW
    """Packets of the receiver's replay window (EDGE K8, K13)."""

    def __repr__(self) -> str:
        """Return the suite alone."""
        return f"SrtpKey({self.suite.value})"


class LegSrtp(NamedTuple):
    """The two keys of one leg."""

    ours: SrtpKey
    """What the peer gets is encrypted with this one."""
    theirs: SrtpKey
    """What the peer sends."""
