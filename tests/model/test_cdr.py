"""The call detail record: the whitepaper's sample, its key, the rules C1-C7 of EDGE.md."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.cdr import (
    CallDetailRecord,
    CallStatus,
    Disposition,
    billable_seconds,
    filtered_number,
    usage_type,
)
from model.record_form import RecordForm, RecordFormat, TimeForm
from model.settings import CONNECTOR_REGIONS
from tests.model.record_samples import PUBLISHED_RECORDS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SAMPLE = CallDetailRecord(
    account_id="111122223333",
    transaction_id="879eee6e-ec7-4167-b634-a2519506d142",
    call_id="777a6b953100721d372188753f2059a8@203.0.113.9:8080",
    connector_id="11111222223333334444",
    from_number="+15105551212",
    to_number="+16285551212",
    status_message="Normal Call Clearing",
    disposition=Disposition.TERMINATION,
    status=CallStatus.COMPLETED,
    sip_auth_user="5600",
    answered=True,
    started_at=EPOCH + timedelta(milliseconds=1552026458563),
    ended_at=EPOCH + timedelta(milliseconds=1552026488036),
)
"""The sample record of the whitepaper's appendix 1."""

SAMPLE_BODY = (
    b'{"AwsAccountId":"111122223333","TransactionId":"879eee6e-ec7-4167-b634-a2519506d142",'
    b'"CallId":"777a6b953100721d372188753f2059a8@203.0.113.9:8080",'
    b'"VoiceConnectorId":"11111222223333334444","FromNumber":"+15105551212",'
    b'"ToNumber":"+16285551212","StatusMessage":"Normal Call Clearing",'
    b'"Disposition":"Termination","Status":"Completed","SipAuthUser":"5600",'
    b'"BillableDuration":30,"StartTime":1552026458563,"EndTime":1552026488036}'
)

MEMBERS = [
    "AwsAccountId", "TransactionId", "CallId", "VoiceConnectorId", "FromNumber", "ToNumber",
    "StatusMessage", "Disposition", "Status", "SipAuthUser", "BillableDuration", "StartTime",
    "EndTime",
]  # fmt: skip


V2 = replace(SAMPLE, form=RecordForm(format=RecordFormat.V2, region="us-west-2"))

V2_BODY = (
    b'{"AwsAccountId":"111122223333","TransactionId":"879eee6e-ec7-4167-b634-a2519506d142",'
    b'"CallId":"777a6b953100721d372188753f2059a8@203.0.113.9:8080",'
    b'"VoiceConnectorId":"11111222223333334444","Status":"Completed",'
    b'"StatusMessage":"Normal Call Clearing","SipAuthUser":"5600","BillableDurationSeconds":30,'
    b'"BillableDurationMinutes":0.5,"SchemaVersion":"2.0","SourcePhoneNumber":"+15105551212",'
    b'"SourceCountry":"US","DestinationPhoneNumber":"+16285551212","DestinationCountry":"US",'
    b'"UsageType":"USW2-US-US-outbound-minutes","ServiceCode":"AmazonChimeVoiceConnector",'
    b'"Direction":"Outbound","StartTimeEpochSeconds":1552026458,"EndTimeEpochSeconds":1552026488,'
    b'"Region":"us-west-2","Streaming":false}'
)


def members_of(record: CallDetailRecord) -> dict[str, str | int]:
    members = json.loads(record.body())
    assert isinstance(members, dict)
    return members


def test_the_sample_record_is_written_octet_for_octet() -> None:  # EDGE C2, C4, C5
    assert SAMPLE.body() == SAMPLE_BODY


def test_the_sample_key_is_written_letter_for_letter() -> None:  # EDGE C1
    record = replace(
        SAMPLE,
        connector_id="grdcp7r7fjejaautia8rvb",
        transaction_id="123456789",
        started_at=datetime(2019, 3, 1, 17, 10, 0, 20_000, tzinfo=UTC),
    )
    assert record.key() == (
        "Amazon-Chime-Voice-Connector-CDRs/json/grdcp7r7fjejaautia8rvb/2019/03/01/"
        "17.10.00.020_123456789"
    )


