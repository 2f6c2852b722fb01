"""A bucket as it is, as far as the caller may look."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cli.policies.evaluation import PolicyProblem, Role, statements_of

T = TypeVar("T")

Statements = Sequence[Mapping[str, Any]]


class Unknown(NamedTuple):
    """What could not be looked at, and why."""

    why: str


class Looked(NamedTuple):
    """A bucket: each thing as it is, or why it is not known."""

    region: str | None
    is_of_account: bool | Unknown
    """Whether it belongs to the account of the roles."""
    policy: "Statements | Unknown"
    kms_key: "str | Unknown | None"
    """The key that encrypts its objects; None where S3's own do."""
    ownership: "str | Unknown"
    """Who owns what others write into it."""
    locks_objects: "bool | Unknown"


class BucketProblem(Exception):
    """A bucket that is not there, or not to be looked at at all."""


# `s3` and `iam` are boto3's: what their clients return has no static type.
def looked_at(s3: Any, bucket: str, account_id: str) -> Looked:
    """Return what is known of a bucket; raises BucketProblem."""
    try:
        head = s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            raise BucketProblem("there is no such bucket") from error
        if status == 403:
            raise BucketProblem(
                "it may not be looked at with these credentials: s3:ListBucket is needed, or run "
                "this with those of its owner and --edge-role and --reaper-role"
            ) from error
        raise BucketProblem(str(error)) from error
    except BotoCoreError as error:
        raise BucketProblem(str(error)) from error
    return Looked(
        region=head.get("BucketRegion"),
        is_of_account=_known(lambda: _is_of_account(s3, bucket, account_id)),
        policy=_known(lambda: _policy(s3, bucket)),
        kms_key=_known(lambda: _kms_key(s3, bucket)),
        ownership=_known(lambda: _ownership(s3, bucket)),
        locks_objects=_known(lambda: _locks_objects(s3, bucket)),
    )


def rights_of(iam: Any, role: Role) -> "Statements | Unknown":
    """Return the statements of a role's own policies."""

    def look() -> Statements:
        found: list[Mapping[str, Any]] = []
        for name in iam.list_role_policies(RoleName=role.name)["PolicyNames"]:
            answer = iam.get_role_policy(RoleName=role.name, PolicyName=name)
            found += statements_of(json.dumps(answer["PolicyDocument"]))
        return found

    return _known(look)


def _known(look: Callable[[], T]) -> "T | Unknown":
    try:
        return look()
    except (BotoCoreError, ClientError, PolicyProblem) as error:
        return Unknown(str(error))


def _absent_is(code: str, absent: T, look: Callable[[], T]) -> T:
    """Return what AWS answers, or `absent` when it answers with an error of this code."""
    try:
        return look()
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return absent


def _is_of_account(s3: Any, bucket: str, account_id: str) -> bool:
    def look() -> bool:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account_id)
        return True

    return _absent_is("403", False, look)


def _policy(s3: Any, bucket: str) -> Statements:
    def look() -> Statements:
        return statements_of(s3.get_bucket_policy(Bucket=bucket)["Policy"])

    return _absent_is("NoSuchBucketPolicy", [], look)


def _kms_key(s3: Any, bucket: str) -> str | None:
    def look() -> str | None:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        chosen = rules["Rules"][0].get("ApplyServerSideEncryptionByDefault", {})
        if not str(chosen.get("SSEAlgorithm", "")).startswith("aws:kms"):
            return None
        return str(chosen.get("KMSMasterKeyID", "alias/aws/s3"))

    return _absent_is("ServerSideEncryptionConfigurationNotFoundError", None, look)


def _ownership(s3: Any, bucket: str) -> str:
    def look() -> str:
        controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
        return str(controls["Rules"][0]["ObjectOwnership"])

    return _absent_is("OwnershipControlsNotFoundError", "ObjectWriter", look)


def _locks_objects(s3: Any, bucket: str) -> bool:
    def look() -> bool:
        answer = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        return "Rule" in answer

    return _absent_is("ObjectLockConfigurationNotFoundError", False, look)
