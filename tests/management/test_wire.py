"""Requests in and answers out by the model; no socket."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from lambdas.management.errors import BadRequest
from lambdas.management.service_model import load
from lambdas.management.wire import Wire, timestamp

WIRE = Wire(load())


def refusal(method: str, target: str, body: bytes) -> str:
    path, _, query = target.partition("?")
    with pytest.raises(BadRequest) as refused:
        WIRE.parameters(WIRE.call(method, path, query), body)
    return refused.value.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body is not JSON"),
        (b"[]", "The body is not a JSON object"),
        (b"null", "The body is not a JSON object"),
        (b"7", "The body is not a JSON object"),
        (b"\xff\xfe{}", "The body is not UTF-8"),
        (b"\xef\xbb\xbf{}", "The body is not JSON"),
        (b'{"Name": NaN}', "NaN is no JSON number"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"Name":' + b"[" * 100_000, "nested too deeply"),
        (b'{"Name": ' + b"9" * 5_000 + b"}", "The body is not JSON"),
        (b"", "Name is missing; it is required"),
        (b'{"Name": null}', "Name is missing; it is required"),
        (b'{"Name": "\\ud800", "RequireEncryption": true}', "half of a UTF-16 pair"),
        (b'{"Name": {}, "RequireEncryption": true}', "Name is an object; a string is wanted"),
        (b'{"Name": "a\\n", "RequireEncryption": true}', "must match the pattern"),
        (b'{"Name": "a", "RequireEncryption": true, "Tags": []}', "Tags has 0 entries; at least 1"),
        (b'{"Name": "a", "RequireEncryption": true, "Tags": {}}', "Tags is an object; a list"),
        (
            b'{"Name": "a", "RequireEncryption": true, "Tags": [7]}',
            "Tags[0] is a number; an object",
        ),
    ],
)
def test_a_bad_body_is_refused_by_name_and_rule(body: bytes, message: str) -> None:
    # API V1 V2 W4
    assert message in refusal("POST", "/voice-connectors", body)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/voice-connectors?max-results=%zz", "Query parameter max-results holds a percent sign"),
        ("/voice-connectors?max-results=%ff", "Query parameter max-results is not UTF-8"),
        ("/voice-connectors?%f=1", "name holds a percent sign"),
        ("/voice-connectors/%", "Path parameter voiceConnectorId holds a percent sign"),
        ("/voice-connectors/%ff", "Path parameter voiceConnectorId is not UTF-8"),
        ("/voice-connectors/", "VoiceConnectorId is"),
        ("/voice-connectors/%20", "VoiceConnectorId is"),
        ("/voice-connectors?max-results=1.0", 'MaxResults is "1.0"; an integer'),
        ("/voice-connectors?max-results=٣", "an integer is wanted"),
        ("/voice-connectors?max-results=" + "9" * 5_000, "an integer is wanted"),
        ("/voice-connectors?max-results=9999999999", "MaxResults is out of range"),
        ("/voice-connectors?max-results=-1", "MaxResults is -1; at least 1"),
    ],
)
def test_a_bad_path_or_query_is_refused(target: str, message: str) -> None:
    # API V1 V3 W3
    assert message in refusal("GET", target, b"")


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ('"hunter2"', "Credentials is a string; a list is wanted"),
        ('["hunter2"]', "Credentials[0] is a string; an object is wanted"),
        ('[["hunter2"]]', "Credentials[0] is a list; an object is wanted"),
        ('[true, "hunter2"]', "Credentials[0] is a boolean; an object is wanted"),
        ('[{"Password": ["hunter2"]}]', "Credentials[0].Password is not valid; a string"),
        ('{"hunter2": null}', "Credentials is an object; a list is wanted"),
        ('[{"Username": "hunter2" "Password"', "The body is not JSON"),
    ],
)
def test_no_refusal_repeats_what_may_be_a_password(credentials: str, message: str) -> None:
    # API V1 TC1
    target = "/voice-connectors/x/termination/credentials?operation=put"
    text = refusal("POST", target, f'{{"Credentials": {credentials}}}'.encode())
    assert message in text
    assert "hunter2" not in text


def test_unknown_members_and_query_parameters_are_ignored_and_null_is_absent() -> None:
    # API W4
    call = WIRE.call("POST", "/voice-connectors", "colour=red")
    body = b'{"Name":"a","RequireEncryption":false,"AwsRegion":null,"Shape":{"x":[1]}}'
    parameters = WIRE.parameters(call, body)
    assert parameters.text("Name") == "a"
    assert "AwsRegion" not in parameters
    assert "Shape" not in parameters


def test_the_query_selects_in_any_order() -> None:
    # API W2
    for query in ("operation=restore&x=1", "x=1&operation=restore"):
        call = WIRE.call("POST", "/phone-numbers/%2B12065550100", query)
        assert call.operation.name == "RestorePhoneNumber"
        assert call.match.labels == {"phoneNumberId": "+12065550100"}
    assert WIRE.call("POST", "/phone-numbers/x", "").operation.name == "UpdatePhoneNumber"
    search = WIRE.call("GET", "/search", "max-results=5&type=phone-numbers")
    assert search.operation.name == "SearchAvailablePhoneNumbers"


def test_an_encoded_slash_stays_inside_its_segment() -> None:
    # API W2
    call = WIRE.call("GET", "/voice-connectors/a%2Fb", "")
    assert call.match.labels == {"voiceConnectorId": "a/b"}


def test_answers_leave_absent_members_out_and_keep_empty_lists() -> None:
    # API W4 W5 TC3
    call = WIRE.call("GET", "/voice-connectors", "")
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC)
    connector: dict[str, Any] = {"Name": "é", "CreatedTimestamp": moment, "NetworkType": None}
    body = WIRE.body(call.operation, {"VoiceConnectors": [connector], "NextToken": None})
    assert json.loads(body) == {
        "VoiceConnectors": [{"Name": "é", "CreatedTimestamp": "2026-01-02T03:04:05.678Z"}]
    }
    assert WIRE.body(call.operation, {"VoiceConnectors": []}) == b'{"VoiceConnectors":[]}'


def test_an_operation_without_output_has_no_body() -> None:
    # API W6
    call = WIRE.call("DELETE", "/voice-connectors/x", "")
    assert call.operation.status == 204
    assert WIRE.body(call.operation, {}) == b""


def test_timestamps_are_utc_with_milliseconds() -> None:
    # API W5
    moment = datetime(2019, 9, 18, 22, 34, 1, 352_999, timezone(timedelta(hours=2)))
    assert timestamp(moment) == "2019-09-18T20:34:01.352Z"
