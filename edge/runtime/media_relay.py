"""RTP and RTCP between the legs of many calls: the sessions of a media worker (A8).

Decisions are made in edge.media; the one exception is marked below.
"""

import logging
import secrets
import select
from collections.abc import Callable
from functools import partial
from math import inf

from edge.media.latch import Effect
from edge.media.liveness import silence_of
from edge.media.relaying import MediaLeg
from edge.media.rtp import (
    CLOCK_HZ,
    HEADER,
    HEADER_BYTES,
    LONGEST_PAYLOAD_BYTES,
    VERSION_AND_TYPE,
)
from edge.media.session import (
    CloseSession,
    LegStatistics,
    MediaReport,
    MediaSilent,
    OpenSession,
    RecordSession,
    SessionClosed,
    SessionCommand,
    SessionId,
    SessionMeasured,
    SetLeg,
)
from edge.media.silence import SilenceStream
from edge.media.srtp_leg import SrtpRules
from edge.media.srtp_native import BUFFER, OCTETS, PROTECT, SIZE, UNPROTECT
from edge.runtime.media_fast_path import FastPath, Moment, NotAuthentic
from edge.runtime.media_leg_port import LegPort
from edge.runtime.media_ports import PortPool
from edge.runtime.media_recording import Recordings
from model.settings import MediaSettings

LOG = logging.getLogger("edge.media_worker")

SECOND = 1.0
FEED_S = 0.005
"""How often the loop looks for silence that is due, as long as somebody is fed."""
MEASURED_EVERY_S = 60.0
"""EDGE X4; counted from the opening of a session, so that not all are measured at once."""
SLICES = 20
"""Parts of the sessions that the slow timer visits in turn: all at once would delay packets."""

UNPACK_HEADER = HEADER.unpack_from
LONGEST_PLAIN_BYTES = HEADER_BYTES + LONGEST_PAYLOAD_BYTES
"""A longer packet may still be good, with CSRCs or a header extension: it goes the general way."""


class _Session:
    """Two legs, whether their silence has been reported, and when they are measured next."""

    __slots__ = ("is_reported", "measured_at", "ports")

    def __init__(self, a: LegPort, b: LegPort, *, now: float) -> None:
        self.ports = (a, b)
        self.is_reported = False
        self.measured_at = now + MEASURED_EVERY_S
        a.other, b.other = b, a

    def statistics(self) -> tuple[LegStatistics, LegStatistics]:
        """Return what both legs have had so far."""
        a, b = (port.leg for port in self.ports)
        return a.statistics(b), b.statistics(a)


