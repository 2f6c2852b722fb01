"""Calls as items: what is written is read back, in the indexes that they belong to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.call_items import (
    call_key,
    due_bucket_of,
    due_members,
    ended_members,
    has_ended,
    live_call_from,
    live_members,
    record_from,
    seen,
    seen_at,
)
from model.calls import customer_number
from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.codec import Item, encode_item
from model.record_form import RecordForm
from model.tables import CALLS, EXPIRES_AT, LIVE_CALLS
from tests.model.record_samples import FORMS
from tests.runtime.records import STARTED_AT, a_live_call, a_record

ACCOUNT = "000000000000"
MOMENTS = st.integers(0, 4_102_444_800_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=300)
RECORDS = st.builds(
    CallDetailRecord,
    account_id=st.just(ACCOUNT),
    transaction_id=st.uuids().map(str),
    call_id=ANY_TEXT,
    connector_id=st.text(min_size=1, max_size=36),
    from_number=ANY_TEXT,
    to_number=ANY_TEXT,
    status_message=ANY_TEXT,
    disposition=st.sampled_from(Disposition),
    status=st.sampled_from(CallStatus),
    sip_auth_user=st.none() | ANY_TEXT,
    answered=st.booleans(),
    started_at=MOMENTS,
    ended_at=MOMENTS,
    form=st.sampled_from(FORMS),
)


@given(RECORDS)
def test_a_row_has_all_that_its_object_consists_of(record: CallDetailRecord) -> None:
    # EDGE C9: key and bytes are functions of the row
    item = encode_item(ended_members(record, "node1", record.key()))
    read = record_from(item, ACCOUNT)
    assert (read.key(), read.body()) == (record.key(), record.body())
    assert item["object_key"] == {"S": record.key()}
    assert item["billable_duration"] == {"N": str(read.billable_duration)}
    assert has_ended(item)


@given(RECORDS)
def test_a_row_is_one_that_dynamodb_takes(record: CallDetailRecord) -> None:
    for value in encode_item(ended_members(record, "node1", None)).values():
        if "S" in value:
            assert isinstance(value["S"], str)
            value["S"].encode()  # no half of a surrogate pair
    assert encode_item(ended_members(record, "n", None)).get("number") != {"S": ""}


def test_a_live_call_is_read_back_and_is_in_the_index_of_its_node() -> None:
    call = replace(a_live_call(), sip_auth_user="pbx")
    item = encode_item(live_members(call, "node1"))
    assert live_call_from(item) == call
    assert "form" not in item
    assert item[LIVE_CALLS.partition_key] == {"S": "node1"}
    assert not has_ended(item)


@pytest.mark.parametrize("form", FORMS)
def test_the_row_of_a_live_call_knows_the_form_of_its_record(form: RecordForm) -> None:
    # EDGE C9: whoever closes it, with whatever settings, writes the same object
    call = replace(a_live_call(), form=form)
    assert live_call_from(encode_item(live_members(call, "node1"))) == call


def test_the_end_of_a_call_replaces_its_row_and_takes_it_from_the_live_ones() -> None:
    # EDGE C9
    record = a_record()
    live = encode_item(live_members(a_live_call(record.transaction_id), "node1"))
    ended = encode_item(ended_members(record, "node1", record.key()))
    for name in (CALLS.partition_key, "started_at", "connector_id", "number", "node_id"):
        assert live[name] == ended[name]
    assert LIVE_CALLS.partition_key not in ended
    assert call_key(record.transaction_id) == {
        CALLS.partition_key: ended[CALLS.partition_key],
    }


@given(RECORDS)
def test_a_row_whose_object_is_due_has_all_that_it_consists_of_and_where_it_goes(
    record: CallDetailRecord,
) -> None:
    # EDGE C9: a recorded end is used as it is, whatever the settings are by then
    item = encode_item(due_members(record, "node1", "a-bucket", record.key()))
    read = record_from(item, ACCOUNT)
    assert (read.key(), read.body()) == (record.key(), record.body())
    assert item["object_key"] == {"S": record.key()}
    assert due_bucket_of(item) == "a-bucket"


def test_a_call_whose_object_is_due_has_ended_but_stays_where_it_is_looked_for() -> None:
    # EDGE C9
    record = a_record()
    due = encode_item(due_members(record, "node1", "a-bucket", record.key()))
    done = encode_item(ended_members(record, "node1", record.key()))
    live = encode_item(live_members(a_live_call(), "node1"))
    assert due[LIVE_CALLS.partition_key] == live[LIVE_CALLS.partition_key]
    assert [has_ended(item) for item in (live, due, done)] == [False, True, True]
    assert [due_bucket_of(item) for item in (live, due, done)] == [None, "a-bucket", None]
    assert due.keys() - done.keys() == {LIVE_CALLS.partition_key, "bucket"}


def test_a_row_can_say_when_its_call_was_last_seen() -> None:
    # EDGE C9
    item = encode_item(live_members(a_live_call(), "node1"))
    assert seen_at(item) is None
    assert seen_at(seen(item, STARTED_AT)) == STARTED_AT
    assert live_call_from(seen(item, STARTED_AT)) == live_call_from(item)


def test_a_record_that_was_given_up_has_no_object() -> None:
    assert "object_key" not in encode_item(ended_members(a_record(), "node1", None))


def test_a_row_expires_ninety_days_after_the_end() -> None:
    # ARCHITECTURE A4
    record = a_record()
    days = timedelta(days=90)
    for item, moment in (
        (encode_item(ended_members(record, "n", None)), record.ended_at),
        (encode_item(live_members(a_live_call(), "n")), STARTED_AT),
    ):
        assert item[EXPIRES_AT] == {"N": str(int((moment + days).timestamp()))}


@pytest.mark.parametrize(
    ("disposition", "own"), [(Disposition.TERMINATION, "from"), (Disposition.ORIGINATION, "to")]
)
def test_the_number_of_a_call_is_the_customers_own(disposition: Disposition, own: str) -> None:
    assert customer_number(disposition, "from", "to") == own
    record = replace(a_record(), disposition=disposition)
    item = encode_item(ended_members(record, "n", None))
    assert item["number"] == item[f"{own}_number"]


def test_a_caller_without_a_number_is_in_no_list_of_a_number() -> None:
    call = replace(a_live_call(), from_number="\x00 ")
    assert "number" not in encode_item(live_members(call, "n"))


WHOLE: Item = encode_item(ended_members(a_record(), "node1", "key"))


@pytest.mark.parametrize("name", ["status", "answered", "started_at", "connector_id"])
def test_a_row_that_lacks_something_is_refused_by_name(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        record_from({it: value for it, value in WHOLE.items() if it != name}, ACCOUNT)
