"""Where questions are asked: an Athena workgroup with a limit, its results, example queries."""

from aws_cdk import Duration
from aws_cdk import aws_athena as athena
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.customer_key import customer_key
from infra.findings import accept
from infra.private_bucket import private_bucket
from infra.record_queries import queries_of
from infra.settings import DeploymentSettings

MOST_BYTES = 10 * 1024**3
"""Of one query: five cents. A record has about 450 octets, so this is twenty million calls."""
RESULTS_KEPT_DAYS = 7


class QueryWorkgroup(Construct):
    """A workgroup whose settings nobody can get round."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings, database: str
    ) -> None:
        super().__init__(scope, construct_id)
        key = customer_key(self, settings)
        results = self._results(key)
        workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=f"{settings.prefix}-calls",
            description="Questions about Voice Connector call detail records",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                bytes_scanned_cutoff_per_query=MOST_BYTES,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{results.bucket_name}/",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_S3" if key is None else "SSE_KMS",
                        kms_key=None if key is None else key.key_arn,
                    ),
                ),
            ),
        )
        for query in queries_of(settings.operator.records):
            named = athena.CfnNamedQuery(
                self,
                query.name.title().replace(" ", ""),
                name=query.name,
                description=query.description,
                database=database,
                query_string=query.sql,
                work_group=workgroup.name,
            )
            named.add_dependency(workgroup)

    def _results(self, key: kms.IKey | None) -> s3.Bucket:
        bucket = private_bucket(
            self,
            "Results",
            key=key,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="end-results",
                    expiration=Duration.days(RESULTS_KEPT_DAYS),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
        accept(
            bucket,
            {
                "AwsSolutions-S1": "Results are gone after a week, and Athena keeps a history of "
                "who asked what; CloudTrail data events tell of reads on demand."
            },
        )
        return bucket
