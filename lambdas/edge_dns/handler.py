"""The entry point on Lambda: everything is composed while the module is imported.

Environment: OVC_TABLE_PREFIX, OVC_SETTINGS (JSON), OVC_HOSTED_ZONE_ID where there is a zone,
OVC_CLUSTER and OVC_SERVICE, the names of the edge's ECS cluster and service, and what the AWS SDK
reads by itself.
"""

import os

from aws_lambda_powertools.logging import Logger
from botocore.session import Session

from lambdas.call_reaper.composition import AWS_CLIENT_CONFIG
from lambdas.counting import counting
from lambdas.edge_dns.composition import build
from lambdas.edge_dns.ecs_service import EcsService
from lambdas.management.composition import AWS_CLIENT_CONFIG as DATABASE_CLIENT_CONFIG
from model.metrics import deployment_dimensions
from model.settings import Settings

_settings = Settings.from_json(os.environ["OVC_SETTINGS"])
_session = Session()
_log = Logger(service="edge_dns")
handler = build(
    table_prefix=os.environ["OVC_TABLE_PREFIX"],
    dynamodb=_session.create_client("dynamodb", config=DATABASE_CLIENT_CONFIG),
    route53=_session.create_client("route53", config=AWS_CLIENT_CONFIG),
    zone_id=os.environ.get("OVC_HOSTED_ZONE_ID", ""),
    domain=_settings.domain,
    ask_ecs=EcsService(
        _session.create_client("ecs", config=AWS_CLIENT_CONFIG),
        os.environ["OVC_CLUSTER"],
        os.environ["OVC_SERVICE"],
        _log,
    ),
    log=_log,
    count=counting(deployment_dimensions(os.environ["OVC_TABLE_PREFIX"], _settings.region)),
)
"""Called by Lambda as handler(event, context)."""
