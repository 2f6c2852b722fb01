"""Call detail records for tests."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from edge.runtime.aws_messages import NodeIdentity
from model.calls import LiveCall
from model.cdr import NORMAL_CALL_CLEARING, CallDetailRecord, CallStatus, Disposition
from model.cqr import CallQualityRecord, CallRoute
from model.quality import CallQuality, SideQuality, StreamQuality

STARTED_AT = datetime(2019, 3, 8, 6, 27, 38, 563_000, tzinfo=UTC)


NODE = NodeIdentity("node1", "198.51.100.10:5060", STARTED_AT, "process:host:1:2")


def a_live_call(transaction_id: str | None = None) -> LiveCall:
    """Return a call that is up, whose record would be `a_record`."""
    return LiveCall(
        transaction_id=transaction_id or str(uuid4()),
        call_id="8ed6a0c9@192.0.2.1",
        connector_id="abcdef1ghij2klmno3pqr4",
        from_number="+15105550101",
        to_number="+14155550102",
        disposition=Disposition.TERMINATION,
        sip_auth_user=None,
        answered_at=STARTED_AT,
    )


def a_record(
    *, status: CallStatus = CallStatus.COMPLETED, transaction_id: str | None = None
) -> CallDetailRecord:
    """Return a record of a call of 29.473 s, each with an id of its own."""
    return CallDetailRecord(
        account_id="000000000000",
        transaction_id=transaction_id or str(uuid4()),
        call_id="8ed6a0c9@192.0.2.1",
        connector_id="abcdef1ghij2klmno3pqr4",
        from_number="+15105550101",
        to_number="+14155550102",
        status_message=NORMAL_CALL_CLEARING,
        disposition=Disposition.TERMINATION,
        status=status,
        sip_auth_user=None,
        answered=status is CallStatus.COMPLETED,
        started_at=STARTED_AT,
        ended_at=STARTED_AT + timedelta(milliseconds=29_473),
    )


def a_quality(packets: int = 1_474) -> CallQuality:
    """Return the quality of a call whose remote party sends no RTCP."""
    return CallQuality(
        measured_at=STARTED_AT + timedelta(seconds=60),
        customer=SideQuality(
            received=StreamQuality(packets, 172 * packets, 6, 300, 3, 250),
            sent=StreamQuality(1_470, 252_840, 5, 250, 1, 500),
            rtt_us=20_000,
            mos=4.38,
        ),
        remote=SideQuality(
            received=StreamQuality(1_470, 252_840, 0, 0, 0, 125),
            sent=StreamQuality(packets, 172 * packets, 0, 0, None, None),
            rtt_us=None,
            mos=4.4,
        ),
    )


def a_quality_record(record: CallDetailRecord | None = None) -> CallQualityRecord:
    """Return what lies beside a record."""
    return CallQualityRecord(
        call=record or a_record(),
        route=CallRoute.PSTN,
        last_minute=a_quality(74),
        total=a_quality(),
    )
