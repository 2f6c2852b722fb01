"""What is right and wrong with a bucket for records, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from cli.policies.evaluation import Answer, Request, Verdict, evaluated
from cli.policies.looking import Looked, Statements, Unknown
from cli.policies.rights import Need, facts_of

_NO_VERDICT = Verdict(Answer.SILENT, "")
_A_KEY = "11111222223333334444/2026/01/01/00.00.00.000_00000000-0000-4000-8000-000000000000"
"""What comes behind the prefix of a record's key."""


class Mark(Enum):
    """How a finding is to be taken."""

    OK = "ok     "
    UNSURE = "unsure "
    PROBLEM = "PROBLEM"


class Finding(NamedTuple):
    """One line of the report."""

    mark: Mark
    text: str

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.mark.value}  {self.text}"


def findings(
    bucket: str,
    looked: Looked,
    needs: Sequence[Need],
    rights: Mapping[str, "Statements | Unknown"],
    region: str,
) -> Iterator[Finding]:
    """Yield what is found; `rights` has the own statements of each role by its ARN, `region` is the
    edge's."""
    yield _of_region(looked, region)
    for need in needs:
        for action in need.actions:
            for prefix in need.prefixes:
                resource = f"arn:{need.role.partition}:s3:::{bucket}/{prefix}/{_A_KEY}"
                facts = facts_of(need.role, action)
                request = Request(role=need.role, action=action, resource=resource, facts=facts)
                told = f"{action} under {prefix}/ by the {need.who}"
                yield _of_request(told, looked, request, rights[need.role.arn])
    yield from _of_encryption(looked)
    yield from _of_objects(looked)


def _of_region(looked: Looked, region: str) -> Finding:
    if looked.region is None:
        return Finding(Mark.UNSURE, f"S3 does not tell the bucket's region; {region} is wanted")
    if looked.region != region:
        return Finding(
            Mark.PROBLEM,
            f"the bucket is in {looked.region}; the edge writes to buckets in its own region, "
            f"{region}: choose one there",
        )
    return Finding(Mark.OK, f"the bucket is in {region}, as the edge is")


def _of_request(
    told: str, looked: Looked, request: Request, rights: "Statements | Unknown"
) -> Finding:
    if isinstance(looked.policy, Unknown):
        return Finding(
            Mark.UNSURE, f"{told}: the bucket's policy cannot be read: {looked.policy.why}"
        )
    theirs = evaluated(looked.policy, request)
    ours = _NO_VERDICT if isinstance(rights, Unknown) else evaluated(rights, request, of_role=True)
    for verdict, whose in ((theirs, "the bucket's policy"), (ours, "the role's own policy")):
        where = f"{told}: {verdict.statement!r} of {whose}"
        if verdict.answer is Answer.DENIES:
            return Finding(Mark.PROBLEM, f"{where} denies it")
        if verdict.answer is Answer.MAY_DENY:
            return Finding(
                Mark.UNSURE, f"{where} denies it under a condition that cannot be judged from here"
            )
    if isinstance(looked.is_of_account, Unknown):
        return Finding(
            Mark.UNSURE, f"{told}: whose the bucket is cannot be told: {looked.is_of_account.why}"
        )
    if looked.is_of_account:
        return _in_one_account(told, theirs, ours, rights)
    return _across_accounts(told, theirs, ours, rights)


def _in_one_account(
    told: str, theirs: Verdict, ours: Verdict, rights: "Statements | Unknown"
) -> Finding:
    """Judge where either policy is enough."""
    if theirs.answer is Answer.ALLOWS:
        return Finding(Mark.OK, f"{told}: {theirs.statement!r} of the bucket's policy allows it")
    if ours.answer is Answer.ALLOWS:
        return Finding(Mark.OK, f"{told}: {ours.statement!r} of the role's own policy allows it")
    for verdict in (theirs, ours):
        if verdict.answer is Answer.MAY_ALLOW:
            return Finding(
                Mark.UNSURE,
                f"{told}: {verdict.statement!r} allows it under a condition that cannot be judged "
                "from here",
            )
    if isinstance(rights, Unknown):
        return Finding(
            Mark.UNSURE,
            f"{told}: the bucket's policy does not allow it; whether the role's own does cannot be "
            f"read: {rights.why}",
        )
    return Finding(Mark.PROBLEM, f"{told}: nothing allows it; the policy below does")


def _across_accounts(
    told: str, theirs: Verdict, ours: Verdict, rights: "Statements | Unknown"
) -> Finding:
    """Judge a bucket of another account, where both policies have to allow it."""
    if theirs.answer is Answer.MAY_ALLOW:
        return Finding(
            Mark.UNSURE,
            f"{told}: {theirs.statement!r} of the bucket's policy allows it under a condition that "
            "cannot be judged from here",
        )
    if theirs.answer is Answer.SILENT:
        return Finding(
            Mark.PROBLEM,
            f"{told}: the bucket's policy does not allow it to a role of another account; the "
            "policy below does",
        )
    if isinstance(rights, Unknown):
        return Finding(
            Mark.UNSURE,
            f"{told}: the bucket's policy allows it; whether the role's own does cannot be read: "
            f"{rights.why}",
        )
    if ours.answer is Answer.ALLOWS:
        return Finding(Mark.OK, f"{told}: the bucket's policy and the role's own allow it")
    return Finding(
        Mark.PROBLEM,
        f"{told}: the bucket belongs to another account, and the role's own policy does not allow "
        "it: add the bucket to ovc:cdr_buckets and deploy",
    )


def _of_encryption(looked: Looked) -> Iterator[Finding]:
    key = looked.kms_key
    if isinstance(key, Unknown):
        yield Finding(Mark.UNSURE, f"how objects are encrypted cannot be read: {key.why}")
    elif key is None:
        yield Finding(Mark.OK, "objects are encrypted with S3's own keys, which need no right")
    elif not key.endswith("alias/aws/s3"):
        yield Finding(
            Mark.UNSURE,
            f"objects are encrypted with {key}: its policy has to allow kms:GenerateDataKey and "
            "kms:Decrypt to edge and reaper; for a key of another account "
            "ovc:cdr_kms_keys gives the roles their part of it",
        )
    elif looked.is_of_account is True:
        yield Finding(Mark.OK, "objects are encrypted with the key aws/s3, open to this account")
    else:
        yield Finding(
            Mark.PROBLEM,
            "objects are encrypted with the key aws/s3, which no other account can use: choose "
            "S3's own keys (SSE-S3), or a key of your own",
        )


def _of_objects(looked: Looked) -> Iterator[Finding]:
    owner = looked.ownership
    if isinstance(owner, Unknown):
        yield Finding(Mark.UNSURE, f"who owns the objects cannot be read: {owner.why}")
    elif looked.is_of_account is not True and owner != "BucketOwnerEnforced":
        yield Finding(
            Mark.PROBLEM,
            f"its object ownership is {owner}: records would belong to the edge's account; choose "
            "BucketOwnerEnforced",
        )
    else:
        yield Finding(Mark.OK, "the bucket's owner owns the objects")
    if isinstance(looked.locks_objects, Unknown):
        yield Finding(Mark.UNSURE, f"Object Lock cannot be read: {looked.locks_objects.why}")
    elif looked.locks_objects:
        yield Finding(
            Mark.PROBLEM,
            "it has Object Lock with a default retention: S3 wants a checksum in each request "
            "then, and the edge sends none; choose a bucket without that",
        )