@pytest.mark.parametrize(
    ("started_at", "path"),
    [
        (datetime(2019, 3, 8, 6, 27, 38, 563_000, tzinfo=UTC), "2019/03/08/06.27.38.563_"),
        (datetime(2024, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "2024/12/31/23.59.59.999_"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024/02/29/00.00.00.000_"),
        (datetime(2024, 2, 29, 0, 0, 0, 999, tzinfo=UTC), "2024/02/29/00.00.00.000_"),
    ],
)
def test_the_key_tells_when_the_call_started(started_at: datetime, path: str) -> None:  # EDGE C1
    assert f"/{SAMPLE.connector_id}/{path}" in replace(SAMPLE, started_at=started_at).key()


def test_the_key_has_no_extension_and_depends_on_nothing_but_the_call() -> None:  # EDGE C9
    key = SAMPLE.key()
    assert key.endswith(f"_{SAMPLE.transaction_id}")
    later = replace(SAMPLE, ended_at=SAMPLE.ended_at + timedelta(hours=1), status_message="x")
    assert later.key() == key


def test_the_members_stand_in_the_order_of_the_whitepaper() -> None:  # EDGE C2
    assert list(members_of(SAMPLE)) == MEMBERS


def test_without_digest_there_is_no_user_and_nothing_else_moves() -> None:  # EDGE C2
    members = members_of(replace(SAMPLE, sip_auth_user=None))
    assert list(members) == [name for name in MEMBERS if name != "SipAuthUser"]


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [
        (0, 0), (1, 6), (4_000, 6), (5_999, 6), (6_000, 6), (6_001, 12), (29_473, 30),
        (30_000, 30), (30_001, 36), (60_000, 60), (14_400_000, 14_400), (14_400_001, 14_406),
    ],
)  # fmt: skip
def test_tenths_of_a_minute_are_rounded_up(milliseconds: int, seconds: int) -> None:  # EDGE C4
    assert billable_seconds(milliseconds) == seconds


@given(st.integers(0, 100_000_000))
def test_what_is_billed_is_the_smallest_step_that_covers_the_call(milliseconds: int) -> None:
    billed = billable_seconds(milliseconds)  # EDGE C4
    assert billed % 6 == 0
    assert billed * 1_000 - 6_000 < milliseconds <= billed * 1_000


@pytest.mark.parametrize("status", [CallStatus.REJECTED, CallStatus.RATE_LIMITED])
def test_an_unanswered_call_is_not_billed(status: CallStatus) -> None:  # EDGE C4
    members = members_of(replace(SAMPLE, answered=False, status=status))
    assert members["BillableDuration"] == 0
    assert (members["StartTime"], members["EndTime"]) == (1552026458563, 1552026488036)


def test_the_bill_is_that_of_the_written_times() -> None:  # EDGE C4, C5
    """Half milliseconds are cut off both times first, so that readers can check the sum."""
    half = timedelta(microseconds=600)
    members = members_of(
        replace(
            SAMPLE,
            started_at=SAMPLE.started_at + half,
            ended_at=SAMPLE.started_at + timedelta(seconds=6) + half / 2,
        )
    )
    assert members["StartTime"] == 1552026458563
    assert members["EndTime"] == 1552026464563
    assert members["BillableDuration"] == 6


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (CallStatus.COMPLETED, "Completed"),
        (CallStatus.REJECTED, "Rejected"),
        (CallStatus.RATE_LIMITED, "Rate_Limited"),
    ],
)
def test_the_statuses_are_the_whitepapers_words(status: CallStatus, text: str) -> None:  # EDGE C7
    assert members_of(replace(SAMPLE, status=status))["Status"] == text


def test_the_dispositions_are_the_whitepapers_words() -> None:  # EDGE C2
    assert [it.value for it in Disposition] == ["Termination", "Origination"]


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("+12065550100", "+12065550100"),
        ("anonymous", "anonymous"),
        ("Bob.Smith-7_x", "Bob.Smith-7_x"),
        ('a"b\\c\r\nd<e>', "abcde"),
        ("+1206;npdi", "+1206npdi"),
        ("大", ""),
        ("x" * 65, "x" * 64),
        ("", ""),
    ],
)
def test_a_number_shows_harmless_characters_only(user: str, shown: str) -> None:  # EDGE C2
    assert filtered_number(user) == shown
    members = members_of(replace(SAMPLE, from_number=user, to_number=user))
    assert (members["FromNumber"], members["ToNumber"]) == (shown, shown)


@pytest.mark.parametrize(
    ("call_id", "shown"),
    [
        ("a\r\nb\x00c\x7fd\x85e", "abcde"),
        ("é@大", "é@大"),
        ("x" * 257, "x" * 256),
        ("\x00" + "x" * 256, "x" * 256),
        ('"\\', '"\\'),
    ],
)
def test_the_call_id_loses_control_characters_and_length(call_id: str, shown: str) -> None:
    assert members_of(replace(SAMPLE, call_id=call_id))["CallId"] == shown  # EDGE C2


def test_octets_that_are_no_utf_8_do_not_stop_a_record() -> None:
    call_id = b"call-\xff".decode("utf-8", "surrogateescape")
    assert members_of(replace(SAMPLE, call_id=call_id))["CallId"] == "call-?"


