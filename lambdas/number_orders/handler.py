"""The entry point on Lambda: everything is composed while the module is imported.

Environment: OVC_TABLE_PREFIX, OVC_SETTINGS (JSON, optional), and what the AWS SDK reads by itself.
"""

import os

from aws_lambda_powertools.logging import Logger
from botocore.session import Session

from lambdas.management.composition import AWS_CLIENT_CONFIG
from lambdas.number_orders.composition import build
from model.settings import Settings

handler = build(
    settings=Settings.from_json(os.environ.get("OVC_SETTINGS", "{}")),
    table_prefix=os.environ["OVC_TABLE_PREFIX"],
    dynamodb=Session().create_client("dynamodb", config=AWS_CLIENT_CONFIG),
    log=Logger(service="number_orders"),
)
"""Called by Lambda as handler(event, context)."""
