"""Whose tables a command works on: the running stand's, or those of a deployment in AWS."""

import os
from time import sleep
from typing import Any

import boto3
from botocore.config import Config

from cli.stand import running_stand
from emulator.environment import isolate
from emulator.stand_file import StandFacts
from lambdas.management.repository import Repository
from model.tables import DEFAULT_PREFIX

_CLIENT_CONFIG = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4}
)


def repository(*, prefix: str | None, region: str | None, api_port: int | None) -> Repository:
    """Return the repository; a prefix or a region means AWS, with its ordinary credentials."""
    found = client("dynamodb", prefix=prefix, region=region, api_port=api_port)
    return Repository.over(found, prefix or DEFAULT_PREFIX, sleep)


# boto3 makes its clients at run time: their type depends on the service's name.
def client(service: Any, *, prefix: str | None, region: str | None, api_port: int | None) -> Any:
    """Return a client of one of AWS's services: the running stand's, or AWS's own as above."""
    if prefix is not None or region is not None:
        return boto3.client(service, region_name=region, config=_CLIENT_CONFIG)
    facts = running_stand(api_port)
    isolate(os.environ)
    return stand_client(service, facts, _CLIENT_CONFIG)


def stand_client(service: Any, facts: StandFacts, config: Config | None = None) -> Any:
    """Return a client of one of the services of a stand's AWS."""
    return boto3.client(
        service,
        endpoint_url=facts.aws_url,
        region_name=facts.region,
        aws_access_key_id=facts.access_key_id,
        aws_secret_access_key=facts.secret_access_key,
        config=config,
    )
