"""Objects read back: what Amazon has published, what nodes write, and what is no record."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.cdr import CallDetailRecord, Disposition, filtered_number, recorded_text
from model.cdr_reader import NotARecord, ReadRecord, V2Facts, read_key, read_record
from model.record_form import RecordFormat, epoch_ms, from_epoch_ms, object_key
from tests.model.record_samples import PUBLISHED_KEYS, PUBLISHED_RECORDS, records

SEED = json.loads(PUBLISHED_RECORDS[0]["body"])
V2 = json.loads(PUBLISHED_RECORDS[1]["body"])


def key_of(members: dict[str, Any], separator: str = "_") -> str:
    start_ms = members.get("StartTime", 1000 * members.get("StartTimeEpochSeconds", 0))
    key = object_key(
        "Amazon-Chime-Voice-Connector-CDRs/json",
        members["VoiceConnectorId"],
        from_epoch_ms(start_ms),
        members["TransactionId"],
    )
    folder, _, name = key.rpartition("/")
    return f"{folder}/{name.replace('_', separator, 1)}"


@pytest.mark.parametrize("published", PUBLISHED_KEYS, ids=lambda it: it["source"])
@pytest.mark.parametrize("separator", ["_", "-"])
def test_published_keys_are_read(published: dict[str, str], separator: str) -> None:  # EDGE C1
    folder, _, name = published["key"].rpartition("/")
    key = read_key(f"{folder}/{name.replace('_', separator, 1)}")
    assert key.prefix == "Amazon-Chime-Voice-Connector-CDRs/json"
    assert key.connector_id == published["connector"]
    assert key.transaction_id == published["transaction"]
    assert key.started_at.isoformat() == "2019-03-01T17:10:00.020000+00:00"


@pytest.mark.parametrize("published", PUBLISHED_RECORDS, ids=lambda it: it["source"])
@pytest.mark.parametrize("separator", ["_", "-"])
def test_published_records_are_read(published: dict[str, Any], separator: str) -> None:
    # EDGE C2, C3, C4, C5
    members = json.loads(published["body"])
    record = read_record(key_of(members, separator), published["body"].encode())
    assert record.format.value == published["format"]
    assert record.disposition.direction == published["direction"]
    assert record.billed_s == published["billed_s"]
    assert epoch_ms(record.started_at) == published["start_ms"]
    assert epoch_ms(record.ended_at) == published["end_ms"]
    for name, value in (
        ("AwsAccountId", record.account_id),
        ("TransactionId", record.transaction_id),
        ("CallId", record.call_id),
        ("VoiceConnectorId", record.connector_id),
        ("StatusMessage", record.status_message),
        ("Status", record.status.value),
    ):
        assert value == members[name]
    assert record.sip_auth_user == members.get("SipAuthUser")


def test_what_only_the_newer_format_has_is_read_too() -> None:  # EDGE C3
    record = read_record(key_of(V2), json.dumps(V2).encode())
    assert (record.from_number, record.to_number) == ("+12065550100", "+12065550101")
    assert record.v2 == V2Facts(
        usage_type="USE1-US-US-outbound-minutes",
        service_code="AmazonChimeVoiceConnector",
        region="us-east-1",
        source_country="US",
        destination_country="US",
        streaming=True,
    )
    assert read_record(key_of(SEED), json.dumps(SEED).encode()).v2 is None


@given(record=records(), separator=st.sampled_from("_-"))
def test_what_is_written_is_read_whatever_the_form(
    record: CallDetailRecord, separator: str
) -> None:  # EDGE C1, C2, C3, C4, C5
    folder, _, name = record.key().rpartition("/")
    read = read_record(f"{folder}/{name.replace('_', separator, 1)}", record.body())
    assert read.format is record.form.format
    assert read.billed_s == record.billable_duration
    grain = 1_000 if record.form.format is RecordFormat.V2 else 1
    for told, was in ((read.started_at, record.started_at), (read.ended_at, record.ended_at)):
        assert epoch_ms(told) == epoch_ms(was) // grain * grain
    assert (read.disposition, read.status) == (record.disposition, record.status)
    assert read.transaction_id == record.transaction_id
    assert read.connector_id == record.connector_id
    assert read.from_number == filtered_number(record.from_number)
    assert read.to_number == filtered_number(record.to_number)
    assert read.status_message == recorded_text(record.status_message)
    assert (read.sip_auth_user is None) == (record.sip_auth_user is None)
    assert (read.v2 is None) == (record.form.region is None)


@pytest.mark.parametrize(
    ("times", "start_ms"),
    [
        (("2019-03-08T06:27:38.563Z", "2019-03-08T06:28:08.036Z"), 1_552_026_458_563),
        (("2019-03-08T07:27:38.563+01:00", "2019-03-08T06:28:08Z"), 1_552_026_458_563),
        (("2019-03-08T06:27:38Z", "2019-03-08T06:27:38Z"), 1_552_026_458_000),
        ((0, 253_402_300_799_999), 0),
    ],
)
def test_times_have_either_form(times: tuple[object, object], start_ms: int) -> None:  # EDGE C5
    members = {**SEED, "StartTime": times[0], "EndTime": times[1]}
    read = read_record(key_of(SEED), json.dumps(members).encode())
    assert epoch_ms(read.started_at) == start_ms


def without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


SEED_WRONG: list[tuple[dict[str, Any], str]] = [
    *[(without(SEED, name), f"it has no member {name}") for name in SEED if name != "SipAuthUser"],
    ({**SEED, "FromNumber": 15105551212}, "FromNumber is 15105551212; a text"),
    ({**SEED, "CallId": "x" * 1_025}, "CallId is 'xxx"),
    ({**SEED, "CallId": "\ud800"}, "a text of whole characters"),
    ({**SEED, "ToNumber": None}, "ToNumber is None; a text"),
    ({**SEED, "SipAuthUser": {"a": [1]}}, "SipAuthUser is an object; a text"),
    ({**SEED, "Status": "Done"}, "one of Completed, Rejected, Rate_Limited is wanted"),
    ({**SEED, "Status": []}, "Status is an array; a text"),
    ({**SEED, "Disposition": "Outbound"}, "one of Termination, Origination is wanted"),
    ({**SEED, "BillableDuration": "30"}, "BillableDuration is '30'; a whole number"),
    ({**SEED, "BillableDuration": 30.0}, "BillableDuration is 30.0; a whole number"),
    ({**SEED, "BillableDuration": True}, "BillableDuration is True; a whole number"),
    ({**SEED, "BillableDuration": -6}, "a whole number from 0 to 31622400"),
    ({**SEED, "BillableDuration": 31_622_401}, "a whole number from 0 to 31622400"),
    ({**SEED, "StartTime": 253_402_300_800_000}, "a whole number from 0 to 253402300799999"),
    ({**SEED, "StartTime": "yesterday"}, "StartTime is 'yesterday'; milliseconds since 1970"),
    ({**SEED, "StartTime": "1969-12-31T23:59:59Z"}, "a moment such as"),
    ({**SEED, "EndTime": "2019-02-30T00:00:00Z"}, "a moment such as"),
    ({**SEED, "EndTime": "2019-03-08T06:27:38"}, "a moment such as"),
    ({**SEED, "EndTime": SEED["StartTime"] - 1}, "is before its start"),
    ({**SEED, "VoiceConnectorId": "another"}, "VoiceConnectorId is 'another', but its key says"),
    ({**SEED, "TransactionId": "another"}, "TransactionId is 'another', but its key says"),
    ({**SEED, "SchemaVersion": "1.0"}, "SchemaVersion is '1.0'; '2.0', or no such member,"),
    ({**SEED, "SchemaVersion": 2.0}, "SchemaVersion is 2.0; a text"),
]
V2_WRONG: list[tuple[dict[str, Any], str]] = [
    *[
        (without(V2, name), f"it has no member {name}")
        for name in (
            *("AwsAccountId", "SourcePhoneNumber", "BillableDurationSeconds", "Direction"),
            *("UsageType", "ServiceCode", "Region", "StartTimeEpochSeconds", "EndTimeEpochSeconds"),
        )
    ],
    (without(V2, "SchemaVersion"), "it has no member FromNumber"),
    ({**V2, "Direction": "Sideways"}, "one of Outbound, Inbound is wanted"),
    ({**V2, "StartTimeEpochSeconds": 1_565_399_625_000}, "a whole number from 0 to 253402300799"),
    ({**V2, "StartTimeEpochSeconds": "1565399625"}, "a whole number"),
    ({**V2, "EndTimeEpochSeconds": 1.5}, "EndTimeEpochSeconds is 1.5; a whole number"),
    ({**V2, "SourceCountry": 1}, "SourceCountry is 1; a text"),
    ({**V2, "Streaming": "no"}, "Streaming is 'no'; true or false is wanted"),
]


@pytest.mark.parametrize(("members", "told"), SEED_WRONG)
def test_what_is_wrong_with_a_record_is_said(members: dict[str, Any], told: str) -> None:
    # EDGE C2, C4, C5
    with pytest.raises(NotARecord) as refused:
        read_record(key_of(SEED), json.dumps(members).encode())
    assert told in str(refused.value)


@pytest.mark.parametrize(("members", "told"), V2_WRONG)
def test_what_is_wrong_with_a_newer_record_is_said(members: dict[str, Any], told: str) -> None:
    # EDGE C3
    with pytest.raises(NotARecord) as refused:
        read_record(key_of(V2), json.dumps(members).encode())
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe", "it is not UTF-8 at octet 0"),
        (PUBLISHED_RECORDS[0]["body"][:-1].encode(), "it is not JSON: "),
        (b"{}garbage", "it is not JSON: "),
        (b'{"BillableDuration":NaN}', "it is not JSON: NaN"),
        (b"[" * 60_000, "it is not JSON: "),
        (b"1" * 5_000, "it is not JSON: "),
        (b"[]", "it is JSON, but no object: an array"),
        (b'"text"', "it is JSON, but no object: 'text'"),
        (b'{"Status":"Completed","Status":"Rejected"}', "it has the member 'Status' twice"),
        (b" " * 65_537, "it has 65537 octets; a record has at most 65536"),
        (b"PAR1\x00\x00", "it is not JSON: "),
    ],
)
def test_what_is_no_json_object_is_said(body: bytes, told: str) -> None:
    with pytest.raises(NotARecord) as refused:
        read_record(key_of(SEED), body)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a",
        "Amazon-Chime-Voice-Connector-CDRs/json/vc/2019/03/01/",
        "p/vc/2019/03/01/17.10.00.020",
        "p/vc/2019/03/01/17.10.00.020_",
        "p/vc/2019/03/01/17.10.00.020_a/b",
        "p/vc/2019/3/1/17.10.00.020_a",
        "p/vc/2019/02/29/17.10.00.020_a",
        "p/vc/2019/03/01/24.10.00.020_a",
        "p/vc/2019/03/01/17.10.00.02_a",
        "vc/2019/03/01/17.10.00.020_a",
        "p/vc/2019/03/01/17.10.00.020 a",
        "p/vc/٢٠١٩/03/01/17.10.00.020_a",
    ],
)
def test_a_key_that_no_record_has_is_said(key: str) -> None:  # EDGE C1
    with pytest.raises(NotARecord, match="its key is not of the form"):
        read_record(key, PUBLISHED_RECORDS[0]["body"].encode())


@given(key=st.text(max_size=90) | st.just(key_of(SEED)), body=st.binary(max_size=200))
def test_any_octets_are_a_record_or_refused(key: str, body: bytes) -> None:
    with pytest.raises(NotARecord):
        read_record(key, body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    base=st.sampled_from([SEED, V2]),
    name=st.sampled_from([*SEED, *V2]),
    value=JSON,
    cut=st.booleans(),
)
def test_any_value_of_any_member_is_read_or_refused(
    base: dict[str, Any], name: str, value: Any, cut: bool
) -> None:
    body = json.dumps({**base, name: value}).encode()
    try:
        read = read_record(key_of(base), body[: len(body) // 2] if cut else body)
    except NotARecord as refused:
        assert str(refused).isprintable()
    else:
        assert isinstance(read, ReadRecord) and read.disposition in Disposition
