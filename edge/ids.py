"""Where identifiers and chance come from; tests replace it by a counting one."""

import secrets
from typing import Protocol
from uuid import uuid4


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

    def below(self, bound: int) -> int:
        """Return a random integer n with 0 <= n < bound."""


class SystemIds:
    """Identifiers from the operating system's randomness."""

    def branch(self) -> str:
        """Return 128 random bits in hex."""
        return secrets.token_hex(16)

    def tag(self) -> str:
        """Return 128 random bits in hex."""
        return secrets.token_hex(16)

    def call_id(self) -> str:
        """Return 128 random bits in hex; no host part, which would tell our address (EDGE B2)."""
        return secrets.token_hex(16)

    def transaction_id(self) -> str:
        """Return a random UUID."""
        return str(uuid4())

    def nonce(self) -> str:
        """Return 64 random bits in hex."""
        return secrets.token_hex(8)

    def ssrc(self) -> int:
        """Return 32 random bits."""
        return secrets.randbits(32)

    def below(self, bound: int) -> int:
        """Return a random integer below `bound`."""
        return secrets.randbelow(bound)
