"""The entry point on Lambda: everything is composed while the module is imported.

Environment: OVC_TABLE_PREFIX, OVC_SETTINGS (JSON, optional), and what the AWS SDK reads by itself.
"""

import os

from aws_lambda_powertools.logging import Logger
from botocore.session import Session

from lambdas.call_reaper.composition import AWS_CLIENT_CONFIG, build
from lambdas.call_reaper.ecs_tasks import EcsTasks
from lambdas.counting import counting
from lambdas.management.composition import AWS_CLIENT_CONFIG as DATABASE_CLIENT_CONFIG
from model.metrics import deployment_dimensions
from model.settings import Settings

_settings = Settings.from_json(os.environ.get("OVC_SETTINGS", "{}"))
_session = Session()
_log = Logger(service="call_reaper")
handler = build(
    settings=_settings,
    table_prefix=os.environ["OVC_TABLE_PREFIX"],
    dynamodb=_session.create_client("dynamodb", config=DATABASE_CLIENT_CONFIG),
    s3=_session.create_client("s3", config=AWS_CLIENT_CONFIG),
    tasks=EcsTasks(_session.create_client("ecs", config=AWS_CLIENT_CONFIG), _log),
    log=_log,
    count=counting(deployment_dimensions(os.environ["OVC_TABLE_PREFIX"], _settings.region)),
)
"""Called by Lambda as handler(event, context)."""
