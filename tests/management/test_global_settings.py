"""Global settings and the caller's identity."""

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
