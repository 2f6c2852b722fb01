"""Accounts for what is refused or ignored: detail records, log lines, counts (EDGE C8, S5, S14).

Source addresses are free to invent, log storage and S3 are not. So a source gets one line in ten
seconds for each reason, strangers a few for all of them together, and every stranger's packet is
counted: one line sums them up every ten seconds.
"""

from collections.abc import Callable
from enum import Enum

from edge.flow import Flow
from edge.ids import Ids
from edge.meter import Meter
from edge.policy.rate import RateLimiter
from edge.policy.reasons import Reason
from edge.policy.verdict import Challenge, RecordDue, Refuse, Silence
from edge.records import LogFields, Records
from edge.sip.message import Request
from edge.sip.timers import Armed, Timers
from edge.symbol import Symbol
from model.cdr import CallDetailRecord, Disposition, filtered_number, recorded_call_id
from model.settings import AdmissionSettings

LINES_AT_ONCE = 20.0
"""Lines about strangers before they come one a second (EDGE S5)."""
SUMMARY_EVERY_S = 10.0

_LINES_PER_S = 0.1
"""Of one source and reason."""

SCANNERS = ("friendly-scanner", "sipvicious", "sundayddr", "pplsip", "vaxsipuseragent", "sipcli")
"""How scanners call themselves in User-Agent; a label for the log and no more (EDGE S4)."""

_HONEST = (Reason.NO_CREDENTIALS, Reason.STALE_NONCE)
"""Challenges that a PBX with the right password meets, too."""


class _Due(Symbol):
    """Timers of this module."""

    SUMMARY = "summary"


