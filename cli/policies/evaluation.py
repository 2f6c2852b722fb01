"""What a policy says to a request: which statement allows it, and which one denies it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from cli.policies.conditions import Facts, Match, all_of, judged, matches

_ROLE = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):role/([\w+=,.@/-]+)", re.ASCII)


class PolicyProblem(ValueError):
    """What is no policy, or no ARN of a role; the text says why."""


class Role(NamedTuple):
    """A role as policies name it."""

    arn: str
    partition: str
    """`aws`, or that of another part of AWS."""
    account_id: str
    name: str

    @classmethod
    def from_arn(cls, arn: str) -> "Role":
        """Return the role of an ARN; raises PolicyProblem."""
        found = _ROLE.fullmatch(arn)
        if found is None:
            raise PolicyProblem(
                f"{arn!r} is no ARN of a role such as arn:aws:iam::111122223333:role/name"
            )
        return cls(arn, found[1], found[2], found[3].rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to do."""

    role: Role
    action: str
    """As s3:PutObject."""
    resource: str
    """ARN of the object."""
    facts: Facts


class Answer(Enum):
    """What a policy says."""

    ALLOWS = "allows"
    ALLOWS_ACCOUNT = "allows the account, which has to allow the role"
    MAY_ALLOW = "may allow"
    SILENT = "says nothing"
    MAY_DENY = "may deny"
    DENIES = "denies"


class Verdict(NamedTuple):
    """An answer, and the statement that it comes from."""

    answer: Answer
    statement: str
    """Its Sid, or which one it is; empty when none is about the request."""


_ORDER = [
    *(Answer.DENIES, Answer.MAY_DENY, Answer.ALLOWS, Answer.ALLOWS_ACCOUNT, Answer.MAY_ALLOW),
    Answer.SILENT,
]
"""The first of those that statements give counts: whatever denies, wins."""


def statements_of(policy: str) -> list[Mapping[str, Any]]:
    """Return the statements of a policy's text; raises PolicyProblem."""
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise PolicyProblem(f"the policy cannot be read: {error!r}") from error
    listed = statements if isinstance(statements, list) else [statements]
    for statement in listed:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise PolicyProblem("the policy has a statement that is none")
    return listed


def evaluated(
    statements: Sequence[Mapping[str, Any]], request: Request, *, of_role: bool = False
) -> Verdict:
    """Return what the statements say; those `of_role` itself name no principal."""
    verdicts = [*_verdicts(statements, request, of_role), Verdict(Answer.SILENT, "")]
    return min(verdicts, key=lambda verdict: _ORDER.index(verdict.answer))


def _verdicts(
    statements: Sequence[Mapping[str, Any]], request: Request, of_role: bool
) -> Iterator[Verdict]:
    for number, statement in enumerate(statements, 1):
        name = str(statement.get("Sid") or f"statement {number}")
        principal, by_account = (
            (Match.YES, False) if of_role else _principal(statement, request.role)
        )
        match = all_of(
            [
                principal,
                _listed(statement, "Action", request.action, ignore_case=True),
                _listed(statement, "Resource", request.resource),
                judged(statement.get("Condition", {}), request.facts),
            ]
        )
        is_allow = statement["Effect"] == "Allow"
        if match is Match.YES and is_allow:
            yield Verdict(Answer.ALLOWS_ACCOUNT if by_account else Answer.ALLOWS, name)
        elif match is Match.YES:
            yield Verdict(Answer.DENIES, name)
        elif match is Match.UNKNOWN:
            yield Verdict(Answer.MAY_ALLOW if is_allow else Answer.MAY_DENY, name)


def _principal(statement: Mapping[str, Any], role: Role) -> tuple[Match, bool]:
    """Return whether a statement is about a role, and whether only about its account."""
    if "NotPrincipal" in statement:
        named = _is_among(statement["NotPrincipal"], role)
        # To except a role, AWS wants its session and its account named beside it.
        return (Match.YES, False) if named is None else (Match.UNKNOWN, False)
    found = _is_among(statement.get("Principal", {}), role)
    return (Match.NO, False) if found is None else (Match.YES, found)


def _is_among(principal: object, role: Role) -> bool | None:
    """Return whether a principal names a role by its account only; None when it names it not."""
    if principal == "*":
        return False
    if not isinstance(principal, dict):
        return None
    names = _list(principal.get("AWS", []))
    if "*" in names or role.arn in names:
        return False
    account = {role.account_id, f"arn:{role.partition}:iam::{role.account_id}:root"}
    return True if account & set(names) else None


def _listed(
    statement: Mapping[str, Any], name: str, wanted: str, *, ignore_case: bool = False
) -> Match:
    """Return whether an action or a resource is one of a statement's."""
    negated = f"Not{name}"
    patterns = _list(statement.get(name, statement.get(negated, [])))
    is_among = any(matches(it, wanted, ignore_case=ignore_case) for it in patterns)
    if not is_among and any("${" in it for it in patterns):
        return Match.UNKNOWN
    return Match.YES if is_among is (negated not in statement) else Match.NO


def _list(value: object) -> list[str]:
    return [str(it) for it in value] if isinstance(value, list) else [str(value)]
