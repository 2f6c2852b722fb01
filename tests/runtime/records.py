"""Call detail records for tests."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from edge.runtime.aws_messages import NodeIdentity
from model.calls import LiveCall
from model.cdr import NORMAL_CALL_CLEARING, CallDetailRecord, CallStatus, Disposition

STARTED_AT = datetime(2019, 3, 8, 6, 27, 38, 563_000, tzinfo=UTC)


NODE = NodeIdentity("node1", "198.51.100.10:5060", STARTED_AT)


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
