"""Roles and buckets for tests of policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from cli.policies.evaluation import Role
from cli.policies.looking import Looked

EDGE = Role.from_arn("arn:aws:iam::111122223333:role/ovc-edge-TaskRole-1A")
REAPER = Role.from_arn("arn:aws:iam::111122223333:role/service/ovc-api-Reaper-2B")
REGION = "us-east-1"
BUCKET = "customer-cdrs"
RECORDS = "Amazon-Chime-Voice-Connector-CDRs/json"


def allow(**members: Any) -> Mapping[str, Any]:
    """Return a statement that lets the edge store records, unless something else is said."""
    return {
        "Sid": "Let",
        "Effect": "Allow",
        "Principal": {"AWS": EDGE.arn},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/{RECORDS}/*",
        **members,
    }


def deny(**members: Any) -> Mapping[str, Any]:
    """Return a statement that lets nobody store anything, unless something else is said."""
    return {
        "Sid": "No",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        **members,
    }


def bucket(policy: Sequence[Mapping[str, Any]] = (), **changes: Any) -> Looked:
    """Return a bucket as it is made today, in the account of the roles."""
    usual = Looked(
        region=REGION,
        is_of_account=True,
        policy=list(policy),
        kms_key=None,
        ownership="BucketOwnerEnforced",
        locks_objects=False,
    )
    return usual._replace(**changes)
