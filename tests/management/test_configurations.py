"""Health, logging, streaming and external systems of a connector, through unmodified boto3."""

from datetime import UTC, datetime
from typing import Any

import pytest

from model.codec import encode_item
from model.configurations import TerminationHealth
from model.health_items import health_members
from model.tables import NODES
from tests.management.stand import UNCHECKED, Stand

pytestmark = pytest.mark.sockets

INSIGHTS = "arn:aws:chime:us-east-1:000000000000:media-insights-pipeline-configuration/mine"
UNKNOWN = {"VoiceConnectorId": "a" * 22}
LOGGING, STREAMING = "logging_configuration", "streaming_configuration"
EXTERNAL = "external_systems_configuration"
MEMBERS = {
    LOGGING: "LoggingConfiguration",
    STREAMING: "StreamingConfiguration",
    EXTERNAL: "ExternalSystemsConfiguration",
}
STREAM = {"DataRetentionInHours": 0, "Disabled": False}


def put(client: Any, what: str, connector_id: str, **members: Any) -> Any:
    call = getattr(client, f"put_voice_connector_{what}")
    return call(VoiceConnectorId=connector_id, **members)[MEMBERS[what]]


def get(client: Any, what: str, connector_id: str) -> Any:
    return getattr(client, f"get_voice_connector_{what}")(VoiceConnectorId=connector_id)[
        MEMBERS[what]
    ]


def ping(stand: Stand, connector_id: str, health: TerminationHealth) -> None:
    """Write down a good OPTIONS ping as the edge does."""
    stand.aws.dynamodb.put_item(
        TableName=NODES.physical_name(stand.prefix),
        Item=encode_item(health_members(connector_id, health)),
    )


def test_health_is_empty_until_the_first_ping_and_then_its_time_and_source(
    stand: Stand, voice: Any
) -> None:
    # API TH1 W5
    connector_id = stand.new_connector()
    read = voice.get_voice_connector_termination_health(VoiceConnectorId=connector_id)
    assert read["TerminationHealth"] == {}
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    ping(stand, connector_id, TerminationHealth(at=at, source="50.35.78.97"))
    read = voice.get_voice_connector_termination_health(VoiceConnectorId=connector_id)
    assert read["TerminationHealth"] == {"Timestamp": at, "Source": "50.35.78.97"}
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.get_voice_connector_termination_health(**UNKNOWN)


def test_logs_are_off_until_they_are_put_and_a_missing_member_is_off(
    stand: Stand, voice: Any
) -> None:
    # API LG1
    connector_id = stand.new_connector()
    off = {"EnableSIPLogs": False, "EnableMediaMetricLogs": False}
    assert get(voice, LOGGING, connector_id) == off
    on = {"EnableSIPLogs": True, "EnableMediaMetricLogs": True}
    assert put(voice, LOGGING, connector_id, LoggingConfiguration=on) == on
    assert get(voice, LOGGING, connector_id) == on
    one = put(voice, LOGGING, connector_id, LoggingConfiguration={"EnableSIPLogs": True})
    assert one == get(voice, LOGGING, connector_id) == off | {"EnableSIPLogs": True}
    # Terraform deletes by putting both to false.
    assert put(voice, LOGGING, connector_id, LoggingConfiguration=off) == off


