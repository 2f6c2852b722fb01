"""The `chime` client of 2018-05-01, today's and that of botocore 1.29.0 (API S10)."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lambdas.management.service_model import load
from tests.clients.examples import EXAMPLES, client_environment, run
from tests.management.stand import SINGLE, Stand

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("clients")]

MODELS = Path(__file__).parent / "models"
OLD = json.loads((MODELS / "chime/2018-05-01/service-2.json").read_text())["operations"]
PARTS = ("Origination", "Termination", "LoggingConfiguration", "StreamingConfiguration")


@pytest.fixture
def old_client(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the client as botocore 1.29.0 made it, when it still knew Voice Connectors."""
    monkeypatch.setenv("AWS_DATA_PATH", str(MODELS))
    monkeypatch.setenv("AWS_ENDPOINT_URL_CHIME", stand.url)
    return stand.session("us-east-1").client("chime", config=SINGLE)


def owned_number(client: Any) -> str:
    """Order a number and wait until it is in the inventory."""
    found = client.search_available_phone_numbers(AreaCode="213", MaxResults=1)
    (number,) = found["E164PhoneNumbers"]
    placed = client.create_phone_number_order(
        ProductType="VoiceConnector", E164PhoneNumbers=[number]
    )["PhoneNumberOrder"]
    for _ in range(600):
        order = client.get_phone_number_order(PhoneNumberOrderId=placed["PhoneNumberOrderId"])
        if order["PhoneNumberOrder"]["Status"] == "Successful":
            return str(number)
        time.sleep(0.05)
    raise AssertionError(f"the order stays {order['PhoneNumberOrder']['Status']}")


@pytest.mark.parametrize("name", sorted(OLD))
def test_an_operation_of_the_older_model_has_the_route_of_its_namesake(name: str) -> None:
    # API S10 W2
    ours, route = load().operations[name], OLD[name]["http"]
    path, _, query = route["requestUri"].partition("?")
    assert (ours.method, ours.path, ours.status) == (
        route["method"],
        path,
        route.get("responseCode", 200),
    )
    assert "&".join(f"{key}={value}" for key, value in ours.constant_query.items()) == query


def test_a_connector_with_the_client_of_botocore_1_29(stand: Stand, old_client: Any) -> None:
    # API S10
    made = old_client.create_voice_connector(Name="old", RequireEncryption=False)["VoiceConnector"]
    identifier = {"VoiceConnectorId": made["VoiceConnectorId"]}
    assert old_client.get_voice_connector(**identifier)["VoiceConnector"] == made
    route = {"Host": "127.0.0.1", "Port": 5060, "Protocol": "UDP", "Priority": 1, "Weight": 1}
    old_client.put_voice_connector_origination(**identifier, Origination={"Routes": [route]})
    old_client.put_voice_connector_termination(
        **identifier, Termination={"CallingRegions": ["US"], "CidrAllowedList": ["127.0.0.1/32"]}
    )
    old_client.put_voice_connector_termination_credentials(
        **identifier, Credentials=[{"Username": "old", "Password": "password"}]
    )
    number = owned_number(old_client)
    answer = old_client.associate_phone_numbers_with_voice_connector(
        **identifier, E164PhoneNumbers=[number]
    )
    assert answer["PhoneNumberErrors"] == []
    # The newer client sees the same connector.
    voice = stand.client()
    read = voice.get_voice_connector_origination(**identifier)["Origination"]
    assert read == {"Routes": [route], "Disabled": False}
    listed = voice.list_voice_connector_termination_credentials(**identifier)
    assert listed["Usernames"] == ["old"]

    with pytest.raises(old_client.exceptions.ConflictException):
        old_client.delete_voice_connector(**identifier)
    old_client.disassociate_phone_numbers_from_voice_connector(
        **identifier, E164PhoneNumbers=[number]
    )
    old_client.delete_voice_connector(**identifier)
    with pytest.raises(old_client.exceptions.NotFoundException):
        old_client.get_voice_connector(**identifier)


