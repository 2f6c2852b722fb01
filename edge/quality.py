"""The quality of calls: what media workers measure becomes log lines, metrics, rows and records.

A worker measures every open session once a minute and has the last word when it is closed, which is
a moment after the call's end; until then the ended call waits here. A worker that dies never says
it: what became of the media is then not known (EDGE X4, X10).
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

from edge.call.call import Call
from edge.call.party import Party
from edge.clock import Clock
from edge.config import Snapshot
from edge.media.quality import side_quality
from edge.media.session import LegStatistics, SessionClosed, SessionId, SessionMeasured, Side
from edge.meter import Meter
from edge.policy.verdict import AdmitCall
from edge.records import Records, media_record
from edge.seam import Log, NoteQuality, Output, PutMetrics, WriteLog, WriteRecord
from edge.sip.timers import Armed, Timers
from edge.symbol import Symbol
from model.cdr import CallDetailRecord
from model.connector import Connector
from model.connector_logs import ConnectorLog, LogTarget
from model.cqr import CallQualityRecord, CallRoute
from model.metrics import connector_dimensions
from model.quality import CallQuality
from model.settings import Settings

LAST_WORD_S = 5.0
"""How long an ended call waits for what its worker has to say; a round trip takes 30 ms."""

_Key: TypeAlias = tuple[int, SessionId]
_Legs: TypeAlias = tuple[LegStatistics, LegStatistics]
_NOTHING: _Legs = (LegStatistics(), LegStatistics())


class _Due(Symbol):
    """Timers of this module."""

    LAST_WORD = "last word"


class _Ended(NamedTuple):
    """A call that has ended, as long as its worker's last word is awaited."""

    customers: tuple[tuple[Party, CallDetailRecord], ...]
    route: CallRoute
    bucket: str | None
    """Where their records are; None when nothing is stored (EDGE C11)."""
    told: _Legs
    """What the last minute that was told of ended with."""
    overdue_at: float


