"""Identifiers and chance that a seed determines, so that every run can be replayed."""

import random


class CountingIds:
    """Counts its identifiers; two sources with different seeds never give the same one."""

    def __init__(self, seed: int | str) -> None:
        """Start from a seed; ids show it, so that a trace tells who made them."""
        self._seed = seed
        self._count = 0
        self._chance = random.Random(f"{seed}")

    def branch(self) -> str:
        """Return a branch without its magic cookie."""
        return self._next("branch")

    def tag(self) -> str:
        """Return a tag."""
        return self._next("tag")

    def call_id(self) -> str:
        """Return a Call-ID."""
        return self._next("call")

    def transaction_id(self) -> str:
        """Return something of a UUID's form."""
        self._count += 1
        return f"00000000-0000-4000-8000-{self._count:012d}"

    def nonce(self) -> str:
        """Return a nonce."""
        return self._next("nonce")

    def ssrc(self) -> int:
        """Return 32 bits."""
        return self._chance.getrandbits(32)

    def octets(self, count: int) -> bytes:
        """Return octets that the seed determines."""
        return self._chance.randbytes(count)

    def below(self, bound: int) -> int:
        """Return a number below `bound`; the seed determines the sequence."""
        return self._chance.randrange(bound)

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._seed}-{self._count}"
