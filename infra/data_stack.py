"""What must outlive every deployment: configuration, numbers, records."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.cdr_bucket import CdrBucket
from infra.settings import DeploymentSettings
from infra.tables import Tables


class DataStack(Stack):
    """The tables and the CDR bucket."""

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-data",
            description="Open Voice Connector: tables and call detail records",
            termination_protection=True,
            analytics_reporting=False,
        )
        Tables(self, "Tables", settings=settings)
        records = CdrBucket(self, "Cdr", settings=settings)
        CfnOutput(
            self,
            "CdrBucketName",
            value=records.bucket.bucket_name,
            description="Give it to UpdateGlobalSettings; until then no record is kept",
        )