class QualityBook:
    """What the media of a node's answered calls is like."""

    def __init__(
        self,
        *,
        settings: Settings,
        meter: Meter,
        records: Records,
        clock: Clock,
        timers: Timers,
        put_out: Callable[[Output], None],
    ) -> None:
        self._target = settings.logs.target
        self._writes_records = settings.records.quality
        self._meter = meter
        self._records = records
        self._clock = clock
        self._timers = timers
        self._put_out = put_out
        self._told: dict[_Key, _Legs] = {}
        self._drops: dict[_Key, dict[str, int]] = {}
        """What the meter has heard already, of sessions of which anything was dropped."""
        self._ended: dict[_Key, _Ended] = {}
        self.snapshot = Snapshot()
        """The present configuration."""
        self.armed: Armed = {}

    @property
    def waiting(self) -> int:
        """Return how many ended calls wait for their worker's last word."""
        return len(self._ended)

    def measured(self, worker: int, report: SessionMeasured, call: Call | None, now: float) -> None:
        """Tell of another minute; before the answer there is none to tell of (EDGE X4)."""
        self._count_drops((worker, report.session), (report.a, report.b))
        if call is None or call.answered_at is None:
            return
        key, legs = _key_of(call), (report.a, report.b)
        told = self._told.get(key, _NOTHING)
        self._told[key] = legs
        for party in call.parties:
            self._tell(party, self._quality(party, legs, told, now))
            answered = self._records.of_answer(call, party)
            self._put_out(NoteQuality(answered, self._quality(party, legs, _NOTHING, now)))

    def ended(
        self, call: Call, records: Sequence[CallDetailRecord], bucket: str | None, now: float
    ) -> None:
        """Wait for the last word on an answered call, if anybody wants to hear it."""
        key = _key_of(call)
        told = self._told.pop(key, _NOTHING)
        if call.answered_at is None:
            return
        if bucket is None and all(self._logging(party) is None for party in call.parties):
            return
        if not self._ended:
            self._timers.start(self, _Due.LAST_WORD, now + LAST_WORD_S)
        self._ended[key] = _Ended(
            tuple(zip(call.parties, records, strict=True)),
            _route_of(call.admitted),
            bucket,
            told,
            now + LAST_WORD_S,
        )

    def closed(self, worker: int, report: SessionClosed, now: float) -> None:
        """Tell of the last minute of a call, and of all of it."""
        self._count_drops((worker, report.session), (report.a, report.b))
        self._drops.pop((worker, report.session), None)
        self._settle((worker, report.session), (report.a, report.b), now)

    def worker_lost(self, worker: int, now: float) -> None:
        """Settle the ended calls of a media worker that has died."""
        for key in [key for key in self._drops if key[0] == worker]:
            del self._drops[key]
        for key in [key for key in self._ended if key[0] == worker]:
            self._settle(key, None, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Settle the calls whose worker has forgotten them."""
        for key in [key for key, ended in self._ended.items() if ended.overdue_at <= now]:
            self._settle(key, None, now)
        if self._ended:
            soonest = next(iter(self._ended.values())).overdue_at
            self._timers.start(self, _Due.LAST_WORD, soonest)

    def _settle(self, key: _Key, legs: _Legs | None, now: float) -> None:
        ended = self._ended.pop(key, None)
        if ended is None:
            return
        if not self._ended:
            self._timers.stop(self, _Due.LAST_WORD)
        if legs is not None:
            self._tell_dropped(ended, legs)
        for party, record in ended.customers:
            minute = total = None
            if legs is not None:
                minute = total = self._quality(party, legs, _NOTHING, now)
                if ended.told is not _NOTHING:
                    minute = self._quality(party, legs, ended.told, now)
                self._tell(party, minute)
            if ended.bucket is None:
                continue
            if total is not None:
                self._put_out(NoteQuality(record, total))
            if self._writes_records:
                of_quality = CallQualityRecord(
                    call=record, route=ended.route, last_minute=minute, total=total
                )
                self._put_out(WriteRecord(ended.bucket, of_quality))

    def _tell_dropped(self, ended: _Ended, legs: _Legs) -> None:
        """Log what the workers did not relay: an attack, or a peer that was misunderstood (Q6)."""
        party, _ = ended.customers[0]
        for side, leg in zip(Side, legs, strict=True):
            if leg.dropped:
                call = {"transaction_id": party.transaction_id, "leg": side.name.lower()}
                self._put_out(Log("media-dropped", {**call, **leg.dropped}))

    def _count_drops(self, key: _Key, legs: _Legs) -> None:
        """Let the meter know what was dropped since the last time (EDGE X7)."""
        before = self._drops.get(key, {})
        counts: dict[str, int] = {}
        for leg in legs:
            for reason, count in leg.dropped.items():
                counts[reason] = counts.get(reason, 0) + count
        for reason, count in counts.items():
            if count > before.get(reason, 0):
                self._meter.dropped(reason, count - before.get(reason, 0))
        if counts:
            self._drops[key] = counts

    def _quality(self, party: Party, legs: _Legs, since: _Legs, now: float) -> CallQuality:
        sides = [side_quality(leg, before) for leg, before in zip(legs, since, strict=True)]
        return CallQuality(
            measured_at=self._clock.utc_at(now),
            customer=sides[party.side],
            remote=sides[party.side.other],
        )

    def _logging(self, party: Party) -> Connector | None:
        """Return a customer's connector if it wants its media metrics logged (API LG1)."""
        if self._target is LogTarget.NONE:
            return None
        connector = self.snapshot.connectors.get(party.connector_id)
        wants = connector is not None and connector.logging.media_metrics
        return connector if wants else None

    def _tell(self, party: Party, minute: CallQuality) -> None:
        connector = self._logging(party)
        if connector is None:
            return
        connector_id, region = connector.connector_id, connector.region
        record = media_record(party, region, minute)
        if self._target is LogTarget.STDOUT:
            self._put_out(Log("media-metrics", record))
            return
        at = minute.measured_at
        self._put_out(WriteLog(ConnectorLog.MEDIA_METRICS, connector_id, at, record))
        dimensions = connector_dimensions(connector_id, region)
        self._put_out(PutMetrics(dimensions, dict(minute.members())))


def _key_of(call: Call) -> _Key:
    return call.media.lease.worker, call.media.lease.session


def _route_of(admitted: AdmitCall) -> CallRoute:
    if admitted.bridge is not None:
        return CallRoute.CONFERENCE
    return CallRoute.ON_NET if admitted.is_on_net else CallRoute.PSTN
