"""Whose tables a command works on: the running stand's, or those of a deployment in AWS."""

import os
from time import sleep

import boto3
from botocore.config import Config

from cli.stand import running_stand
from emulator.environment import isolate
from lambdas.management.repository import Repository
from model.tables import DEFAULT_PREFIX

_CLIENT_CONFIG = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4}
)


def repository(*, prefix: str | None, region: str | None, api_port: int | None) -> Repository:
    """Return the repository; a prefix or a region means AWS, with its ordinary credentials."""
    if prefix is not None or region is not None:
        client = boto3.client("dynamodb", region_name=region, config=_CLIENT_CONFIG)
        return Repository.over(client, prefix or DEFAULT_PREFIX, sleep)
    facts = running_stand(api_port)
    isolate(os.environ)
    client = boto3.client(
        "dynamodb",
        endpoint_url=facts.aws_url,
        region_name=facts.region,
        aws_access_key_id=facts.access_key_id,
        aws_secret_access_key=facts.secret_access_key,
        config=_CLIENT_CONFIG,
    )
    return Repository.over(client, DEFAULT_PREFIX, sleep)