@given(call_id=st.text(), user=st.none() | st.text(), message=st.text(), number=st.text())
def test_whatever_a_peer_says_the_record_is_one_object_without_white_space(
    call_id: str, user: str | None, message: str, number: str
) -> None:  # EDGE C2, S14
    record = replace(
        SAMPLE, call_id=call_id, sip_auth_user=user, status_message=message, from_number=number
    )
    members = members_of(record)
    compact = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    assert record.body() == compact.encode()
    assert not any(octet < 0x20 for octet in record.body())
    assert [name for name in MEMBERS if name in members] == list(members)


def test_times_are_written_in_iso_8601_where_that_is_chosen() -> None:  # EDGE C5
    members = members_of(replace(SAMPLE, form=RecordForm(time=TimeForm.ISO8601)))
    assert list(members) == MEMBERS
    assert members["StartTime"] == "2019-03-08T06:27:38.563Z"
    assert members["EndTime"] == "2019-03-08T06:28:08.036Z"
    assert members["BillableDuration"] == 30


def test_the_newer_format_is_written_octet_for_octet() -> None:  # EDGE C3, C4, C5
    assert V2.body() == V2_BODY
    assert V2.key() == SAMPLE.key()


def test_the_newer_format_has_the_members_of_the_guide_in_its_order() -> None:  # EDGE C3
    guide = [it for it in PUBLISHED_RECORDS if it["source"] == "guide-2019"]
    assert list(members_of(V2)) == list(json.loads(guide[0]["body"]))


def test_the_newer_format_leaves_out_what_is_not_known() -> None:  # EDGE C3
    members = members_of(
        replace(V2, sip_auth_user=None, from_number="anonymous", to_number="+80012345678")
    )
    absent = {"SipAuthUser", "SourceCountry", "DestinationCountry"}
    assert list(members) == [name for name in members_of(V2) if name not in absent]
    assert members["SourcePhoneNumber"] == "anonymous"
    assert members["UsageType"] == "USW2-ZZ-ZZ-outbound-minutes"


@pytest.mark.parametrize(
    ("duration_ms", "seconds", "minutes"),
    [(4_000, 6, "0.1"), (30_000, 30, "0.5"), (42_000, 42, "0.7"), (60_000, 60, "1.0")],
)
def test_minutes_are_tenths(duration_ms: int, seconds: int, minutes: str) -> None:  # EDGE C4
    ended_at = SAMPLE.started_at + timedelta(milliseconds=duration_ms)
    body = replace(V2, ended_at=ended_at).body().decode()
    wanted = f'"BillableDurationSeconds":{seconds},"BillableDurationMinutes":{minutes},'
    assert wanted in body


def test_seconds_are_cut_off_and_the_bill_is_that_of_the_milliseconds() -> None:  # EDGE C4, C5
    started_at = EPOCH + timedelta(milliseconds=1_999)
    members = members_of(
        replace(V2, started_at=started_at, ended_at=started_at + timedelta(milliseconds=6_001))
    )
    assert (members["StartTimeEpochSeconds"], members["EndTimeEpochSeconds"]) == (1, 8)
    assert members["BillableDurationSeconds"] == 12


@pytest.mark.parametrize(
    ("region", "disposition", "countries", "usage"),
    [
        ("us-east-1", Disposition.TERMINATION, ("US", "US"), "USE1-US-US-outbound-minutes"),
        ("us-east-1", Disposition.TERMINATION, ("US", "PA"), "USE1-US-PA-outbound-minutes"),
        ("us-east-1", Disposition.ORIGINATION, ("DE", "US"), "USE1-US-inbound-minutes"),
        ("eu-central-1", Disposition.ORIGINATION, (None, "DE"), "EUC1-DE-inbound-minutes"),
        ("moon-1", Disposition.ORIGINATION, (None, None), "moon-1-ZZ-inbound-minutes"),
    ],
)
def test_a_usage_type_names_place_countries_and_direction(
    region: str, disposition: Disposition, countries: tuple[str | None, str | None], usage: str
) -> None:  # EDGE C3
    assert usage_type(region, disposition, *countries) == usage


def test_an_inbound_call_is_told_in_the_words_of_the_newer_format() -> None:  # EDGE C3
    members = members_of(replace(V2, disposition=Disposition.ORIGINATION))
    assert members["Direction"] == "Inbound"
    assert members["UsageType"] == "USW2-US-inbound-minutes"


def test_every_region_of_connectors_has_a_name_in_bills() -> None:  # EDGE C3, API RG1
    names = {usage_type(it, Disposition.ORIGINATION, None, "US") for it in CONNECTOR_REGIONS}
    assert len(names) == len(CONNECTOR_REGIONS)
    assert not {name for name in names if name.startswith(CONNECTOR_REGIONS)}


def test_what_is_shown_elsewhere_has_the_whitepapers_members_whatever_the_form() -> None:
    assert V2.seed_members() == SAMPLE.seed_members() == SAMPLE.members()  # EXT5
