"""The entry point on Lambda: everything is composed while the module is imported.

Environment: OVC_TABLE_PREFIX, OVC_ACCESS_KEYS_SECRET, OVC_SETTINGS (JSON, optional), and what the
AWS SDK reads by itself.
"""

import os

from aws_lambda_powertools.logging import Logger
from botocore.session import Session

from lambdas.management.composition import AWS_CLIENT_CONFIG, build
from model.settings import Settings

_session = Session()
"""botocore's own: boto3 would add S3 transfers and a fifth to the cold start."""

handler = build(
    settings=Settings.from_json(os.environ.get("OVC_SETTINGS", "{}")),
    table_prefix=os.environ["OVC_TABLE_PREFIX"],
    access_keys_secret=os.environ["OVC_ACCESS_KEYS_SECRET"],
    dynamodb=_session.create_client("dynamodb", config=AWS_CLIENT_CONFIG),
    secretsmanager=_session.create_client("secretsmanager", config=AWS_CLIENT_CONFIG),  # type: ignore[arg-type]  # botocore makes its clients' methods at run time
    log=Logger(service="management"),
)
"""Called by Lambda as handler(event, context)."""