class Relay:
    """All sessions of one worker process."""

    def __init__(
        self,
        pool: PortPool,
        settings: MediaSettings,
        srtp_rules: SrtpRules,
        *,
        epoll: select.epoll,
        report: Callable[[MediaReport], None],
        now: float,
    ) -> None:
        """Watch the sockets of sessions with `epoll`; its other descriptors are not ours."""
        self._pool = pool
        self._settings = settings
        self._srtp_rules = srtp_rules
        self._epoll = epoll
        self._report = report
        self._moment = Moment(now)
        self._sessions: dict[SessionId, _Session] = {}
        self._latched: dict[int, FastPath] = {}
        self._rtp: dict[int, LegPort] = {}
        self._rtcp: dict[int, LegPort] = {}
        self._recordings = Recordings()
        self._fed: dict[LegPort, SilenceStream] = {}
        self._next_feed = inf
        self._slices: list[dict[SessionId, _Session]] = [{} for _ in range(SLICES)]
        self._next_slice = 0
        self._next_second = [0.0] * SLICES
        round_s = min(SECOND, settings.relatch_after_s / 2, settings.timeout_s / 2)
        self.tick_s = round_s / SLICES
        """Between two calls of `tick`."""

    @property
    def longest_wait_s(self) -> float:
        """Return how long the loop may sleep."""
        return FEED_S if self._fed else self.tick_s

    def serve(self, events: list[tuple[int, int]], now: float) -> bool:
        """Read one packet from each ready socket; return whether another descriptor is ready."""
        self._moment.now = now
        latched, arrival, others_are_ready = self._latched, int(now * CLOCK_HZ), False
        for fd, _ in events:
            fast = latched.get(fd)
            if fast is None:
                others_are_ready = self._read_other(fd) or others_are_ready
                continue
            # The in-order case of MediaLeg.on_rtp and Reception.accept, repeated here: calling
            # them for every packet makes it cost nearly twice as much (docs/performance.md).
            receive, theirs, reception, expected, ours, send = fast
            try:
                size = receive(OCTETS)
                if theirs is not None:
                    SIZE[0] = size
                    if UNPROTECT(theirs, BUFFER, SIZE):
                        self._rtp[fd].leg.unauthentic += 1
                        continue
                    size = SIZE[0]
                word, sequence, timestamp, ssrc = UNPACK_HEADER(OCTETS)
                transit = arrival - timestamp
                difference = transit - reception.transit
                if (
                    sequence == reception.next_sequence
                    and word & VERSION_AND_TYPE == expected
                    and ssrc == reception.ssrc
                    and reception.packets < reception.allowed
                    and -CLOCK_HZ < difference < CLOCK_HZ
                    and HEADER_BYTES <= size <= LONGEST_PLAIN_BYTES
                ):
                    difference = -difference if difference < 0 else difference
                    reception.jitter += difference - ((reception.jitter + 8) >> 4)
                    reception.transit = transit
                    reception.next_sequence = sequence + 1
                    reception.packets += 1
                    reception.bytes += size
                    reception.last_at = now
                    if ours is not None:
                        SIZE[0] = size
                        if PROTECT(ours, BUFFER, SIZE):
                            continue  # The key is used up.
                        size = SIZE[0]
                    send(OCTETS[:size])
                else:
                    self._rtp[fd].judge(OCTETS[:size])
            except (OSError, NotAuthentic):
                continue  # Nothing to read after all, or the peer refuses: one packet is lost.
        return others_are_ready

    def _read_other(self, fd: int) -> bool:
        """Read a socket that is not latched; return whether it is none of ours."""
        if fd in self._rtp:
            self._rtp[fd].read_open()
        elif fd in self._rtcp:
            self._rtcp[fd].read_rtcp()
        else:
            return True
        return False

    def execute(self, command: SessionCommand) -> None:
        """Obey a command."""
        match command:
            case OpenSession():
                self._open(command)
            case SetLeg(session) | CloseSession(session) | RecordSession(session) if (
                session not in self._sessions
            ):
                # Told to an earlier worker, or its ports were not to be had.
                LOG.warning("session %d is not known", session)
            case SetLeg(session, side, media):
                port = self._sessions[session].ports[side]
                if port.leg.describe(media, self._moment.now) is Effect.RELEASE:
                    port.release()
                self._wire(session)
                if media.is_fed != (port in self._fed):
                    self._set_fed(port, media.is_fed)
            case CloseSession(session):
                self._close(session)
            case RecordSession(session):
                self._record(command)

    def _open(self, command: OpenSession) -> None:
        """Take two ports into use; an unknown port leaves nothing behind."""
        pairs = [self._pool.take(command.a_port), self._pool.take(command.b_port)]
        a_pair, b_pair = pairs
        now = self._moment.now
        if a_pair is None or b_pair is None or command.session in self._sessions:
            for pair in pairs:
                if pair is not None:
                    self._pool.give_back(pair, now)
            LOG.warning("ports %d and %d are not leased", command.a_port, command.b_port)
            return
        rate, on_change = self._settings.packets_per_second, partial(self._wire, command.session)
        ports = [
            LegPort(MediaLeg(rate, self._srtp_rules, now), pair, self._moment, on_change)
            for pair in (a_pair, b_pair)
        ]
        session = _Session(*ports, now=now)
        self._sessions[command.session] = session
        self._slices[command.session % SLICES][command.session] = session
        for port in ports:
            port.discard_queued()
            self._rtp[port.pair.rtp.fileno()] = port
            self._rtcp[port.pair.rtcp.fileno()] = port
            self._epoll.register(port.pair.rtp.fileno(), select.EPOLLIN)
            self._epoll.register(port.pair.rtcp.fileno(), select.EPOLLIN)

    def _wire(self, session: SessionId) -> None:
        """Put the legs of a session on the fast path, or take them from it, as they now are."""
        for port in self._sessions[session].ports:
            fd, fast_path = port.pair.rtp.fileno(), port.fast_path()
            if fast_path is None:
                self._latched.pop(fd, None)
            else:
                self._latched[fd] = fast_path

    def _record(self, command: RecordSession) -> None:
        """Begin or end to record a session."""
        if command.wanted:
            self._recordings.begin(command, self._sessions[command.session].ports)
        else:
            self._end_recording(command.session)
        self._wire(command.session)

    def _end_recording(self, session: SessionId) -> None:
        rest = self._recordings.end(session, self._sessions[session].ports)
        if rest is not None:
            self._report(rest)

    def _set_fed(self, port: LegPort, is_fed: bool) -> None:
        """Begin or end to send silence to a leg's peer (EDGE D6)."""
        if is_fed:
            self._fed[port] = SilenceStream(secrets.randbits(80), self._moment.now)
            self._next_feed = self._moment.now
        else:
            self._fed.pop(port, None)

    def feed(self, now: float) -> None:
        """Send the silence that is due."""
        if now < self._next_feed:
            return
        for port, stream in self._fed.items():
            numbers = port.leg.media.peer_expects
            last_heard_at = port.other.leg.reception.last_at
            while stream.due_at <= now:
                packet = stream.packet(numbers, last_heard_at, now)
                if packet is not None:
                    port.feed(packet)
        self._next_feed = now + FEED_S if self._fed else inf

    def _close(self, session: SessionId) -> None:
        self._end_recording(session)
        closing = self._sessions.pop(session)
        del self._slices[session % SLICES][session]
        for port in closing.ports:
            self._set_fed(port, False)
            self._latched.pop(port.pair.rtp.fileno(), None)
            del self._rtp[port.pair.rtp.fileno()]
            del self._rtcp[port.pair.rtcp.fileno()]
            self._pool.give_back(port.pair, self._moment.now)
        self._report(SessionClosed(session, *closing.statistics()))

    def tick(self, now: float) -> None:
        """Look after the next slice of the sessions."""
        number = self._next_slice
        self._next_slice = (number + 1) % SLICES
        is_new_second = now >= self._next_second[number]
        if is_new_second:
            self._next_second[number] = now + SECOND
        for session_id, session in self._slices[number].items():
            for port in session.ports:
                if is_new_second:
                    port.leg.begin_second()
                last_at = port.leg.reception.last_at
                if (
                    port.leg.is_latched
                    and last_at is not None
                    and now - last_at >= self._settings.relatch_after_s
                ):
                    self._unlatch(session_id, port)
            if not session.is_reported:
                self._report_silence(session_id, session, now)
            if now >= session.measured_at:
                session.measured_at += MEASURED_EVERY_S
                self._report(SessionMeasured(session_id, *session.statistics()))
        for report in self._recordings.reports():
            self._report(report)

    def _unlatch(self, session: SessionId, port: LegPort) -> None:
        port.leg.latch.on_silence(port.leg.reception.ssrc)
        try:
            port.release()
        except OSError:
            LOG.exception("port %d cannot be disconnected", port.pair.port)
        self._wire(session)

    def _report_silence(self, number: SessionId, session: _Session, now: float) -> None:
        a, b = session.ports
        silence = silence_of(
            (a.leg, b.leg),
            now,
            timeout_s=self._settings.timeout_s,
            hold_timeout_s=self._settings.hold_timeout_s,
        )
        if silence is not None:
            session.is_reported = True
            self._report(MediaSilent(number, silence.last_packet_at))

    def close(self) -> None:
        """Close the sockets of all sessions."""
        for session in self._sessions.values():
            for port in session.ports:
                port.pair.close()
