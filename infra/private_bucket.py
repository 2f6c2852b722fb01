"""What every bucket of a deployment has in common."""

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct


def private_bucket(
    scope: Construct,
    construct_id: str,
    *,
    key: kms.IKey | None,
    lifecycle_rules: Sequence[s3.LifecycleRule],
    bucket_name: str | None = None,
    versioned: bool | None = None,
) -> s3.Bucket:
    """Return a bucket that is closed to the public, spoken to over TLS only, and kept when its
    stack goes; its objects are encrypted by `key`, without one by S3's own."""
    return s3.Bucket(
        scope,
        construct_id,
        bucket_name=bucket_name,
        encryption=s3.BucketEncryption.S3_MANAGED if key is None else s3.BucketEncryption.KMS,
        encryption_key=key,
        # One request to KMS for many objects instead of one for each.
        bucket_key_enabled=None if key is None else True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=versioned,
        lifecycle_rules=lifecycle_rules,
        # CloudFormation deletes no bucket that has something in it.
        removal_policy=RemovalPolicy.RETAIN,
    )
