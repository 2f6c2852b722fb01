"""Silence for a peer that does not know of the other side's hold (EDGE D6, 1.12).

A stream of its own, with an SSRC of its own: the stream that it stands in for comes back where it
was left. It steps back as soon as packets of the other leg come through.
"""

from edge.media.rtp import CLOCK_HZ, HEADER, MARKER, VERSION_2
from edge.media.session import PayloadTypes

FRAME_S = 0.02
FRAME = int(FRAME_S * CLOCK_HZ)
"""Octets and clock units of one packet."""
QUIET_S = 0.06
"""The other leg sends nothing: longer than the 20 or 30 ms between two packets of its own."""
MOST_LATE = 5
"""Frames that are made up for after a pause of the loop; more are left out."""
_PCMU = b"\xff" * FRAME
_G722 = b"\xfd" * FRAME
"""Decodes to zeros: no difference in either band, whose quantizers fall to their least scale and
stay there (G.722 §3.5)."""


class SilenceStream:
    """What one peer gets while it is fed."""

    __slots__ = ("_frame", "_is_marked", "_sequence", "_ssrc", "_started_at", "_timestamp")

    def __init__(self, chance: int, now: float) -> None:
        """Begin at once; `chance` is 80 random bits for SSRC, timestamp and sequence number."""
        self._ssrc = chance & 0xFFFFFFFF
        self._timestamp = chance >> 32 & 0xFFFFFFFF
        self._sequence = chance >> 64 & 0x7FFF
        self._started_at = now
        self._frame = 0
        """The next one; frames count from the start, also those that are not sent."""
        self._is_marked = True
        """The next packet is the first after a pause (RFC 3551 §4.1)."""

    @property
    def due_at(self) -> float:
        """Return the monotonic time of the next packet."""
        return self._started_at + self._frame * FRAME_S

    def packet(
        self, numbers: PayloadTypes, last_heard_at: float | None, now: float
    ) -> bytes | None:
        """Return the packet that is due, None when none is.

        `numbers` are those of the peer, `last_heard_at` is when the other leg's sent its last.
        """
        late = int((now - self.due_at) / FRAME_S)
        if now < self.due_at:
            return None
        if late > MOST_LATE:
            self._frame += late
            self._is_marked = True
        frame = self._frame
        self._frame += 1
        if last_heard_at is not None and now - last_heard_at < QUIET_S:
            self._is_marked = True
            return None
        codec = _codec_of(numbers)
        if codec is None:
            return None
        payload_type, silence = codec
        second = payload_type | (MARKER if self._is_marked else 0)
        self._is_marked = False
        self._sequence = (self._sequence + 1) & 0xFFFF
        timestamp = (self._timestamp + frame * FRAME) & 0xFFFFFFFF
        return HEADER.pack(VERSION_2 | second, self._sequence, timestamp, self._ssrc) + silence


def _codec_of(numbers: PayloadTypes) -> tuple[int, bytes] | None:
    """Return number and silence of a codec that the peer takes."""
    if numbers.pcmu is not None:
        return numbers.pcmu, _PCMU
    return None if numbers.g722 is None else (numbers.g722, _G722)
