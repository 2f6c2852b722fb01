"""Calls as items of the table of calls (A4; model/tables.py has keys and indexes).

A call has its item from its answer on, or from its end when it was never answered:

    live    answered and up                          `live_node`
    due     ended, its object is on its way          `live_node`, `status` and the like, `bucket`
    done    ended, the object is there, or there     `status` and the like
            is none: nobody has to do anything

Whoever owes something for a call finds it in the index of live calls: the node that has it, or the
reaper once that node is dead (EDGE C9). Who wants the calls that are up leaves out those that have
ended. Each write is the whole item, so that the last one wins whatever happened to those before it.
Texts are stored as the record shows them, so that what is read here and the object in the bucket
are the same. In which form that object is (model/record_form.py) `form` says, unless it is the
usual one: also who closes a call of a dead node, with other settings, makes the same object.
"""

from datetime import datetime, timedelta

from model.calls import LiveCall, customer_number
from model.cdr import (
    CallDetailRecord,
    CallStatus,
    Disposition,
    filtered_number,
    recorded_call_id,
    recorded_text,
)
from model.codec import Item, Plain, flag, mapping, moment, moment_text, optional_string, string
from model.quality import CallQuality, quality_members
from model.record_form import SEED_FORM, RecordForm, RecordFormat, TimeForm
from model.tables import CALLS, EXPIRES_AT, LIVE_CALLS

KEPT = timedelta(days=90)
"""After the end; a call whose end nobody wrote counts from its answer."""


def live_members(
    call: LiveCall, node_id: str, quality: CallQuality | None = None
) -> dict[str, Plain]:
    """Return the whole item of a call that is up on a node, with its quality so far."""
    return {
        **_call_key(call.transaction_id),
        **_numbers(call.disposition, call.from_number, call.to_number),
        "connector_id": call.connector_id,
        "call_id": recorded_call_id(call.call_id),
        "sip_auth_user": _optional_text(call.sip_auth_user),
        "node_id": node_id,
        LIVE_CALLS.partition_key: node_id,
        "started_at": moment_text(call.answered_at),
        "form": _form_members(call.form),
        "quality": None if quality is None else quality_members(quality),
        EXPIRES_AT: _expiry(call.answered_at),
    }


def due_members(
    record: CallDetailRecord,
    node_id: str,
    bucket: str,
    object_key: str,
    quality: CallQuality | None = None,
) -> dict[str, Plain]:
    """Return the whole item of a call that has ended on a node and whose object is to come: where
    it goes is settled, whatever the settings become."""
    return {
        **ended_members(record, node_id, object_key, quality),
        LIVE_CALLS.partition_key: node_id,
        "bucket": bucket,
    }


def ended_members(
    record: CallDetailRecord,
    node_id: str,
    object_key: str | None,
    quality: CallQuality | None = None,
) -> dict[str, Plain]:
    """Return the whole item of a call that is done; without a key it has no object."""
    return {
        **_call_key(record.transaction_id),
        **_numbers(record.disposition, record.from_number, record.to_number),
        "connector_id": record.connector_id,
        "call_id": recorded_call_id(record.call_id),
        "sip_auth_user": _optional_text(record.sip_auth_user),
        "node_id": node_id,
        "started_at": moment_text(record.started_at),
        "ended_at": moment_text(record.ended_at),
        "answered": record.answered,
        "status": record.status.value,
        "status_message": recorded_text(record.status_message),
        "billable_duration": record.billable_duration,
        "object_key": object_key,
        "form": _form_members(record.form),
        "quality": None if quality is None else quality_members(quality),
        EXPIRES_AT: _expiry(record.ended_at),
    }


def call_key(transaction_id: str) -> Item:
    """Return the primary key of a call in typed JSON."""
    return {CALLS.partition_key: {"S": transaction_id}}


def has_ended(item: Item) -> bool:
    """Tell whether a call has ended; its object may still be due."""
    return "status" in item


def due_bucket_of(item: Item) -> str | None:
    """Return the bucket that a call's object has to go to, None when none is due."""
    return optional_string(item, "bucket")


def seen(item: Item, at: datetime) -> Item:
    """Return the item of a live call, which its node is known to have had at this moment."""
    return {**item, "seen_at": {"S": moment_text(at)}}


def seen_at(item: Item) -> datetime | None:
    """Return a moment at which a dead node is known to have had a call, besides what its lease
    says (EDGE C9); None when nothing is known."""
    return moment(item["seen_at"]) if "seen_at" in item else None


def live_call_from(item: Item) -> LiveCall:
    """Return the call of an item; raises KeyError or ValueError for a damaged one."""
    return LiveCall(
        transaction_id=string(item[CALLS.partition_key]),
        call_id=string(item["call_id"]),
        connector_id=string(item["connector_id"]),
        from_number=string(item["from_number"]),
        to_number=string(item["to_number"]),
        disposition=Disposition(string(item["disposition"])),
        sip_auth_user=optional_string(item, "sip_auth_user"),
        answered_at=moment(item["started_at"]),
        form=_form_from(item),
    )


def record_from(item: Item, account_id: str) -> CallDetailRecord:
    """Return the record of an ended call; raises KeyError or ValueError for a damaged item."""
    return CallDetailRecord(
        account_id=account_id,
        transaction_id=string(item[CALLS.partition_key]),
        call_id=string(item["call_id"]),
        connector_id=string(item["connector_id"]),
        from_number=string(item["from_number"]),
        to_number=string(item["to_number"]),
        status_message=string(item["status_message"]),
        disposition=Disposition(string(item["disposition"])),
        status=CallStatus(string(item["status"])),
        sip_auth_user=optional_string(item, "sip_auth_user"),
        answered=flag(item["answered"]),
        started_at=moment(item["started_at"]),
        ended_at=moment(item["ended_at"]),
        form=_form_from(item),
    )


def _call_key(transaction_id: str) -> dict[str, Plain]:
    return {CALLS.partition_key: transaction_id}


def _numbers(disposition: Disposition, from_number: str, to_number: str) -> dict[str, Plain]:
    shown_from, shown_to = filtered_number(from_number), filtered_number(to_number)
    return {
        "disposition": disposition.value,
        "from_number": shown_from,
        "to_number": shown_to,
        # DynamoDB takes no empty key: such a call is in no list of a number.
        "number": customer_number(disposition, shown_from, shown_to) or None,
    }


def _form_members(form: RecordForm) -> dict[str, Plain] | None:
    if form == SEED_FORM:
        return None
    return {
        "format": form.format.value,
        "time": form.time.value,
        "prefix": form.prefix,
        "region": form.region,
    }


def _form_from(item: Item) -> RecordForm:
    if "form" not in item:
        return SEED_FORM
    members = mapping(item["form"])
    return RecordForm(
        format=RecordFormat(string(members["format"])),
        time=TimeForm(string(members["time"])),
        prefix=string(members["prefix"]),
        region=optional_string(members, "region"),
    )


def _optional_text(text: str | None) -> str | None:
    return None if text is None else recorded_text(text)


def _expiry(counted_from: datetime) -> int:
    return int((counted_from + KEPT).timestamp())
