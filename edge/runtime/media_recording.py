"""The recorded sessions of a media worker: who is recorded, and what is to be reported of them."""

from collections.abc import Iterable, Iterator

from edge.media.capture import Capture
from edge.media.session import Captured, RecordSession, SessionId
from edge.runtime.media_leg_port import LegPort


class Recordings:
    """Captures by session; the legs of a recorded session write into the same one."""

    def __init__(self) -> None:
        self._captures: dict[SessionId, Capture] = {}

    def begin(self, command: RecordSession, ports: Iterable[LegPort]) -> None:
        """Record a session from now on; one that is recorded already goes on."""
        capture = self._captures.get(command.session)
        if capture is None:
            capture = self._captures[command.session] = Capture(command.address, command.epoch_s)
        for port in ports:
            port.capture = capture

    def reports(self) -> Iterator[Captured]:
        """Yield what was noted since the last time."""
        for session, capture in self._captures.items():
            records = capture.take()
            if records:
                yield Captured(session, records)

    def end(self, session: SessionId, ports: Iterable[LegPort]) -> Captured | None:
        """Record a session no longer; return what was noted since the last report."""
        for port in ports:
            port.capture = None
        capture = self._captures.pop(session, None)
        records = b"" if capture is None else capture.take()
        return Captured(session, records) if records else None
