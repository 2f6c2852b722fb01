"""The entry point on Lambda: everything is composed while the module is imported.

Environment: OVC_TABLE_PREFIX, and what the AWS SDK reads by itself.
"""

import os

from botocore.session import Session

from lambdas.config_feed.composition import build
from lambdas.management.composition import AWS_CLIENT_CONFIG

handler = build(
    table_prefix=os.environ["OVC_TABLE_PREFIX"],
    dynamodb=Session().create_client("dynamodb", config=AWS_CLIENT_CONFIG),
)
"""Called by Lambda as handler(event, context)."""
