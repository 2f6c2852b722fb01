"""Global settings, the caller's identity and the revision that the edge watches."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws import EmbeddedAws
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets


def test_the_cdr_bucket_is_named_and_cleared(embedded_aws: EmbeddedAws) -> None:
    # API GS1
    with running(embedded_aws) as stand:
        client = stand.client(config=UNCHECKED)

        def settings() -> Any:
            return client.get_global_settings()["VoiceConnector"]

        assert settings() == {}
        answer = client.update_global_settings(VoiceConnector={"CdrBucket": "my-records"})
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert settings() == {"CdrBucket": "my-records"}
        client.update_global_settings()
        assert settings() == {"CdrBucket": "my-records"}
        client.update_global_settings(VoiceConnector={})
        assert settings() == {}


@pytest.mark.parametrize("bucket", ["", "ab", "Upper", "xn--a", "my-s3alias", "a" * 64, "a_b"])
def test_a_name_that_is_no_bucket_is_refused(stand: Stand, bucket: str) -> None:
    # API GS2
    client = stand.client(config=UNCHECKED)
    with pytest.raises(client.exceptions.BadRequestException, match=r"VoiceConnector\.CdrBucket"):
        client.update_global_settings(VoiceConnector={"CdrBucket": bucket})


def test_sts_names_the_account(stand: Stand) -> None:
    # API S8
    identity = stand.client("sts").get_caller_identity()
    assert identity["Account"] == "000000000000"
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"


def test_sts_refuses_what_it_does_not_do_and_who_it_does_not_know(stand: Stand) -> None:
    # API S5 S8
    with pytest.raises(ClientError) as refused:
        stand.client("sts").get_session_token()
    assert refused.value.response["Error"]["Code"] == "InvalidAction"
    with pytest.raises(ClientError) as refused:
        stand.client("sts", aws_access_key_id="nobody").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_every_change_counts_the_revision_and_no_read_does(embedded_aws: EmbeddedAws) -> None:
    # ARCHITECTURE A9
    with running(embedded_aws) as stand:
        client = stand.client()
        vc = {"VoiceConnectorId": stand.new_connector()}
        (number,) = stand.new_numbers("206", 1)
        # The connector, the order, and its numbers, once the order is fulfilled.
        stand.await_revision(3)
        changes: list[tuple[str, dict[str, Any]]] = [
            ("update_voice_connector", {**vc, "Name": "n", "RequireEncryption": False}),
            ("put_voice_connector_origination", {**vc, "Origination": {"Disabled": True}}),
            ("put_voice_connector_termination", {**vc, "Termination": {"CallingRegions": ["US"]}}),
            (
                "put_voice_connector_termination_credentials",
                {**vc, "Credentials": [{"Username": "u", "Password": "p"}]},
            ),
            ("delete_voice_connector_termination_credentials", {**vc, "Usernames": ["u"]}),
            ("delete_voice_connector_origination", vc),
            ("delete_voice_connector_termination", vc),
            (
                "associate_phone_numbers_with_voice_connector",
                {**vc, "E164PhoneNumbers": [number]},
            ),
            (
                "disassociate_phone_numbers_from_voice_connector",
                {**vc, "E164PhoneNumbers": [number]},
            ),
            ("update_phone_number", {"PhoneNumberId": number, "Name": "n"}),
            ("delete_phone_number", {"PhoneNumberId": number}),
            ("restore_phone_number", {"PhoneNumberId": number}),
            ("batch_delete_phone_number", {"PhoneNumberIds": [number]}),
            ("update_global_settings", {"VoiceConnector": {"CdrBucket": "abc"}}),
            ("delete_voice_connector", vc),
        ]
        for expected, (operation, arguments) in enumerate(changes, start=4):
            getattr(client, operation)(**arguments)
            assert stand.revision() == expected, operation
        client.list_voice_connectors()
        client.list_phone_numbers()
        with pytest.raises(client.exceptions.NotFoundException):
            client.delete_voice_connector(**vc)
        assert stand.revision() == 3 + len(changes)
