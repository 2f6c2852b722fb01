"""Whoever looks on while calls happen: lines, metrics, SIP logs, quality, recordings.

None of them has a say in what becomes of a call.
"""

from collections.abc import Callable, Mapping
from typing import assert_never

from edge.call.b2bua import B2bua
from edge.call.call import Call
from edge.call.gate import NOT_JOURNALLED
from edge.call.media_pool import MediaPool
from edge.call.party import Party
from edge.clock import Clock
from edge.media.session import Captured, SessionClosed, SessionMeasured, Side
from edge.meter import Meter, Tally
from edge.quality import QualityBook
from edge.recording import Recordings
from edge.records import Records, call_attempt, call_ended, call_started
from edge.routing.failover import Failure
from edge.seam import Log, Output
from edge.sip.timers import Timers
from edge.sip_log import SipLog
from model.connector import Connector
from model.settings import Settings

GAVE_UP = 487
"""Request Terminated: the caller did not wait (RFC 3261 §21.4.25)."""


class Observers:
    """All of them for one node."""

    __slots__ = ("_calls", "_put_out", "_tallies", "meter", "quality", "recordings", "sip_log")

    def __init__(
        self,
        settings: Settings,
        *,
        meter: Meter,
        records: Records,
        clock: Clock,
        timers: Timers,
        calls: B2bua,
        pool: MediaPool,
        media_address: str,
        owns: Callable[[str, str], bool],
        put_out: Callable[[Output], None],
    ) -> None:
        self._calls = calls
        self._put_out = put_out
        self._tallies: dict[Call, list[Tally]] = {}
        self.meter = meter
        self.quality = QualityBook(
            settings=settings,
            meter=meter,
            records=records,
            clock=clock,
            timers=timers,
            put_out=put_out,
        )
        self.recordings = Recordings(
            settings.recording,
            clock=clock,
            timers=timers,
            calls=calls,
            pool=pool,
            media_address=media_address,
            put_out=put_out,
        )
        self.sip_log = SipLog(
            target=settings.logs.target, clock=clock, timers=timers, owns=owns, put_out=put_out
        )

    def configured(self, connectors: Mapping[str, Connector | None]) -> None:
        """Take connectors that are new, have changed, or are gone."""
        self.meter.configured(connectors)
        self.sip_log.configured(connectors)

    def call_started(self, call: Call) -> None:
        """Take an admitted call, before its first target is tried."""
        self.sip_log.call_started(call)
        self._tallies[call] = tallies = []
        for party in call.parties:
            tally = self.meter.tally(party.connector_id)
            tallies.append(tally)
            direction = tally.of(party.disposition)
            direction.attempts += 1
            direction.active += 1
            if party.side is Side.A:
                tally.codes[1] += 1  # Its 100 has been sent.
                call.a_leg.count_responses(tally.codes)
            self._log("call-started", call_started(call, party))

    def attempted(self, call: Call) -> None:
        """Take a target before its INVITE goes out: the customer that is called may be another."""
        self.sip_log.attempted(call)
        leg, tallies = call.b_leg, self._tallies[call]
        for number, party in enumerate(call.parties):
            if party.side is Side.B and leg is not None:
                tally = self.meter.tally(party.connector_id)
                self._move(party, tallies[number], tally)
                tallies[number] = tally
                leg.count_responses(tally.codes)

    def attempt_over(self, call: Call, ending: int | Failure) -> None:
        """Take the failure of the last target that was tried."""
        target = call.tried[-1]
        self.meter.route_failed(target.carrier or target.label, target.connector_id)
        for party in call.parties:
            self._log("call-attempt", call_attempt(call, party, ending))

    def not_journalled(self, transaction_ids: list[str]) -> None:
        """Take that nobody says that these calls have their rows (EDGE C9)."""
        for name in transaction_ids:
            self._log("call-not-journalled", {"transaction_id": name, "hint": NOT_JOURNALLED})

    def call_answered(self, call: Call) -> None:
        """Take that a caller hears of the answer."""
        for party, tally in zip(call.parties, self._tallies[call], strict=True):
            tally.of(party.disposition).answered += 1

    def call_ended(self, call: Call, now: float) -> None:
        """Take the end of a call."""
        self.recordings.call_ended(call, now)
        self.sip_log.call_ended(call, now)
        why = None if call.outcome is None else call.outcome.why
        # Without a reason it was answered; whoever hung up while it rang has not failed (EDGE X8).
        failed = why is not None and why.status != GAVE_UP
        for party, tally in zip(call.parties, self._tallies.pop(call), strict=True):
            tally.of(party.disposition).active -= 1
            if failed:
                self.meter.tally(party.connector_id).of(party.disposition).failures += 1
            self._log("call-ended", call_ended(call, party))

    def media_reported(
        self, worker: int, report: SessionMeasured | SessionClosed | Captured, now: float
    ) -> None:
        """Take what a media worker tells of a session."""
        match report:
            case SessionMeasured(session):
                self.quality.measured(worker, report, self._calls.call_of(worker, session), now)
            case SessionClosed():
                self.quality.closed(worker, report, now)
            case Captured(session, records):
                self.recordings.captured(worker, session, records, now)
            case _:
                assert_never(report)

    def _move(self, party: Party, before: Tally, after: Tally) -> None:
        before.of(party.disposition).active -= 1
        after.of(party.disposition).active += 1

    def _log(self, event: str, fields: dict[str, str | int | float | None]) -> None:
        self._put_out(Log(event, fields))
