"""The regions that connectors may have, through unmodified boto3."""

import pytest

from emulator.aws import EmbeddedAws
from model.settings import CONNECTOR_REGIONS, ApiSettings, Settings
from tests.management.stand import Stand, running

pytestmark = pytest.mark.sockets


def test_all_regions_are_offered_by_default(stand: Stand) -> None:
    # API RG1 VC4
    client = stand.client()
    offered = client.list_available_voice_connector_regions()["VoiceConnectorRegions"]
    assert offered == list(CONNECTOR_REGIONS)
    shape = client.meta.service_model.shape_for("VoiceConnectorAwsRegion")
    assert sorted(offered) == sorted(shape.enum)


def test_the_operator_may_offer_fewer(embedded_aws: EmbeddedAws) -> None:
    # API RG1
    with running(embedded_aws, Settings(api=ApiSettings(regions=("eu-west-1", "us-west-2")))) as it:
        client = it.client()
        offered = client.list_available_voice_connector_regions()["VoiceConnectorRegions"]
        assert offered == ["eu-west-1", "us-west-2"]
        with pytest.raises(
            client.exceptions.BadRequestException,
            match="AwsRegion is 'us-east-1'; one of eu-west-1, us-west-2 is wanted",
        ):
            it.new_connector(AwsRegion="us-east-1")
        for given, stored in (({"AwsRegion": "us-west-2"}, "us-west-2"), ({}, "eu-west-1")):
            made = it.new_connector(**given)
            read = client.get_voice_connector(VoiceConnectorId=made)["VoiceConnector"]
            assert read["AwsRegion"] == stored
