"""Where identifiers and chance come from; tests replace it by a counting one."""

import secrets
from typing import Protocol


class Ids(Protocol):
    """Source of every identifier and every random decision of the edge."""

    def branch(self) -> str:
        """Return a Via branch without its magic cookie, at least 128 random bits (EDGE S10)."""

    def tag(self) -> str:
        """Return a From or To tag, at least 128 random bits."""

    def call_id(self) -> str:
        """Return a Call-ID, at least 128 random bits."""

    def transaction_id(self) -> str:
        """Return the UUID v4 of a call detail record (EDGE C2)."""

    def nonce(self) -> str:
        """Return a short random text for digest nonces and cnonces."""

    def ssrc(self) -> int:
        """Return an RTP synchronisation source, 32 random bits."""

    def octets(self, count: int) -> bytes:
        """Return so many random octets that nobody else knows: a key (EDGE K4)."""

    def below(self, bound: int) -> int:
        """Return a random integer n with 0 <= n < bound."""


POOL_BYTES = 4_096


class SystemIds:
    """Identifiers from the operating system's randomness, fetched in blocks.

    A system call for each would be a tenth of what a call costs. No octet is used twice.
    """

    def __init__(self) -> None:
        self._pool = b""
        self._position = 0

    def branch(self) -> str:
        """Return 128 random bits in hex."""
        return self.octets(16).hex()

    def tag(self) -> str:
        """Return 128 random bits in hex."""
        return self.octets(16).hex()

    def call_id(self) -> str:
        """Return 128 random bits in hex; no host part, which would tell our address (EDGE B2)."""
        return self.octets(16).hex()

    def transaction_id(self) -> str:
        """Return a random UUID."""
        # What uuid.UUID would make of these octets, without its checks of them.
        text = self.octets(16).hex()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def nonce(self) -> str:
        """Return 64 random bits in hex."""
        return self.octets(8).hex()

    def ssrc(self) -> int:
        """Return 32 random bits."""
        return int.from_bytes(self.octets(4), "big")

    def below(self, bound: int) -> int:
        """Return a random integer below `bound`."""
        return secrets.randbelow(bound)

    def octets(self, count: int) -> bytes:
        """Return so many random octets."""
        start, end = self._position, self._position + count
        if end > len(self._pool):
            self._pool = secrets.token_bytes(max(POOL_BYTES, count))
            start, end = 0, count
        self._position = end
        return self._pool[start:end]
