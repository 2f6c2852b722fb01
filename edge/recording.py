"""Calls that are recorded for debugging: signalling and clear media of both legs, in one file.

    ordered   the AWS worker has found an order for a call of this node: refused, or begun
    running   every SIP message of the two dialogs is noted here, every packet by the media worker
    fading    nothing more is wanted, or the call has ended: what is on its way still counts
    over      the file goes to the AWS worker's bucket

What media workers note passes through here unread. A node that records nothing pays one look at
`is_on` for each message.
"""

import re
from collections.abc import Callable
from enum import Enum, auto

from edge.call.b2bua import B2bua
from edge.call.call import Call
from edge.call.leg import Leg
from edge.call.media_pool import MediaPool
from edge.call.party import Party
from edge.call.states import CallState
from edge.clock import Clock
from edge.flow import Address, Flow
from edge.media import pcap
from edge.media.session import RecordSession, SessionId
from edge.seam import (
    Log,
    Output,
    RecordingBegun,
    RecordingGrew,
    RecordingOver,
    RecordingRefused,
)
from edge.sip.masked import masked
from edge.sip.timers import Armed, Timers
from model.recordings import RecordingEnd, RecordingOrder, RecordingSettings, object_key

FADES_S = 0.5
"""Covers the answer to a BYE and what media workers report from time to time."""
_CALL_ID = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)")


class RecordingTimer(Enum):
    """What a recording waits for."""

    TIME_OVER = auto()
    FADED = auto()


