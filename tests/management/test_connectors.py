"""Voice connectors through unmodified boto3."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws import EmbeddedAws
from model.settings import ApiSettings, Quotas, Settings
from model.tables import CONNECTOR, CONNECTORS, key
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets


def test_create_answers_with_the_whole_resource(stand: Stand, voice: Any) -> None:
    # API VC1 VC2 VC3 VC4 VC6 W5 W6
    answer = voice.create_voice_connector(Name="My vc_1.x-y", RequireEncryption=True)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    connector = answer["VoiceConnector"]
    connector_id = connector["VoiceConnectorId"]
    assert re.fullmatch("[a-z0-9]{22}", connector_id)
    assert connector["Name"] == "My vc_1.x-y"
    assert connector["RequireEncryption"] is True
    assert connector["AwsRegion"] == "us-east-1"
    assert connector["NetworkType"] == "IPV4_ONLY"
    assert "IntegrationType" not in connector
    assert connector["OutboundHostName"] == f"{connector_id}.voiceconnector.localhost"
    assert (
        connector["VoiceConnectorArn"] == f"arn:aws:chime:us-east-1:000000000000:vc/{connector_id}"
    )
    assert connector["CreatedTimestamp"] == connector["UpdatedTimestamp"]


def test_get_returns_what_create_made(voice: Any) -> None:
    # API V5 VC4
    created = voice.create_voice_connector(
        Name="vc", RequireEncryption=False, AwsRegion="eu-west-1", NetworkType="DUAL_STACK"
    )["VoiceConnector"]
    read = voice.get_voice_connector(VoiceConnectorId=created["VoiceConnectorId"])
    assert read["VoiceConnector"] == created
    assert created["VoiceConnectorArn"].startswith("arn:aws:chime:eu-west-1:")


@pytest.mark.parametrize("kind", ["CONNECT_CALL_TRANSFER_CONNECTOR", "CONNECT_ANALYTICS_CONNECTOR"])
def test_an_integration_type_is_kept_and_shown(stand: Stand, voice: Any, kind: str) -> None:
    # API VC6
    connector_id = stand.new_connector(IntegrationType=kind)
    read = voice.get_voice_connector(VoiceConnectorId=connector_id)["VoiceConnector"]
    assert read["IntegrationType"] == kind
    updated = voice.update_voice_connector(
        VoiceConnectorId=connector_id, Name="n", RequireEncryption=True
    )["VoiceConnector"]
    assert updated["IntegrationType"] == kind


def test_tags_of_create_are_stored_with_the_connector(stand: Stand) -> None:
    # API TG1
    connector_id = stand.new_connector(Tags=[{"Key": "team", "Value": "voice"}])
    item = stand.aws.dynamodb.get_item(
        TableName=CONNECTORS.physical_name(stand.prefix),
        Key=key(CONNECTOR, connector_id),
    )["Item"]
    assert item["tags"] == {"M": {"team": {"S": "voice"}}}


def test_names_may_repeat_and_each_create_makes_one(stand: Stand) -> None:
    # API V4 VC9
    assert stand.new_connector(Name="twin") != stand.new_connector(Name="twin")


def test_update_replaces_name_and_encryption(stand: Stand, voice: Any) -> None:
    # API VC8
    connector_id = stand.new_connector(Name="before")
    updated = voice.update_voice_connector(
        VoiceConnectorId=connector_id, Name="after", RequireEncryption=True
    )["VoiceConnector"]
    assert (updated["Name"], updated["RequireEncryption"]) == ("after", True)
    assert updated["UpdatedTimestamp"] >= updated["CreatedTimestamp"]
    assert voice.get_voice_connector(VoiceConnectorId=connector_id)["VoiceConnector"] == updated


def test_delete_ends_it_and_a_second_delete_finds_nothing(stand: Stand, voice: Any) -> None:
    # API VC7
    connector_id = stand.new_connector()
    answer = voice.delete_voice_connector(VoiceConnectorId=connector_id)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.delete_voice_connector(VoiceConnectorId=connector_id)
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.get_voice_connector(VoiceConnectorId=connector_id)


def test_delete_with_numbers_is_a_conflict_until_they_are_disassociated(
    stand: Stand, voice: Any
) -> None:
    # API VC7 E3
    connector_id = stand.new_connector()
    numbers = stand.new_numbers("305", 2)
    arguments = {"VoiceConnectorId": connector_id, "E164PhoneNumbers": numbers}
    voice.associate_phone_numbers_with_voice_connector(**arguments)
    with pytest.raises(voice.exceptions.ConflictException) as conflict:
        voice.delete_voice_connector(VoiceConnectorId=connector_id)
    assert conflict.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    voice.disassociate_phone_numbers_from_voice_connector(**arguments)
    voice.delete_voice_connector(VoiceConnectorId=connector_id)


def test_list_pages_in_order_of_creation(embedded_aws: EmbeddedAws) -> None:
    # API V3 VC9
    with running(embedded_aws) as stand:
        made = [stand.new_connector(Name=f"vc {number}") for number in range(5)]
        client = stand.client()
        pages = [client.list_voice_connectors(MaxResults=2)]
        while "NextToken" in pages[-1]:
            token = pages[-1]["NextToken"]
            pages.append(client.list_voice_connectors(MaxResults=2, NextToken=token))
        listed = [[it["VoiceConnectorId"] for it in page["VoiceConnectors"]] for page in pages]
        assert listed == [made[:2], made[2:4], made[4:]]
        # A full last page has no token.
        assert "NextToken" not in client.list_voice_connectors(MaxResults=5)


def test_a_page_goes_on_behind_a_connector_that_is_gone(embedded_aws: EmbeddedAws) -> None:
    # API V3
    with running(embedded_aws) as stand:
        made = [stand.new_connector() for _ in range(3)]
        client = stand.client()
        token = client.list_voice_connectors(MaxResults=2)["NextToken"]
        client.delete_voice_connector(VoiceConnectorId=made[1])
        rest = client.list_voice_connectors(NextToken=token)["VoiceConnectors"]
        assert [it["VoiceConnectorId"] for it in rest] == made[2:]


@pytest.mark.parametrize("token", ["x", "AAAA", "é", "a" * 400])
def test_a_foreign_token_is_refused(voice: Any, token: str) -> None:
    # API V3
    with pytest.raises(voice.exceptions.BadRequestException, match="NextToken"):
        voice.list_voice_connectors(NextToken=token)


def test_the_quota_counts_one_region(embedded_aws: EmbeddedAws) -> None:
    # API VC4, section 7
    with running(embedded_aws, Settings(api=ApiSettings(quotas=Quotas(connectors=2)))) as stand:
        client = stand.client()
        stand.new_connector()
        stand.new_connector()
        with pytest.raises(client.exceptions.ResourceLimitExceededException) as refused:
            stand.new_connector()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        stand.new_connector(AwsRegion="eu-west-1")


BAD_CREATES: list[tuple[str, dict[str, object], str]] = [
    ("no name", {"RequireEncryption": True}, "Name is missing"),
    ("no encryption", {"Name": "vc"}, "RequireEncryption is missing"),
    ("character", {"Name": "a@b", "RequireEncryption": True}, 'Name is "a@b"; it must match'),
    ("empty", {"Name": "", "RequireEncryption": True}, "Name has 0 characters; at least 1"),
    (
        "long",
        {"Name": "n" * 257, "RequireEncryption": True},
        "Name has 257 characters; at most 256",
    ),
    ("type", {"Name": 7, "RequireEncryption": True}, "Name is 7; a string is wanted"),
    ("flag", {"Name": "vc", "RequireEncryption": "yes"}, "true or false is wanted"),
    (
        "region",
        {"Name": "vc", "RequireEncryption": True, "AwsRegion": "mars-1"},
        'AwsRegion is "mars-1"; one of ap-northeast-1',
    ),
    (
        "tags",
        {
            "Name": "vc",
            "RequireEncryption": True,
            "Tags": [{"Key": str(n), "Value": "v"} for n in range(51)],
        },
        "Tags has 51 entries; at most 50",
    ),
    (
        "tag twice",
        {
            "Name": "vc",
            "RequireEncryption": True,
            "Tags": [{"Key": "k", "Value": "v"}, {"Key": "k", "Value": "w"}],
        },
        "Tags holds a Key twice",
    ),
    (
        "tag key",
        {"Name": "vc", "RequireEncryption": True, "Tags": [{"Value": "v"}]},
        r"Tags\[0\].Key is missing",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "message"), [it[1:] for it in BAD_CREATES], ids=[it[0] for it in BAD_CREATES]
)
def test_a_bad_create_is_refused_with_member_and_rule(
    stand: Stand, arguments: dict[str, object], message: str
) -> None:
    # API V1 V2
    client = stand.client(config=UNCHECKED)
    with pytest.raises(ClientError, match=message) as refused:
        client.create_voice_connector(**arguments)
    assert refused.value.response["Error"]["Code"] == "BadRequestException"


def test_an_empty_id_is_never_the_list(stand: Stand) -> None:
    # API W3
    client = stand.client(config=UNCHECKED)
    for empty in ("", " "):
        with pytest.raises(client.exceptions.BadRequestException, match="VoiceConnectorId"):
            client.get_voice_connector(VoiceConnectorId=empty)


@pytest.mark.parametrize("unknown", ["unknown", "abcdefghijklmnopqrstuv", "..", "a/b", "é"])
def test_an_unknown_id_is_not_found(voice: Any, unknown: str) -> None:
    # API E3, section 2 example; `..` is normalised away by the client itself
    with pytest.raises(ClientError) as refused:
        voice.get_voice_connector_origination(VoiceConnectorId=unknown)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
