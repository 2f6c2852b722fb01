"""The quality of a call as metrics, as a row and as an object of its own (EDGE X2, X10)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.call_items import ended_members, live_members
from model.codec import Plain, encode, encode_item
from model.connector_logs import ConnectorLog
from model.cqr import CallQualityRecord, CallRoute
from model.quality import (
    CallQuality,
    SideQuality,
    StreamQuality,
    optional_quality,
    quality_from,
    quality_members,
)
from model.record_form import RecordForm
from tests.model.record_samples import FORMS
from tests.runtime.records import a_live_call, a_quality, a_quality_record, a_record

COUNTS = st.integers(0, 2**48)
STREAMS = st.builds(
    StreamQuality, COUNTS, COUNTS, COUNTS, COUNTS, st.none() | COUNTS, st.none() | COUNTS
)
SIDES = st.builds(
    SideQuality,
    received=STREAMS,
    sent=STREAMS,
    rtt_us=st.none() | COUNTS,
    mos=st.none() | st.integers(100, 440).map(lambda it: it / 100),
)
QUALITIES = st.builds(
    CallQuality,
    measured_at=st.integers(0, 4_102_444_800_000).map(
        lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    ),
    customer=SIDES,
    remote=SIDES,
)


@given(QUALITIES)
def test_what_a_row_holds_is_read_back(quality: CallQuality) -> None:
    for members in (
        live_members(a_live_call(), "node1", quality),
        ended_members(a_record(), "node1", None, quality),
    ):
        assert optional_quality(encode_item(members)) == quality


def test_a_row_without_quality_has_none() -> None:
    assert optional_quality(encode_item(live_members(a_live_call(), "node1"))) is None


def test_a_row_with_quality_is_still_one_unit_of_writing() -> None:
    # DynamoDB bills by the kilobyte, once more for each of three indexes.
    record = a_record()
    members = ended_members(record, "0" * 32, record.key(), a_quality(10**6))
    assert len(json.dumps(members, default=str)) < 1_024


DAMAGED: list[dict[str, Plain]] = [
    {"customer": [], "remote": []},
    {"at": "2026-01-01T00:00:00.000+00:00", "customer": [0] * 14, "remote": [0] * 13},
    {"at": "yesterday", "customer": [0] * 14, "remote": [0] * 14},
]


@pytest.mark.parametrize("members", DAMAGED)
def test_a_damaged_row_is_said_to_be_one(members: dict[str, Plain]) -> None:
    with pytest.raises((KeyError, ValueError)):
        quality_from(encode(members))


@given(QUALITIES)
def test_figures_that_are_not_known_are_left_out(quality: CallQuality) -> None:  # EDGE X6
    members = quality.members()
    assert all(value is not None for value in members.values())
    assert ("RTTBetweenVcAndRemote" in members) == (quality.remote.rtt_us is not None)
    assert ("VcToCustomerJitter" in members) == (quality.customer.sent.jitter_us is not None)
    assert members["RemoteToVcRtpBytes"] == quality.remote.received.rtp_bytes


def test_the_object_has_the_members_of_the_record_and_says_where_the_call_went() -> None:
    # EDGE X10
    record = a_record()
    of_quality = a_quality_record(record)
    body = of_quality.body()
    assert b" " not in body and b"\n" not in body
    members = json.loads(body)
    assert list(members) == [
        *("AwsAccountId", "TransactionId", "CallId", "VoiceConnectorId", "Disposition"),
        *("StartTime", "EndTime", "Route", "LastMinute", "Total"),
    ]
    for name in ("AwsAccountId", "TransactionId", "CallId", "StartTime", "EndTime"):
        assert members[name] == record.members()[name]
    assert members["LastMinute"] == a_quality(74).members()
    assert of_quality.key() == (
        "Amazon-Chime-Voice-Connector-CQRs/json/abcdef1ghij2klmno3pqr4/2019/03/08/"
        f"06.27.38.563_{record.transaction_id}"
    )


@pytest.mark.parametrize("form", FORMS)
def test_the_object_has_the_same_members_whatever_the_form_of_the_record(form: RecordForm) -> None:
    # EDGE X10
    record = replace(a_record(), form=form)
    members = a_quality_record(record).members()
    assert list(members) == list(a_quality_record().members())
    times = record.seed_members(form.time)
    assert (members["StartTime"], members["EndTime"]) == (times["StartTime"], times["EndTime"])


@pytest.mark.parametrize("route", CallRoute)
def test_without_figures_the_route_is_left(route: CallRoute) -> None:  # EDGE X10
    bare = CallQualityRecord(call=a_record(), route=route, last_minute=None, total=None)
    assert list(bare.members())[-1] == "Route"
    assert bare.members()["Route"] == route.value in ("pstn", "on-net", "conference")


def test_key_and_bytes_are_functions_of_what_is_recorded() -> None:
    # Repetition gives the same object (EDGE C9).
    record = a_record()
    one, two = a_quality_record(record), a_quality_record(record)
    assert (one.key(), one.body()) == (two.key(), two.body())


def test_a_connector_has_a_log_group_of_its_own() -> None:  # EDGE X4, API LG2
    group = ConnectorLog.MEDIA_METRICS.group("abcdef1ghij2klmno3pqr4")
    assert group == "/aws/ChimeVoiceConnectorLogs/abcdef1ghij2klmno3pqr4"
    assert quality_members(a_quality())["at"] == "2019-03-08T06:28:38.563+00:00"