class Refusals:
    """Keeps account of refusals for one node."""

    def __init__(
        self,
        *,
        settings: AdmissionSettings,
        ids: Ids,
        timers: Timers,
        records: Records,
        meter: Meter,
        write: Callable[[CallDetailRecord], None],
        log: Callable[[str, LogFields], None],
    ) -> None:
        self._records_per_s = float(settings.rejected_records_per_second)
        self._ids = ids
        self._timers = timers
        self._records = records
        self._meter = meter
        self._write = write
        self._log = log
        self._record_rates = RateLimiter()
        self._lines = RateLimiter()
        self._stranger_lines = RateLimiter()
        self._suppressed_records = 0
        self._strangers: dict[Reason, int] = {}
        self._last_stranger = ""
        self.armed: Armed = {}

    def refused(self, verdict: Refuse, request: Request, flow: Flow, now: float) -> None:
        """Account for a refusal that a known source was given."""
        if request.method == "INVITE":
            self._count_refusal(verdict)
        due, transaction_id = verdict.record, None
        if due is not None:
            transaction_id = self._record(due, request.call_id, now)
        elif request.method == "INVITE":
            transaction_id = self._ids.transaction_id()
        if verdict.callee_record is not None:
            # No leg was made that this customer could have seen, hence no Call-ID of one (B2).
            self._record(verdict.callee_record, self._ids.call_id(), now)
        if self._may_tell(flow, verdict.why, now):
            self._log(
                "call-refused",
                {
                    "transaction_id": transaction_id,
                    "call_id": recorded_call_id(request.call_id),
                    **_common(verdict, flow),
                    "method": request.method[:32],
                    "status": verdict.status,
                    "reason": verdict.text,
                    "from_number": None if due is None else filtered_number(due.from_number),
                    "to_number": None if due is None else filtered_number(due.to_number),
                },
            )

    def challenged(self, verdict: Challenge, request: Request, flow: Flow, now: float) -> None:
        """Account for a challenge: who is asked for credentials, or has sent wrong ones."""
        self._meter.tally(verdict.connector.connector_id).codes[verdict.status // 100] += 1
        if verdict.why not in _HONEST:
            self._meter.auth_failures += 1
        if self._may_tell(flow, verdict.why, now):
            self._log(
                "call-challenged",
                {
                    "call_id": recorded_call_id(request.call_id),
                    **_common(verdict, flow),
                    "status": verdict.status,
                    "reason": verdict.why.text,
                },
            )

    def ignored(
        self, why: Reason, hint: str, request: Request | None, flow: Flow, now: float
    ) -> None:
        """Account for a stranger, who gets no answer or a bare 403."""
        self.count(why, flow, now)
        if self._may_tell(flow, why, now) and self._stranger_lines.take(
            "node", 1.0, LINES_AT_ONCE, now
        ):
            self._tell_of(flow, why, hint, request)

    def unread(self, verdict: Silence, flow: Flow, now: float, *, is_known: bool) -> None:
        """Account for what is no request that could be answered (EDGE R18)."""
        if not is_known:
            self.count(verdict.why, flow, now)
        elif self._may_tell(flow, verdict.why, now):
            self._tell_of(flow, verdict.why, verdict.hint, None)

    def count(self, why: Reason, flow: Flow, now: float) -> None:
        """Count a packet that gets no line of its own; the sum is told within ten seconds."""
        if not self._strangers:
            self._timers.start(self, _Due.SUMMARY, now + SUMMARY_EVERY_S)
        self._strangers[why] = self._strangers.get(why, 0) + 1
        self._meter.stranger_packets += 1
        self._last_stranger = flow.remote[0]

    def on_timer(self, timer: Enum, now: float) -> None:
        """Tell how much came from unknown sources, by reason (EDGE S5)."""
        counted, self._strangers = self._strangers, {}
        fields: LogFields = {"packets": sum(counted.values()), "last_source": self._last_stranger}
        self._log("unknown-sources", fields | {why.code: many for why, many in counted.items()})

    def _count_refusal(self, verdict: Refuse) -> None:
        """Count an attempt that was none of a call: its connector is known (EDGE X8)."""
        if verdict.why is Reason.LOCKED:
            self._meter.auth_failures += 1
        elif verdict.why is Reason.OVERLOAD:
            self._meter.overload_refusals += 1
        failed = verdict.status >= 400 and verdict.status != 487
        for due in (verdict.record, verdict.callee_record):
            if due is not None:
                tally = self._meter.tally(due.connector.connector_id)
                calls = tally.of(due.disposition)
                calls.attempts += 1
                calls.failures += failed
                tally.throttles += verdict.why.limited
        if verdict.record is not None and verdict.record.disposition is Disposition.TERMINATION:
            connector_id = verdict.record.connector.connector_id
            self._meter.tally(connector_id).codes[verdict.status // 100] += 1

    def _record(self, due: RecordDue, call_id: str, now: float) -> str:
        """Write what a customer's refused call leaves; return its TransactionId."""
        transaction_id, connector_id = self._ids.transaction_id(), due.connector.connector_id
        rate = self._records_per_s
        if self._record_rates.take(connector_id, rate, rate, now):
            self._write(self._records.of_refusal(due, call_id, transaction_id, now))
        else:
            self._record_suppressed(connector_id, now)
        return transaction_id

    def _tell_of(self, flow: Flow, why: Reason, hint: str, request: Request | None) -> None:
        host, port = flow.remote
        fields: LogFields = {"source": f"{host}:{port}", "code": why.code, "hint": hint}
        if request is not None:
            fields["call_id"] = recorded_call_id(request.call_id)
            fields["method"] = request.method[:32]
            fields["scanner"] = _scanner(request)
        self._log("source-refused", fields)

    def _may_tell(self, flow: Flow, why: Reason, now: float) -> bool:
        return self._lines.take(f"{flow.remote[0]} {why.code}", _LINES_PER_S, 1.0, now)

    def _record_suppressed(self, connector_id: str, now: float) -> None:
        """Count a record that a flood costs (EDGE C8); say so at most once in ten seconds."""
        self._suppressed_records += 1
        self._meter.suppressed_records += 1
        if self._lines.take(f"record {connector_id}", _LINES_PER_S, 1.0, now):
            total = self._suppressed_records
            self._log("records-suppressed", {"connector_id": connector_id, "total": total})


def _common(verdict: Refuse | Challenge, flow: Flow) -> LogFields:
    connector = verdict.connector
    return {
        "connector_id": None if connector is None else connector.connector_id,
        "source": f"{flow.remote[0]}:{flow.remote[1]}",
        "code": verdict.why.code,
        "hint": verdict.hint,
    }


def _scanner(request: Request) -> str | None:
    agent = (request.get("user-agent") or "").lower()
    return next((name for name in SCANNERS if name in agent), None)
