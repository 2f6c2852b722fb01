"""What a deployment needs to be allowed in a bucket of records, and the policy that allows it.

Within one account the bucket's policy is enough, since it names the roles. A bucket of another
account needs it as well, and the roles need a right of their own: `ovc:cdr_buckets` gives it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cli.policies.conditions import Facts
from cli.policies.evaluation import Role
from model.cqr import QUALITY_PREFIX
from model.recordings import RECORDING_PREFIX
from model.settings import Settings

PUT, GET = "s3:PutObject", "s3:GetObject"

_RECORDS = "records"
_NOT_IN_SID = re.compile(r"[^A-Za-z0-9]")


class Need(NamedTuple):
    """What one part of a deployment does with a bucket."""

    who: str
    what: str
    """A word for the objects."""
    role: Role
    actions: tuple[str, ...]
    prefixes: tuple[str, ...]
    """Of the keys of its objects."""

    def resources(self, bucket: str) -> list[str]:
        """Return the ARNs of its objects."""
        return [f"arn:{self.role.partition}:s3:::{bucket}/{it}/*" for it in self.prefixes]


def needs_of(settings: Settings, edge: Role, reaper: Role | None) -> list[Need]:
    """Return all needs of a deployment with these settings (EDGE C1, C9, X10)."""
    others = [
        *([QUALITY_PREFIX] if settings.records.quality else []),
        *([RECORDING_PREFIX] if settings.recording.allowed else []),
    ]
    # A record that is there already is read: the row takes its end from it.
    needs = [Need("edge", _RECORDS, edge, (PUT, GET), settings.records.prefixes)]
    if others:
        needs.append(Need("edge", "others", edge, (PUT,), tuple(others)))
    if reaper is not None:
        needs.append(Need("reaper", _RECORDS, reaper, (PUT, GET), settings.records.prefixes))
    return needs


def statements_for(
    bucket: str, deployment: str, needs: Sequence[Need]
) -> list[Mapping[str, object]]:
    """Return the statements of a bucket's policy that give exactly what is needed."""
    return [
        {
            "Sid": _NOT_IN_SID.sub("", deployment).capitalize()
            + need.who.capitalize()
            + need.what.capitalize(),
            "Effect": "Allow",
            "Principal": {"AWS": need.role.arn},
            "Action": list(need.actions),
            "Resource": need.resources(bucket),
        }
        for need in needs
    ]


def policy_with(
    present: Sequence[Mapping[str, Any]], added: Sequence[Mapping[str, object]]
) -> Mapping[str, object]:
    """Return the whole policy: what is there already, and the statements, each of them once."""
    names = {statement["Sid"] for statement in added}
    kept = [it for it in present if it.get("Sid") not in names]
    return {"Version": "2012-10-17", "Statement": [*kept, *added]}


def key_statements(needs: Sequence[Need]) -> list[Mapping[str, object]]:
    """Return the statements that the policy of a KMS key needs, where one encrypts the objects."""
    return [
        {
            "Sid": f"{need.who.capitalize()}Records",
            "Effect": "Allow",
            "Principal": {"AWS": need.role.arn},
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
        }
        for need in needs
        if need.what == _RECORDS
    ]


def facts_of(role: Role, action: str) -> Facts:
    """Return what a request for an object brings along, and what it never does."""
    never = ("acl", "server-side-encryption", "server-side-encryption-aws-kms-key-id")
    return {
        "aws:securetransport": "true",
        "aws:principalarn": role.arn,
        "aws:principalaccount": role.account_id,
        "aws:principaltype": "AssumedRole",
        # At least.
        "s3:tlsversion": "1.2",
        **({"s3:if-none-match": "*"} if action == PUT else {}),
        **{f"s3:x-amz-{name}": None for name in never},
        "s3:x-amz-storage-class": None,
    }
