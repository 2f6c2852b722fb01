"""What is known of one received RTP stream: order, loss and jitter (RFC 3550 appendix A).

All arithmetic is in integers. The media worker repeats the in-order case of `Reception.accept` in
its own loop, for speed; everything else comes through here.
"""

from enum import Enum

from edge.media.rtp import CLOCK_HZ, SEQUENCES, RtpHeader, Shift

MAX_DROPOUT = 3000
MAX_MISORDER = 100
TIMESTAMPS = 1 << 32
FRAME = 160
"""Clock units of a 20 ms packet: the least step between two sources of one stream."""
LONGEST_STEP = CLOCK_HZ
"""Clock units: a timestamp that is off by more than a second is of another time line, as after a
hold with a clock that stood still. That is no jitter, and so jitter stays below a second."""
NOBODY = -1


class Arrival(Enum):
    """What a packet is to the stream it claims to be of."""

    TAKEN = "taken"
    REFUSED = "refused"
    """The first of a new SSRC, or of a great jump: believed when the next one follows it."""


class Reception:
    """Counters of one leg's incoming RTP, over all the sources it had one after the other."""

    __slots__ = (
        *("allowed", "bytes", "jitter", "last_at", "next_sequence", "packets", "shift", "ssrc"),
        *("switched", "transit"),
        *("_base", "_cycles", "_lost_before", "_packets_before", "_probation"),
    )

    def __init__(self) -> None:
        self.ssrc = NOBODY
        self.next_sequence = 0
        """One above the highest sequence number seen, 65536 after 65535: a wrap is never `next`."""
        self.transit = 0
        """Arrival minus timestamp of the last timed packet, clock units."""
        self.jitter = 0
        """Interarrival jitter, sixteenths of a clock unit (RFC 3550 A.8)."""
        self.packets = 0
        self.bytes = 0
        self.last_at: float | None = None
        """Monotonic time of the last packet taken."""
        self.allowed = 0
        """`packets` may not grow beyond this before the next second (EDGE Q6)."""
        self.shift: Shift | None = None
        """Set once the source has switched."""
        self.switched = False
        """The next packet passed on is the first of a new source: it gets the marker."""
        self._base = 0
        self._cycles = 0
        self._lost_before = 0
        self._packets_before = 0
        self._probation: tuple[int, int] | None = None

    @property
    def lost(self) -> int:
        """Return expected minus received packets, never negative (RFC 3550 A.3, EDGE X5)."""
        return max(0, self._lost_before + self._lost_now())

    @property
    def jitter_us(self) -> int:
        """Return the jitter in microseconds."""
        return (self.jitter >> 4) * 1_000_000 // CLOCK_HZ

    def accept(self, header: RtpHeader, size: int, now: float, *, timed: bool = True) -> Arrival:
        """Count one packet of `size` octets; `timed` is False for events, whose clock stands."""
        if self.ssrc == NOBODY:
            self._start(header, now)
        elif header.ssrc != self.ssrc:
            if not self._is_confirmed(header):
                return Arrival.REFUSED
            self._switch(header, now)
        elif not self._is_in_sequence(header, now):
            return Arrival.REFUSED
        if timed:
            self._time(header.timestamp, now)
        self.packets += 1
        self.bytes += size
        self.last_at = now
        return Arrival.TAKEN

    def _is_in_sequence(self, header: RtpHeader, now: float) -> bool:
        """Follow RFC 3550 A.1: gaps and reordering count, a great jump has to be confirmed."""
        sequence, highest = header.sequence, self.next_sequence - 1
        delta = (sequence - highest) % SEQUENCES
        if delta < MAX_DROPOUT:
            self._cycles += sequence < highest
            self.next_sequence = sequence + 1
        elif delta <= SEQUENCES - MAX_MISORDER:
            if not self._is_confirmed(header):
                return False
            # Passed on as it is, the jump would be more than an SRTP receiver can follow.
            self._switch(header, now)
        return True

    def _is_confirmed(self, header: RtpHeader) -> bool:
        """Tell whether this packet follows the one on probation; put it there if not."""
        confirmed = self._probation == (header.ssrc, header.sequence)
        following = (header.ssrc, (header.sequence + 1) % SEQUENCES)
        self._probation = None if confirmed else following
        return confirmed

    def _start(self, header: RtpHeader, now: float) -> None:
        self._lost_before += self._lost_now()
        self._packets_before = self.packets
        self._base = header.sequence
        self._cycles = 0
        self.ssrc = header.ssrc
        self.next_sequence = header.sequence + 1
        self.transit = int(now * CLOCK_HZ) - header.timestamp

    def _switch(self, header: RtpHeader, now: float) -> None:
        """Let the new source continue where the old one ended, as the receiver sees it."""
        old = self.shift or Shift(self.ssrc, 0, 0)
        last_at = now if self.last_at is None else self.last_at
        last_timestamp = int(last_at * CLOCK_HZ) - self.transit + old.timestamp
        step = max(FRAME, int((now - last_at) * CLOCK_HZ))
        self.shift = Shift(
            old.ssrc,
            (self.next_sequence + old.sequence - header.sequence) % SEQUENCES,
            (last_timestamp + step - header.timestamp) % TIMESTAMPS,
        )
        self.switched = True
        self._start(header, now)

    def _time(self, timestamp: int, now: float) -> None:
        transit = int(now * CLOCK_HZ) - timestamp
        difference = abs(transit - self.transit) % TIMESTAMPS
        difference = min(difference, TIMESTAMPS - difference)
        self.transit = transit
        if difference <= LONGEST_STEP:
            self.jitter += difference - ((self.jitter + 8) >> 4)

    def _lost_now(self) -> int:
        if self.ssrc == NOBODY:
            return 0
        expected = self._cycles * SEQUENCES + self.next_sequence - self._base
        return expected - (self.packets - self._packets_before)
