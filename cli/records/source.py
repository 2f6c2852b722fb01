"""Where records are read: the bucket of the running stand, of a deployment in AWS, or any."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cli.deployment import repository
from cli.errors import CommandError, ExitCode
from cli.records.bucket import RecordBucket
from cli.stand import running_stand
from edge.runtime.s3_bucket import s3_store
from emulator.environment import isolate
from lambdas.management.errors import ApiError
from model.record_form import KEY_PREFIX

_CLIENT_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=16,
)
NO_CREDENTIALS = (
    "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY; without --prefix and --region the running stand is meant"
)


class Place(NamedTuple):
    """Whose records are meant, as the options say."""

    bucket: str | None
    """None: the one that GlobalSettings name."""
    key_prefix: str | None
    """None: the stand's, or in AWS the usual one."""
    prefix: str | None
    region: str | None
    """This or `prefix` means a deployment in AWS."""
    api_port: int | None

    @property
    def is_stand(self) -> bool:
        """Tell whether it is about the running stand."""
        return self.prefix is None and self.region is None


class Source(NamedTuple):
    """A bucket to read, and what the keys of its records begin with."""

    bucket: RecordBucket
    key_prefix: str


def opened(place: Place) -> Source:
    """Return what the options mean; raises CommandError."""
    session, environ, usual = _access(place)
    # Of AWS, boto3 knows all the variables that may say where it is.
    url = environ["AWS_ENDPOINT_URL"] if place.is_stand else None
    s3 = session.client("s3", endpoint_url=url, config=_CLIENT_CONFIG)
    name = place.bucket or _configured(place)
    region = _region_of(s3, name) or session.region_name or "us-east-1"
    store = s3_store(name, session, environ, region=region)
    return Source(RecordBucket(name, s3, store), (place.key_prefix or usual).strip("/"))


def _access(place: Place) -> tuple[boto3.Session, Mapping[str, str], str]:
    """Return credentials, where AWS is, and the usual prefix of records there."""
    if not place.is_stand:
        return boto3.Session(region_name=place.region), os.environ, KEY_PREFIX
    facts = running_stand(place.api_port)
    isolate(os.environ)
    session = boto3.Session(facts.access_key_id, facts.secret_access_key, region_name=facts.region)
    return session, {"AWS_ENDPOINT_URL": facts.aws_url}, facts.record_prefix


def _configured(place: Place) -> str:
    """Return the bucket of GlobalSettings (API GS1)."""
    try:
        found = repository(prefix=place.prefix, region=place.region, api_port=place.api_port)
        name = found.configuration.cdr_bucket()
    except NoCredentialsError as error:
        raise CommandError(NO_CREDENTIALS) from error
    except (ApiError, BotoCoreError, ClientError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, NoCredentialsError):
            raise CommandError(NO_CREDENTIALS) from error
        raise CommandError(
            f"which bucket is configured cannot be read: {cause}; --bucket names one"
        ) from error
    if name is None:
        raise CommandError(
            "no bucket is configured, and so no record is stored: name one with "
            "UpdateGlobalSettings, or an old one here with --bucket"
        )
    return name


# `s3` is boto3's: what its clients return has no static type.
def _region_of(s3: Any, name: str) -> str | None:
    """Return the region of a bucket, None where it is not told; raises CommandError."""
    try:
        answer = s3.head_bucket(Bucket=name)
    except NoCredentialsError as error:
        raise CommandError(NO_CREDENTIALS) from error
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            raise CommandError(f"there is no bucket {name}", ExitCode.FAILED) from error
        if status == 403:
            raise CommandError(
                f"the bucket {name} may not be read with these credentials: s3:ListBucket is "
                "needed on it, and s3:GetObject on its objects"
            ) from error
        raise CommandError(f"the bucket {name} cannot be read: {error}") from error
    except BotoCoreError as error:
        raise CommandError(f"the bucket {name} cannot be read: {error}") from error
    region: str | None = answer.get("BucketRegion")
    return region