@pytest.mark.parametrize(
    "wanted",
    [
        STREAM,
        {"DataRetentionInHours": 72, "Disabled": True},
        STREAM
        | {
            "StreamingNotificationTargets": [
                {"NotificationTarget": "SQS"},
                {"NotificationTarget": "EventBridge"},
                {"NotificationTarget": "SNS"},
            ]
        },
        STREAM | {"MediaInsightsConfiguration": {}},
        STREAM | {"MediaInsightsConfiguration": {"Disabled": False, "ConfigurationArn": INSIGHTS}},
    ],
)
def test_streaming_is_answered_as_it_was_put(stand: Stand, voice: Any, wanted: Any) -> None:
    # API SC1
    connector_id = stand.new_connector()
    assert put(voice, STREAMING, connector_id, StreamingConfiguration=wanted) == wanted
    assert get(voice, STREAMING, connector_id) == wanted
    # A put replaces the whole (V4).
    assert put(voice, STREAMING, connector_id, StreamingConfiguration=STREAM) == STREAM
    assert get(voice, STREAMING, connector_id) == STREAM


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"DataRetentionInHours": -1}, "DataRetentionInHours is -1; at least 0"),
        ({"DataRetentionInHours": None}, "DataRetentionInHours is missing"),
        ({"Disabled": None}, "Disabled is missing"),
        ({"StreamingNotificationTargets": []}, "has 0 entries; at least 1"),
        (
            {"StreamingNotificationTargets": [{"NotificationTarget": "SNS"}] * 4},
            "has 4 entries; at most 3",
        ),
        (
            {"StreamingNotificationTargets": [{"NotificationTarget": "SES"}]},
            r'Targets\[0\].NotificationTarget is "SES"; one of',
        ),
        (
            {"StreamingNotificationTargets": [{}]},
            r"Targets\[0\].NotificationTarget is missing; it is required",
        ),
        (
            {"MediaInsightsConfiguration": {"ConfigurationArn": "mine"}},
            "ConfigurationArn is .* it must match",
        ),
    ],
)
def test_a_bad_streaming_configuration_is_refused(
    stand: Stand, change: dict[str, Any], message: str
) -> None:
    # API V1 SC1
    client = stand.client(config=UNCHECKED)
    given = {name: value for name, value in (STREAM | change).items() if value is not None}
    connector_id = stand.new_connector()
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        put(client, STREAMING, connector_id, StreamingConfiguration=given)
    with pytest.raises(client.exceptions.NotFoundException):
        get(client, STREAMING, connector_id)


def test_external_systems_are_kept_and_shown_again(stand: Stand, voice: Any) -> None:
    # API ES1
    connector_id = stand.new_connector()
    controllers = ["RIBBON_SBC", "AVAYA_SBCE"]
    stored = put(
        voice, EXTERNAL, connector_id, SessionBorderControllerTypes=[*controllers, "RIBBON_SBC"]
    )
    assert stored["SessionBorderControllerTypes"] == controllers
    assert stored["ContactCenterSystemTypes"] == []
    assert get(voice, EXTERNAL, connector_id) == stored
    centers = ["GENESYS_ENGAGE_ON_PREMISES"]
    stored = put(voice, EXTERNAL, connector_id, ContactCenterSystemTypes=centers)
    assert stored == get(voice, EXTERNAL, connector_id)
    assert stored == {
        "SessionBorderControllerTypes": [],
        "ContactCenterSystemTypes": centers,
    }
    with pytest.raises(voice.exceptions.BadRequestException, match=r"Types\[0\] is \"ACME\"; one"):
        put(voice, EXTERNAL, connector_id, SessionBorderControllerTypes=["ACME"])


@pytest.mark.parametrize("what", [STREAMING, EXTERNAL])
def test_a_configuration_is_not_found_before_it_is_put_and_after_it_is_deleted(
    stand: Stand, voice: Any, what: str
) -> None:
    # API SC2 ES1 V4
    connector_id = stand.new_connector()
    delete = getattr(voice, f"delete_voice_connector_{what}")
    given = {"StreamingConfiguration": STREAM} if what == STREAMING else {}
    with pytest.raises(voice.exceptions.NotFoundException, match="has no"):
        get(voice, what, connector_id)
    put(voice, what, connector_id, **given)
    for _ in range(2):
        answer = delete(VoiceConnectorId=connector_id)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        with pytest.raises(voice.exceptions.NotFoundException, match="has no"):
            get(voice, what, connector_id)


@pytest.mark.parametrize("what", MEMBERS)
@pytest.mark.parametrize("unknown", ["a" * 22, "x" * 2000])
def test_an_unknown_connector_is_not_found(voice: Any, what: str, unknown: str) -> None:
    # API V4 VC1
    given: dict[str, dict[str, Any]] = {
        LOGGING: {"LoggingConfiguration": {}},
        STREAMING: {"StreamingConfiguration": STREAM},
    }
    with pytest.raises(voice.exceptions.NotFoundException):
        get(voice, what, unknown)
    with pytest.raises(voice.exceptions.NotFoundException):
        put(voice, what, unknown, **given.get(what, {}))
    if what != LOGGING:
        with pytest.raises(voice.exceptions.NotFoundException):
            getattr(voice, f"delete_voice_connector_{what}")(VoiceConnectorId=unknown)


def test_what_was_configured_goes_with_the_connector(stand: Stand, voice: Any) -> None:
    # API VC7
    connector_id = stand.new_connector()
    put(voice, STREAMING, connector_id, StreamingConfiguration=STREAM)
    voice.delete_voice_connector(VoiceConnectorId=connector_id)
    with pytest.raises(voice.exceptions.NotFoundException, match="not found"):
        get(voice, STREAMING, connector_id)
