"""What must outlive every deployment: configuration, numbers, records, and the key to them."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.cdr_bucket import CdrBucket
from infra.customer_key import CustomerKey
from infra.log_bucket import LogBucket, has_log_bucket
from infra.settings import DeploymentSettings
from infra.tables import Tables


class DataStack(Stack):
    """The tables and the CDR bucket; a bucket of access logs and a key where they are wanted."""

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-data",
            description="Open Voice Connector: tables and call detail records",
            termination_protection=True,
            analytics_reporting=False,
        )
        made = CustomerKey(self, "Key", settings=settings) if settings.has_customer_key else None
        key = made.key if made is not None and settings.encrypts_by_customer_key else None
        Tables(self, "Tables", settings=settings, key=key)
        logs = LogBucket(self, "Logs", settings=settings) if has_log_bucket(settings) else None
        records = CdrBucket(
            self,
            "Cdr",
            settings=settings,
            key=key,
            logs=logs.bucket if logs is not None and settings.access_logs else None,
        )
        CfnOutput(
            self,
            "CdrBucketName",
            value=records.bucket.bucket_name,
            description="Give it to UpdateGlobalSettings; until then no record is kept",
        )
        if logs is not None:
            CfnOutput(
                self,
                "LogBucketName",
                value=logs.bucket.bucket_name,
                description="Where access logs go",
            )
