"""The bucket of access logs: who asked the API for what, and who asked for records.

Made only where something writes into it. Logs name people: addresses, phone numbers in the paths of
requests, connectors and times in the names of records. So they end with the log lines, and nobody
reads them but who has a right to this bucket. SSE-S3 encrypts them also where the deployment has a
key of its own, for neither load balancers nor S3 can write logs with another.
"""

from aws_cdk import ArnFormat, Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.findings import accept
from infra.names import bucket_name, log_bucket_parameter_name
from infra.private_bucket import private_bucket
from infra.settings import DeploymentSettings

API_LOGS, RECORD_LOGS = "api", "cdr"
"""What the names of logs begin with: those of the API's load balancer, and of the CDR bucket."""


def has_log_bucket(settings: DeploymentSettings) -> bool:
    """Tell whether anything of a deployment writes access logs."""
    return bool(settings.api_domain) or settings.access_logs


class LogBucket(Construct):
    """Private, over TLS only, written by the services that log, and kept when the stack goes.

    CloudFormation could not delete it anyway as long as it holds something; it empties itself. Its
    name is made up, so that it does not stand in the way of a successor.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = private_bucket(
            self,
            "Bucket",
            # Neither load balancers nor S3 write into a bucket with another key.
            key=None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="end-logs",
                    expiration=Duration.days(settings.log_retention_days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
        if settings.api_domain:
            self.bucket.add_to_resource_policy(self._from_balancers())
        if settings.access_logs:
            self.bucket.add_to_resource_policy(self._from_records(settings))
        assert self.bucket.policy is not None, "enforce_ssl makes one"
        self.bucket.policy.apply_removal_policy(RemovalPolicy.RETAIN)
        accept(
            self.bucket,
            {"AwsSolutions-S1": "It is where access logs go: its own would never come to an end."},
        )
        ssm.StringParameter(
            self,
            "Name",
            parameter_name=log_bucket_parameter_name(settings),
            description="Name of the bucket of access logs, for whoever writes some",
            string_value=self.bucket.bucket_name,
        )

    def _from_balancers(self) -> iam.PolicyStatement:
        """Let Elastic Load Balancing write.

        The account in the name is that of the balancer, whoever asked for its logs: no condition
        has to say so again. Access logs that are refused are lost without a word.
        """
        return iam.PolicyStatement(
            principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
            actions=["s3:PutObject"],
            resources=[
                self.bucket.arn_for_objects(f"{API_LOGS}/AWSLogs/{Aws.ACCOUNT_ID}/*"),
            ],
        )

    def _from_records(self, settings: DeploymentSettings) -> iam.PolicyStatement:
        """Let S3 write what it is asked of the CDR bucket."""
        records = Stack.of(self).format_arn(
            service="s3",
            account="",
            region="",
            resource=bucket_name(settings),
            arn_format=ArnFormat.NO_RESOURCE_NAME,
        )
        return iam.PolicyStatement(
            principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
            actions=["s3:PutObject"],
            resources=[self.bucket.arn_for_objects(f"{RECORD_LOGS}/*")],
            conditions={
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                "ArnEquals": {"aws:SourceArn": records},
            },
        )
