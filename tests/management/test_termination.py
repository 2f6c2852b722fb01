"""Termination through unmodified boto3."""

from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from model.settings import ApiSettings, Settings
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets


def put(client: Any, connector_id: str, **termination: Any) -> Any:
    answer = client.put_voice_connector_termination(
        VoiceConnectorId=connector_id, Termination={"CallingRegions": ["US"]} | termination
    )
    return answer["Termination"]


def test_put_echoes_with_defaults_and_get_returns_the_same(stand: Stand, voice: Any) -> None:
    # API TM1 TM3 TM4 TM5 TM6
    connector_id = stand.new_connector()
    networks = ["50.35.78.97/32", "100.35.78.97/32", "50.35.78.0/27"]
    wanted = {
        "CpsLimit": 1,
        "CallingRegions": ["US", "RU", "CA"],
        "CidrAllowedList": networks,
        "Disabled": False,
    }
    given = {"CallingRegions": ["US", "RU", "CA"], "CidrAllowedList": networks}
    assert put(voice, connector_id, **given) == wanted
    read = voice.get_voice_connector_termination(VoiceConnectorId=connector_id)
    assert read["Termination"] == wanted


def test_a_put_replaces_the_whole(stand: Stand, voice: Any) -> None:
    # API V4
    connector_id = stand.new_connector()
    put(voice, connector_id, CpsLimit=7, Disabled=True, CidrAllowedList=["50.35.78.0/27"])
    put(voice, connector_id)
    read = voice.get_voice_connector_termination(VoiceConnectorId=connector_id)["Termination"]
    assert read == {
        "CpsLimit": 1,
        "CallingRegions": ["US"],
        "CidrAllowedList": [],
        "Disabled": False,
    }


def test_unset_is_not_found_and_deleting_keeps_the_credentials(stand: Stand, voice: Any) -> None:
    # API TM7 V4
    connector_id = stand.new_connector()
    with pytest.raises(voice.exceptions.NotFoundException, match="has no termination"):
        voice.get_voice_connector_termination(VoiceConnectorId=connector_id)
    put(voice, connector_id)
    voice.put_voice_connector_termination_credentials(
        VoiceConnectorId=connector_id, Credentials=[{"Username": "u", "Password": "p"}]
    )
    voice.delete_voice_connector_termination(VoiceConnectorId=connector_id)
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.get_voice_connector_termination(VoiceConnectorId=connector_id)
    users = voice.list_voice_connector_termination_credentials(VoiceConnectorId=connector_id)
    assert users["Usernames"] == ["u"]


def test_the_default_number_must_be_owned(stand: Stand, voice: Any) -> None:
    # API TM4 PN2
    connector_id = stand.new_connector()
    with pytest.raises(voice.exceptions.BadRequestException, match="DefaultPhoneNumber"):
        put(voice, connector_id, DefaultPhoneNumber="+12065550199")
    (number,) = stand.new_numbers("617", 1)
    for form in (number, number.removeprefix("+"), number.replace("+", "%2B")):
        assert put(voice, connector_id, DefaultPhoneNumber=form)["DefaultPhoneNumber"] == number


def test_the_highest_cps_limit_is_the_quota(stand: Stand, voice: Any) -> None:
    # API TM3
    connector_id = stand.new_connector()
    assert put(voice, connector_id, CpsLimit=50)["CpsLimit"] == 50
    with pytest.raises(voice.exceptions.BadRequestException, match="CpsLimit is 51; at most 50"):
        put(voice, connector_id, CpsLimit=51)


BAD_TERMINATIONS: list[tuple[dict[str, Any], str]] = [
    ({"CallingRegions": []}, "CallingRegions is missing or empty"),
    ({"CallingRegions": ["us"]}, r"CallingRegions\[0\] is 'us'; an ISO 3166"),
    ({"CallingRegions": ["USA"]}, r"CallingRegions\[0\]"),
    ({"CallingRegions": [None]}, r"CallingRegions\[0\] is null; a string"),
    ({"CidrAllowedList": ["50.35.78.0/26"]}, "prefix of /27 or longer"),
    ({"CidrAllowedList": ["0.0.0.0/0"]}, "prefix of /27 or longer"),
    ({"CidrAllowedList": ["10.24.34.0/27"]}, "publicly routable network"),
    ({"CidrAllowedList": ["224.0.0.0/27"]}, "publicly routable network"),
    ({"CidrAllowedList": ["50.35.78.97"]}, "in CIDR form"),
    ({"CidrAllowedList": ["50.35.78.97/33"]}, "in CIDR form"),
    ({"CidrAllowedList": ["50.35.78.0/255.255.255.224"]}, "in CIDR form"),
    ({"CidrAllowedList": ["pbx/32"]}, "in CIDR form"),
    ({"CidrAllowedList": ["2a00:1450::/128"]}, "DUAL_STACK"),
    ({"CpsLimit": 0}, "CpsLimit is 0; at least 1"),
    ({"CpsLimit": 2**31}, "CpsLimit is out of range"),
    ({"CpsLimit": 1.5}, "CpsLimit is 1.5; an integer"),
    ({"DefaultPhoneNumber": "abc"}, "DefaultPhoneNumber is not valid; it must match"),
    ({"DefaultPhoneNumber": "+0123"}, "DefaultPhoneNumber is not valid; it must match"),
    ({"Disabled": 1}, "Disabled is 1; true or false"),
]


@pytest.mark.parametrize(("change", "message"), BAD_TERMINATIONS)
def test_a_bad_termination_is_refused(stand: Stand, change: dict[str, Any], message: str) -> None:
    # API V1 TM1 TM2 TM3
    client = stand.client(config=UNCHECKED)
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        put(client, stand.new_connector(), **change)


def test_ipv6_networks_fit_a_dual_stack_connector(stand: Stand, voice: Any) -> None:
    # API TM2
    connector_id = stand.new_connector(NetworkType="DUAL_STACK")
    stored = put(voice, connector_id, CidrAllowedList=["2a00:1450:4001:81b::200e/128"])
    assert stored["CidrAllowedList"] == ["2a00:1450:4001:81b::200e/128"]
    with pytest.raises(voice.exceptions.BadRequestException, match="/123 or longer"):
        put(voice, connector_id, CidrAllowedList=["2000::/3"])


def test_private_and_wide_networks_need_the_operators_switch(embedded_aws: EmbeddedAws) -> None:
    # API TM2
    with running(embedded_aws, Settings(api=ApiSettings(private_addresses=True))) as stand:
        networks = ["127.0.0.0/8", "10.24.34.0/23", "10.24.34.5/23"]
        stored = put(stand.client(), stand.new_connector(), CidrAllowedList=networks)
        assert stored["CidrAllowedList"] == networks


def test_a_list_that_no_item_can_hold_is_refused(embedded_aws: EmbeddedAws) -> None:
    # API V1 E6: DynamoDB takes 400 KB
    with running(embedded_aws, Settings()) as stand:
        networks = ["50.35.78.97/32"] * 30_000
        client = stand.client()
        with pytest.raises(client.exceptions.BadRequestException, match="400 KB"):
            put(client, stand.new_connector(), CidrAllowedList=networks)
