"""What is to be done about a row that a dead node has left in the index of live calls (EDGE C9)."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from model.call_items import due_bucket_of, has_ended, live_call_from, record_from, seen_at
from model.cdr import CallDetailRecord, CallStatus
from model.codec import Item

EDGE_LOST = "Edge lost"
"""StatusMessage of a call whose node died (EDGE 6.3)."""


class RowDamagedError(ValueError):
    """A row that nobody can make a record of; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The call was up when its node died: it has ended now, and its record is due."""

    record: CallDetailRecord
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The call had ended: its record is due."""

    record: CallDetailRecord
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """The call was up when its node died, and nobody wants records (EDGE C11)."""

    transaction_id: str


Step: TypeAlias = Close | Store | Forget


def step_for(item: Item, *, lease: datetime | None, bucket: str | None, account_id: str) -> Step:
    """Return what is to be done about a row; raises RowDamagedError.

    `lease` is the last renewal of its node, None when it has left none; `bucket` is where records
    go now.
    """
    try:
        if has_ended(item):
            due = due_bucket_of(item)
            if due is None:
                raise RowDamagedError("it has ended and is live, but no object is due")
            return Store(record=record_from(item, account_id), bucket=due)
        record = _record_of_lost_call(item, lease, account_id)
    except RowDamagedError:
        raise
    except (KeyError, ValueError) as error:
        raise RowDamagedError(f"{type(error).__name__}: {error}") from error
    if bucket is None:
        return Forget(transaction_id=record.transaction_id)
    return Close(record=record, bucket=bucket)


def _record_of_lost_call(item: Item, lease: datetime | None, account_id: str) -> CallDetailRecord:
    """Return the record of a call that was certainly up until the last sign of it, and perhaps
    longer: nobody is billed for that."""
    call = live_call_from(item)
    signs = [it for it in (call.answered_at, lease, seen_at(item)) if it is not None]
    return CallDetailRecord(
        account_id=account_id,
        transaction_id=call.transaction_id,
        call_id=call.call_id,
        connector_id=call.connector_id,
        from_number=call.from_number,
        to_number=call.to_number,
        status_message=EDGE_LOST,
        disposition=call.disposition,
        status=CallStatus.COMPLETED,
        sip_auth_user=call.sip_auth_user,
        answered=True,
        started_at=call.answered_at,
        ended_at=max(signs),
        form=call.form,
    )
