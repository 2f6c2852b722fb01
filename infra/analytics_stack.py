"""Questions about calls: tables over the records, and a place to ask.

A stack of its own: nothing else needs it, and local clouds have no Glue.
"""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.query_workgroup import QueryWorkgroup
from infra.record_tables import RecordTables
from infra.settings import DeploymentSettings


class AnalyticsStack(Stack):
    """Glue tables over the CDR bucket, an Athena workgroup and example queries."""

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-analytics",
            description="Open Voice Connector: questions about call detail records",
            analytics_reporting=False,
        )
        tables = RecordTables(self, "Records", settings=settings)
        QueryWorkgroup(self, "Queries", settings=settings, database=tables.database)
        CfnOutput(
            self,
            "Workgroup",
            value=f"{settings.prefix}-calls",
            description="Athena workgroup in which the example queries are (docs/analytics.md)",
        )