def test_what_belongs_to_a_connector_with_the_client_of_botocore_1_29(old_client: Any) -> None:
    # API S10
    made = old_client.create_voice_connector(Name="old", RequireEncryption=False)["VoiceConnector"]
    identifier = {"VoiceConnectorId": made["VoiceConnectorId"]}
    logging = {"EnableSIPLogs": True, "EnableMediaMetricLogs": False}
    answer = old_client.put_voice_connector_logging_configuration(
        **identifier, LoggingConfiguration=logging
    )
    assert answer["LoggingConfiguration"] == logging
    streaming = {"DataRetentionInHours": 1, "Disabled": True}
    answer = old_client.put_voice_connector_streaming_configuration(
        **identifier, StreamingConfiguration=streaming
    )
    assert answer["StreamingConfiguration"] == streaming
    tags = [{"Key": "age", "Value": "old"}]
    old_client.tag_resource(ResourceARN=made["VoiceConnectorArn"], Tags=tags)
    answer = old_client.list_tags_for_resource(ResourceARN=made["VoiceConnectorArn"])
    assert answer["Tags"] == tags
    group = old_client.create_voice_connector_group(
        Name="old", VoiceConnectorItems=[{**identifier, "Priority": 1}]
    )["VoiceConnectorGroup"]
    group_id = group["VoiceConnectorGroupId"]
    old_client.update_voice_connector_group(
        VoiceConnectorGroupId=group_id, Name="old", VoiceConnectorItems=[]
    )
    old_client.delete_voice_connector_group(VoiceConnectorGroupId=group_id)
    old_client.delete_voice_connector(**identifier)


def test_numbers_and_settings_with_the_client_of_today(stand: Stand) -> None:
    # API S10: with the order, its search and its look-up these are the sixteen operations
    chime = stand.client("chime")
    number = owned_number(chime)
    chime.update_phone_number(PhoneNumberId=number, CallingName="Old")
    item = {"PhoneNumberId": number, "ProductType": "VoiceConnector"}
    answer = chime.batch_update_phone_number(UpdatePhoneNumberRequestItems=[item])
    assert answer["PhoneNumberErrors"] == []
    listed = chime.list_phone_numbers(ProductType="VoiceConnector")["PhoneNumbers"]
    assert number in [it["E164PhoneNumber"] for it in listed]
    orders = chime.list_phone_number_orders()["PhoneNumberOrders"]
    assert orders[-1]["OrderedPhoneNumbers"][0]["E164PhoneNumber"] == number
    countries = chime.list_supported_phone_number_countries(ProductType="VoiceConnector")
    assert "US" in [it["CountryCode"] for it in countries["PhoneNumberCountries"]]

    chime.delete_phone_number(PhoneNumberId=number)
    restored = chime.restore_phone_number(PhoneNumberId=number)["PhoneNumber"]
    assert restored["Status"] == "Unassigned"
    answer = chime.batch_delete_phone_number(PhoneNumberIds=[number])
    assert answer["PhoneNumberErrors"] == []

    if "CallingName" not in chime.get_phone_number_settings():
        chime.update_phone_number_settings(CallingName="Old example")
    assert chime.get_phone_number_settings()["CallingName"]
    # It insists on a member that the newer service does not have.
    foreign = {"CdrBucket": "old-business-records"}
    kept = chime.get_global_settings()["VoiceConnector"]
    chime.update_global_settings(BusinessCalling=foreign, VoiceConnector=kept)
    assert chime.get_global_settings()["VoiceConnector"] == kept


def test_the_example_runs(stand: Stand) -> None:
    script = EXAMPLES / "chime-client/order_number.py"
    told = run(sys.executable, script, environment=client_environment(stand)).splitlines()
    assert told[0].startswith("+1512") and told[0].endswith(" Unassigned Example")
    assert told[1].endswith(" Unassigned Example")
    assert told[2].startswith("call detail records go to ")
