"""The entry point on Lambda: everything is composed while the module is imported.

Environment: OVC_TABLE_PREFIX, OVC_ACCESS_KEYS_SECRET, OVC_SETTINGS (JSON, optional), and what the
AWS SDK reads by itself.
"""

import os

import boto3
from aws_lambda_powertools.logging import Logger
from botocore.config import Config

from lambdas.management.composition import build
from model.settings import Settings

AWS_CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    tcp_keepalive=True,
)
"""Four tries of at most seven seconds stay below the 60 s that the SDKs wait for an answer."""

handler = build(
    settings=Settings.from_json(os.environ.get("OVC_SETTINGS", "{}")),
    table_prefix=os.environ["OVC_TABLE_PREFIX"],
    access_keys_secret=os.environ["OVC_ACCESS_KEYS_SECRET"],
    dynamodb=boto3.client("dynamodb", config=AWS_CLIENT_CONFIG),
    secretsmanager=boto3.client("secretsmanager", config=AWS_CLIENT_CONFIG),
    log=Logger(service="management"),
)
"""Called by Lambda as handler(event, context)."""
