"""examples/boto3: a trunk from nothing, and back to nothing."""

import re
import sys
from typing import Any

import pytest

from tests.clients.examples import EXAMPLES, client_environment, run
from tests.management.stand import Stand

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("clients")]

NAME = "boto3 example"


def trunk_command(stand: Stand, *arguments: str) -> str:
    script = EXAMPLES / "boto3/trunk.py"
    return run(sys.executable, script, *arguments, environment=client_environment(stand))


def named(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [it for it in entries if it["Name"] == NAME]


def test_a_trunk_is_set_up_and_taken_down(stand: Stand) -> None:
    # API V4 OR2 TM1 TC3 VG2 PN5 PN9 PN7
    voice = stand.client()
    told = trunk_command(stand, "up", "127.0.0.8", "127.0.0.9")
    (connector,) = named(voice.list_voice_connectors()["VoiceConnectors"])
    connector_id = connector["VoiceConnectorId"]
    assert connector["OutboundHostName"] in told
    direct, shared = re.findall(r"\+1415\d{7}", told)

    origination = voice.get_voice_connector_origination(VoiceConnectorId=connector_id)
    assert [(it["Host"], it["Priority"]) for it in origination["Origination"]["Routes"]] == [
        ("127.0.0.8", 1),
        ("127.0.0.9", 2),
    ]
    termination = voice.get_voice_connector_termination(VoiceConnectorId=connector_id)
    assert termination["Termination"] == {
        "CpsLimit": 1,
        "DefaultPhoneNumber": direct,
        "CallingRegions": ["US", "CA"],
        "CidrAllowedList": ["127.0.0.8/32", "127.0.0.9/32"],
        "Disabled": False,
    }
    credentials = voice.list_voice_connector_termination_credentials(VoiceConnectorId=connector_id)
    assert credentials["Usernames"] == ["pbx"]
    tags = voice.list_tags_for_resource(ResourceARN=connector["VoiceConnectorArn"])["Tags"]
    assert tags == [{"Key": "made-by", "Value": "example"}]
    (group,) = named(voice.list_voice_connector_groups()["VoiceConnectorGroups"])
    for kind, identifier, number in (
        ("VoiceConnectorId", connector_id, direct),
        ("VoiceConnectorGroupId", group["VoiceConnectorGroupId"], shared),
    ):
        listed = voice.list_phone_numbers(FilterName=kind, FilterValue=identifier)["PhoneNumbers"]
        assert [it["E164PhoneNumber"] for it in listed] == [number]

    trunk_command(stand, "down")
    assert named(voice.list_voice_connectors()["VoiceConnectors"]) == []
    assert named(voice.list_voice_connector_groups()["VoiceConnectorGroups"]) == []
    for number in (direct, shared):
        queued = voice.get_phone_number(PhoneNumberId=number)["PhoneNumber"]
        assert queued["Associations"] == [] and "DeletionTimestamp" in queued
