"""Buckets of other AWS accounts that records may go to (docs/records.md).

A bucket of the own account needs nothing here: its policy names the role, and that is enough. In
another account the bucket's policy permits the role, but only as far as the role's own permits it.
"""

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from infra.findings import accept
from infra.settings import DeploymentSettings


def permit_foreign(
    role: iam.Role, settings: DeploymentSettings, records: Sequence[str], others: Sequence[str] = ()
) -> None:
    """Let a role do in the other buckets what it may in the deployment's own: write objects under
    all these prefixes, and read those of records (EDGE C9)."""
    for bucket in settings.cdr_buckets:
        for prefix in (*records, *others):
            actions = ["s3:PutObject", *(["s3:GetObject"] if prefix in records else [])]
            objects = f"arn:{Aws.PARTITION}:s3:::{bucket}/{prefix}/*"
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[objects]))
            # cdk-nag writes a reference as <AWS::Partition>.
            finding = f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{bucket}/{prefix}/*]"
            accept(role, {finding: "As of a record's name in the deployment's own bucket."})
    if settings.cdr_kms_keys:
        actions, keys = ["kms:GenerateDataKey", "kms:Decrypt"], list(settings.cdr_kms_keys)
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=keys))
