"""Access keys out of their secret; no socket."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from types_boto3_secretsmanager import SecretsManagerClient

from lambdas.management.access_keys import CACHE_S, AccessKey, AccessKeys
from lambdas.management.errors import ServiceFailure, ServiceUnavailable

NAME = "ovc/access-keys"


class Hand:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def secrets() -> Iterator[SecretsManagerClient]:
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")
        client.create_secret(Name=NAME, SecretString="{}")
        yield client


def write(secrets: SecretsManagerClient, *, active: bool) -> None:
    document = {"AK": {"secret": "s3cret", "active": active}}
    secrets.put_secret_value(SecretId=NAME, SecretString=json.dumps(document))


def test_a_revoked_key_works_for_a_minute_at_most(secrets: SecretsManagerClient) -> None:
    # ARCHITECTURE A2
    write(secrets, active=True)
    clock = Hand()
    keys = AccessKeys(secrets, NAME, clock)
    assert keys.find("AK") == AccessKey("AK", "s3cret")
    assert keys.find("other") is None
    write(secrets, active=False)
    clock.now += CACHE_S - 0.1
    assert keys.find("AK") is not None
    clock.now += 0.1
    assert keys.find("AK") is None


def test_without_the_secret_nobody_gets_in(secrets: SecretsManagerClient) -> None:
    keys = AccessKeys(secrets, "missing", Hand())
    with pytest.raises(ServiceUnavailable):
        keys.find("AK")


@pytest.mark.parametrize("text", ["no json: s3cret", "[]", '{"AK": "s3cret"}', '{"AK": {}}', "7"])
def test_a_malformed_secret_is_a_failure_that_quotes_nothing(
    secrets: SecretsManagerClient, text: str
) -> None:
    secrets.put_secret_value(SecretId=NAME, SecretString=text)
    with pytest.raises(ServiceFailure) as failure:
        AccessKeys(secrets, NAME, Hand()).find("AK")
    assert "s3cret" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_key_shows_no_secret() -> None:
    assert "s3cret" not in repr(AccessKey("AK", "s3cret"))
    derived = AccessKey("AK", "s3cret").derived("page tokens")
    assert derived != AccessKey("AK", "s3cret").derived("anything else")
