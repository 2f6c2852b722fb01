"""How clients find and use this API without a word of ours in their code."""

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.management.stand import Stand

pytestmark = pytest.mark.sockets


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_CHIME_SDK_VOICE", "AWS_ENDPOINT_URL"])
def test_the_environment_leads_a_client_here(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    # API S6
    monkeypatch.setenv(variable, stand.url)
    client: Any = stand.session("eu-central-1").client("chime-sdk-voice")
    assert client.meta.endpoint_url == stand.url
    listed = client.list_voice_connectors(MaxResults=1)
    assert listed["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_configuration_file_leads_a_client_here(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    # API S6
    file = tmp_path / "config"
    file.write_text(
        "[default]\nregion = us-east-1\nservices = here\n"
        f"[services here]\nchime_sdk_voice =\n  endpoint_url = {stand.url}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    assert stand.session().client("chime-sdk-voice").meta.endpoint_url == stand.url


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-southeast-2", "mars-1"])
def test_a_client_may_be_in_any_region(stand: Stand, region: str) -> None:
    # API S1 S2
    client = stand.client(region_name=region)
    assert client.meta.service_model.signing_name == "chime"
    assert client.get_global_settings()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_older_client_uses_the_same_paths(stand: Stand) -> None:
    # API S10 PN3
    chime = stand.client("chime")
    found = chime.search_available_phone_numbers(AreaCode="206", MaxResults=1)["E164PhoneNumbers"]
    order = chime.create_phone_number_order(ProductType="VoiceConnector", E164PhoneNumbers=found)
    order_id = order["PhoneNumberOrder"]["PhoneNumberOrderId"]
    assert stand.settled(order_id)["Status"] == "Successful"
    placed = chime.get_phone_number_order(PhoneNumberOrderId=order_id)["PhoneNumberOrder"]
    assert placed["Status"] == "Successful"
    number = chime.get_phone_number(PhoneNumberId=found[0])["PhoneNumber"]
    assert number["E164PhoneNumber"] == found[0]
    assert found[0] in [
        it["E164PhoneNumber"] for it in chime.list_phone_numbers(MaxResults=100)["PhoneNumbers"]
    ]
    with pytest.raises(chime.exceptions.BadRequestException, match="ProductType"):
        chime.create_phone_number_order(ProductType="BusinessCalling", E164PhoneNumbers=found)


def test_a_refusal_is_not_sent_again(stand: Stand) -> None:
    # API E6: neither an operation out of scope nor a permanent condition makes clients repeat it
    client = stand.client(config=Config(retries={"mode": "standard", "total_max_attempts": 5}))
    calls: tuple[tuple[type[Exception], Any, dict[str, str]], ...] = (
        (client.exceptions.ForbiddenException, client.list_sip_rules, {}),
        (client.exceptions.NotFoundException, client.get_phone_number, {"PhoneNumberId": "+1999"}),
    )
    for error, operation, arguments in calls:
        with pytest.raises(error) as refused:
            operation(**arguments)
        assert isinstance(refused.value, ClientError)
        assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0
