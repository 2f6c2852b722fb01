"""The SSRCs that one SRTP key has been used with: each has its own ROC (RFC 3711 §3.2.3).

SSRCs are not announced: they bind when a first packet of theirs is verified (EDGE K13). A peer that
holds the key may still come with ever new ones, so contexts are given up, the longest unused first.
What was given up never returns: without its ROC and replay list, old packets would pass for new
ones and, where we send, a keystream would be used twice.
"""

from array import array

MOST_STREAMS = 8
"""Contexts at a time; a phone has one, one more after a transfer."""
MOST_SSRCS = 1024
"""In the life of a key; four octets each are kept."""


class SsrcLedger:
    """Which SSRCs have a context, which had one, and whether another may have one."""

    __slots__ = ("_live", "_past", "kept")

    def __init__(self) -> None:
        self._live: dict[int, None] = {}
        """By last use, the longest ago first."""
        self._past = array("I")
        self.kept: int | None = None
        """Its context is never given up: its packets are worked on without a word to this ledger,
        so that it may look unused."""

    def __contains__(self, ssrc: int) -> bool:
        return ssrc in self._live

    def admits(self, ssrc: int) -> bool:
        """Tell whether an SSRC has a context or may get one."""
        if ssrc in self._live:
            return True
        return len(self._live) + len(self._past) < MOST_SSRCS and ssrc not in self._past

    def use(self, ssrc: int) -> int | None:
        """Note the use of an admitted SSRC; return the one whose context is given up for it."""
        self._live.pop(ssrc, None)
        self._live[ssrc] = None
        if len(self._live) <= MOST_STREAMS:
            return None
        oldest = next(it for it in self._live if it != self.kept)
        del self._live[oldest]
        self._past.append(oldest)
        return oldest
