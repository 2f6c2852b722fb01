"""The bucket of the call detail records (EDGE C1)."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.findings import accept
from infra.log_bucket import RECORD_LOGS
from infra.names import bucket_name
from infra.private_bucket import private_bucket
from infra.settings import DeploymentSettings
from model.recordings import RECORDING_PREFIX

DELETED_KEPT_DAYS = 90
"""How long a record that somebody deleted or overwrote can still be brought back."""

RECORDINGS_KEPT_DAYS = 7
"""Somebody looks for a fault in them; what was said in those calls should not lie around."""


class CdrBucket(Construct):
    """Private, encrypted, over TLS only, versioned, and kept when the stack goes.

    Records are a few hundred bytes each: colder storage classes bill an object as 128 KiB, so none
    is used.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        key: kms.Key | None,
        logs: s3.Bucket | None,
    ) -> None:
        """Make the bucket; its objects are encrypted by `key`, without one by S3's own, and what is
        asked of it is written into the bucket `logs`."""
        super().__init__(scope, construct_id)
        self.bucket = private_bucket(
            self,
            "Bucket",
            key=key,
            lifecycle_rules=_lifecycle_rules(settings.cdr_retention_days),
            bucket_name=bucket_name(settings),
            versioned=True,
        )
        assert self.bucket.policy is not None, "enforce_ssl makes one"
        # The bucket outlives the stack, and so must the rule that it is spoken to over TLS.
        self.bucket.policy.apply_removal_policy(RemovalPolicy.RETAIN)
        if logs is not None:
            self._log_into(logs)
            return
        accept(
            self.bucket,
            {
                "AwsSolutions-S1": "An access log line is as large as the record it tells of, and "
                "needs a second bucket of personal data: ovc:access_logs is for who wants it."
            },
        )

    def _log_into(self, logs: s3.Bucket) -> None:
        # The construct's own way gives the right to write by an ACL, which the bucket has none of.
        made = self.bucket.node.default_child
        assert isinstance(made, s3.CfnBucket)
        made.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=logs.bucket_name, log_file_prefix=f"{RECORD_LOGS}/"
        )
        # S3 tries whether it may write.
        assert logs.policy is not None, "who may write logs is in it"
        self.bucket.node.add_dependency(logs.policy)


def _lifecycle_rules(retention_days: int) -> list[s3.LifecycleRule]:
    rules = [
        s3.LifecycleRule(
            id="end-what-was-deleted",
            noncurrent_version_expiration=Duration.days(DELETED_KEPT_DAYS),
            abort_incomplete_multipart_upload_after=Duration.days(1),
        ),
        s3.LifecycleRule(
            id="end-recordings",
            prefix=f"{RECORDING_PREFIX}/",
            expiration=Duration.days(RECORDINGS_KEPT_DAYS),
            noncurrent_version_expiration=Duration.days(1),
        ),
    ]
    if retention_days:
        rules.append(s3.LifecycleRule(id="retention", expiration=Duration.days(retention_days)))
    else:
        # An expiration by age would remove such markers by itself.
        rules.append(s3.LifecycleRule(id="empty-markers", expired_object_delete_marker=True))
    return rules