class Recording:
    """One call that is recorded."""

    __slots__ = ("_legs", "_owner", "armed", "call", "order", "size", "why")

    def __init__(self, owner: "Recordings", order: RecordingOrder, call: Call) -> None:
        self.armed: Armed = {}
        self.call = call
        self.order = order
        self.size = 0
        """Bytes so far."""
        self.why: RecordingEnd | None = None
        """Set as soon as it fades."""
        self._owner = owner
        legs = [it for it in (call.a_leg, call.b_leg) if it is not None]
        self._legs = tuple((_wire_call_id(leg), leg) for leg in legs)

    @property
    def session(self) -> tuple[int, SessionId]:
        """Return the worker and the media session of the call."""
        lease = self.call.media.lease
        return lease.worker, lease.session

    def concerns(self, call_id: bytes, remote: Address) -> bool:
        """Tell whether a message is one of the call's: another peer's Call-ID may be the same."""
        return any(call_id == own and leg.trusts(remote) for own, leg in self._legs)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Take the end of a wait."""
        if timer is RecordingTimer.TIME_OVER:
            self._owner.fade(self, RecordingEnd.TIME, now)
        else:
            self._owner.finish(self)


class Recordings:
    """All recordings of a node, by the TransactionId that was ordered."""

    def __init__(
        self,
        settings: RecordingSettings,
        *,
        clock: Clock,
        timers: Timers,
        calls: B2bua,
        pool: MediaPool,
        media_address: str,
        put_out: Callable[[Output], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timers = timers
        self._calls = calls
        self._pool = pool
        self._media_address = media_address
        self._put_out = put_out
        self._epoch_s = clock.utc.timestamp() - clock.monotonic
        self._most_bytes = settings.most_mib << 20
        self._running: dict[str, Recording] = {}
        self._by_session: dict[tuple[int, SessionId], Recording] = {}
        self.is_on = False
        """Whether anything is recorded."""

    def __len__(self) -> int:
        """Return how many recordings are not over."""
        return len(self._running)

    @property
    def longest_s(self) -> int | None:
        """Return how long a recording may be; None where none is allowed."""
        return 60 * self._settings.longest_minutes if self._settings.allowed else None

    def take(self, order: RecordingOrder, bucket: str | None, now: float) -> None:
        """Begin to record a call for the bucket, or say why not."""
        found = self._calls.party(order.transaction_id)
        objection = self._objection(found)
        if found is None or bucket is None or objection is not None:
            reason = objection or "no bucket is set for detail records (UpdateGlobalSettings)"
            self._put_out(RecordingRefused(order, reason))
            self._log("recording-refused", order, reason=reason)
        else:
            self._begin(order, *found, bucket, now)

    def end(self, transaction_id: str, now: float) -> None:
        """Record a call no longer; nothing happens when it is not recorded."""
        recording = self._running.get(transaction_id)
        if recording is not None:
            self.fade(recording, RecordingEnd.ORDERED, now)

    def call_ended(self, call: Call, now: float) -> None:
        """Let the recording of a call end with it."""
        lease = call.media.lease
        recording = self._by_session.get((lease.worker, lease.session))
        if recording is not None:
            self.fade(recording, RecordingEnd.CALL_ENDED, now)

    def received(self, data: bytes, flow: Flow, now: float) -> None:
        """Note a message that came, if it belongs to a recorded call."""
        self._note(data, flow.remote, flow.local, flow.remote, now)

    def sent(self, data: bytes, flow: Flow, now: float) -> None:
        """Note a message that goes out, if it belongs to a recorded call."""
        self._note(data, flow.local, flow.remote, flow.remote, now)

    def captured(self, worker: int, session: SessionId, records: bytes, now: float) -> None:
        """Take what a media worker has noted of a session."""
        recording = self._by_session.get((worker, session))
        if recording is not None:
            self._grow(recording, records, now)

    def fade(self, recording: Recording, why: RecordingEnd, now: float) -> None:
        """Want nothing more of a recording than what is on its way."""
        if recording.why is not None:
            return
        recording.why = why
        recording.armed.clear()
        if recording.call.outcome is None:
            lease = recording.call.media.lease
            self._pool.tell(lease, RecordSession(lease.session, False))
        self._timers.start(recording, RecordingTimer.FADED, now + FADES_S)

    def finish(self, recording: Recording) -> None:
        """Hand a recording over to be stored."""
        assert recording.why is not None, "it has faded"
        del self._running[recording.order.transaction_id]
        del self._by_session[recording.session]
        self.is_on = bool(self._running)
        self._put_out(RecordingOver(recording.order, recording.why))
        self._log(
            "recording-over", recording.order, reason=recording.why.value, bytes=recording.size
        )

    def _objection(self, found: tuple[Call, Party] | None) -> str | None:
        if not self._settings.allowed:
            return "the operator's settings do not allow it (recording.allowed)"
        if found is None or found[0].state is not CallState.CONNECTED:
            return "the call is not up on this node"
        lease = found[0].media.lease
        if (lease.worker, lease.session) in self._by_session:
            return "the call is being recorded already"
        if len(self._running) >= self._settings.at_once:
            return f"{len(self._running)} calls are being recorded on this node (recording.at_once)"
        return None

    def _begin(
        self, order: RecordingOrder, call: Call, party: Party, bucket: str, now: float
    ) -> None:
        recording = Recording(self, order, call)
        self._running[order.transaction_id] = self._by_session[recording.session] = recording
        self.is_on = True
        began_at = self._clock.utc_at(now)
        key = object_key(party.connector_id, order.transaction_id, began_at)
        self._put_out(RecordingBegun(order, bucket, key))
        self._log("recording-begun", order, connector_id=party.connector_id, key=key)
        lease = call.media.lease
        self._pool.tell(
            lease, RecordSession(lease.session, True, self._media_address, self._epoch_s)
        )
        seconds = min(order.seconds, 60 * self._settings.longest_minutes)
        self._timers.start(recording, RecordingTimer.TIME_OVER, now + seconds)

    def _note(
        self, data: bytes, source: Address, destination: Address, peer: Address, now: float
    ) -> None:
        found = _CALL_ID.search(data)
        call_id = b"" if found is None else found.group(1).strip()
        for recording in list(self._running.values()):
            if recording.concerns(call_id, peer):
                record = pcap.record(self._epoch_s + now, source, destination, masked(data))
                self._grow(recording, record, now)

    def _grow(self, recording: Recording, records: bytes, now: float) -> None:
        if recording.size + len(records) > self._most_bytes:
            self.fade(recording, RecordingEnd.SIZE, now)
            return
        recording.size += len(records)
        self._put_out(RecordingGrew(recording.order.transaction_id, records))

    def _log(self, event: str, order: RecordingOrder, **more: str | int | float | None) -> None:
        fields = {"transaction_id": order.transaction_id, "ordered_by": order.ordered_by}
        self._put_out(Log(event, {**fields, **more}))


def _wire_call_id(leg: Leg) -> bytes:
    assert leg.dialog is not None, "the call is answered"
    return leg.dialog.call_id.encode("utf-8", "surrogateescape")
