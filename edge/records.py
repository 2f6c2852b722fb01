"""From ended calls and refused requests to detail records and log lines (EDGE 6, 8)."""

from base64 import urlsafe_b64encode
from hashlib import sha1

from edge.call.call import Call
from edge.call.party import Party
from edge.clock import Clock
from edge.policy.verdict import AdmitCall, RecordDue
from edge.routing.failover import Failure
from model.calls import LiveCall
from model.cdr import CallDetailRecord, Disposition, filtered_number, recorded_call_id
from model.numbers import facts_of
from model.quality import CallQuality, SideQuality
from model.record_form import RecordForm
from model.settings import Settings

LogFields = dict[str, str | int | float | None]

_MEDIA_SUFFIXES = (
    *("rtp_packets", "rtp_bytes", "rtcp_packets", "rtcp_bytes"),
    *("packets_lost", "jitter"),
)
"""Of the members of a direction in a media metric log, in the order of StreamQuality."""


class Records:
    """Builds records; writes nothing."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._forms: dict[str, RecordForm] = {}

    def of_call(self, call: Call, party: Party) -> CallDetailRecord:
        """Return a customer's record of an ended call (EDGE C6, C7, N1)."""
        outcome = call.outcome
        assert outcome is not None and call.ended_at is not None
        started_at = call.started_at if call.answered_at is None else call.answered_at
        return CallDetailRecord(
            account_id=self._settings.account_id,
            transaction_id=party.transaction_id,
            call_id=party.call_id,
            connector_id=party.connector_id,
            from_number=party.from_number,
            to_number=party.to_number,
            status_message=outcome.message,
            disposition=party.disposition,
            status=outcome.status,
            sip_auth_user=party.auth_user,
            answered=call.answered_at is not None,
            started_at=self._clock.utc_at(started_at),
            ended_at=self._clock.utc_at(max(started_at, call.ended_at)),
            form=self._form(_region_of(call.admitted, party.connector_id)),
        )

    def of_answer(self, call: Call, party: Party) -> LiveCall:
        """Return a customer's call that has just been answered (EDGE C9)."""
        assert call.answered_at is not None
        return LiveCall(
            transaction_id=party.transaction_id,
            call_id=party.call_id,
            connector_id=party.connector_id,
            from_number=party.from_number,
            to_number=party.to_number,
            disposition=party.disposition,
            sip_auth_user=party.auth_user,
            answered_at=self._clock.utc_at(call.answered_at),
            form=self._form(_region_of(call.admitted, party.connector_id)),
        )

    def of_refusal(
        self, due: RecordDue, call_id: str, transaction_id: str, now: float
    ) -> CallDetailRecord:
        """Return the record of an INVITE that never became a call."""
        moment = self._clock.utc_at(now)
        return CallDetailRecord(
            account_id=self._settings.account_id,
            transaction_id=transaction_id,
            call_id=call_id,
            connector_id=due.connector.connector_id,
            from_number=due.from_number,
            to_number=due.to_number,
            status_message=due.status_message,
            disposition=due.disposition,
            status=due.status,
            sip_auth_user=due.auth_user,
            answered=False,
            started_at=moment,
            ended_at=moment,
            form=self._form(due.connector.region),
        )

    def _form(self, region: str) -> RecordForm:
        """Return the form of a region's records; each is one object, whatever the calls."""
        form = self._forms.get(region)
        if form is None:
            form = self._forms[region] = self._settings.records.form_in(region)
        return form


def _region_of(admitted: AdmitCall, connector_id: str) -> str:
    """Return the region of a call's customer."""
    customers = (admitted.connector, *admitted.callees)
    return next(it.region for it in customers if it.connector_id == connector_id)


def call_started(call: Call, party: Party) -> LogFields:
    """Return the fields of a customer's log line `call-started`."""
    host, port = call.a_leg.flow.remote
    return {
        "transaction_id": party.transaction_id,
        "call_id": recorded_call_id(party.call_id),
        "connector_id": party.connector_id,
        "disposition": party.disposition.value,
        "from_number": party.from_number,
        "to_number": party.to_number,
        "source": f"{host}:{port}",
    }


def call_attempt(call: Call, party: Party, ending: int | Failure) -> LogFields:
    """Return the fields of the log line `call-attempt`: a target that was left, and why."""
    target = call.tried[-1]
    host, port = target.address
    return {
        "transaction_id": party.transaction_id,
        "call_id": recorded_call_id(party.call_id),
        "attempt": len(call.tried),
        "target": target.label,
        "address": f"{host}:{port}",
        "outcome": ending.value if isinstance(ending, Failure) else f"status {ending}",
    }


def new_destination(admitted: AdmitCall) -> LogFields:
    """Return the fields of the alarm that a connector calls a country for the first time (S6)."""
    return {
        "connector_id": admitted.connector.connector_id,
        "region": admitted.new_region,
        "from_number": admitted.from_number,
        "to_number": admitted.to_number,
        "sip_auth_user": admitted.auth_user,
    }


def call_ended(call: Call, party: Party) -> LogFields:
    """Return the fields of a customer's log line `call-ended`."""
    outcome = call.outcome
    assert outcome is not None and call.ended_at is not None
    answered_at = call.ended_at if call.answered_at is None else call.answered_at
    return {
        **call_started(call, party),
        "status": outcome.status.value,
        "status_message": outcome.message,
        "code": None if outcome.why is None else outcome.why.code,
        "target": call.tried[-1].label if call.tried else None,
        "attempts": len(call.tried),
        "duration_ms": round(1000 * max(0.0, call.ended_at - answered_at)),
    }


def media_record(party: Party, region: str, minute: CallQuality) -> LogFields:
    """Return a record of a customer's media metric log, with Amazon's members (EDGE X4).

    What was not measured is None.
    """
    from_number, to_number = filtered_number(party.from_number), filtered_number(party.to_number)
    called = party.disposition is Disposition.ORIGINATION
    return {
        "voice_connector_id": party.connector_id,
        "event_timestamp": f"{minute.measured_at:%Y-%m-%dT%H:%M:%SZ}",
        "call_id": party.transaction_id,
        "from_sip_user": f"sip:{from_number}",
        "from_country": _country_of(from_number),
        "to_sip_user": f"sip:{to_number}",
        "to_country": _country_of(to_number),
        "endpoint_id": _endpoint_id(from_number if called else to_number),
        "aws_region": region,
        **_media_members("cust", minute.customer),
        **_media_members("rem", minute.remote),
    }


def _media_members(peer: str, side: SideQuality) -> LogFields:
    ways = ((f"{peer}2vc", side.received), (f"vc2{peer}", side.sent))
    return {
        **{
            f"{way}_{suffix}": figure
            for way, stream in ways
            for suffix, figure in zip(_MEDIA_SUFFIXES, stream, strict=True)
        },
        f"rtt_btwn_vc_and_{peer}": side.rtt_us,
        f"mos_btwn_vc_and_{peer}": side.mos,
    }


def _country_of(number: str) -> str | None:
    facts = facts_of(number)
    return None if facts is None else facts.region


def _endpoint_id(number: str) -> str:
    """Return what names the other endpoint in every call with it: a hash, as long as Amazon's."""
    digest = sha1(number.encode(), usedforsecurity=False).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
