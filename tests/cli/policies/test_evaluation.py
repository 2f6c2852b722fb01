"""What a bucket's policy says to a request: principals, wildcards, conditions, and who wins."""

import json
from typing import Any

import pytest

from cli.policies.evaluation import (
    Answer,
    PolicyProblem,
    Request,
    Role,
    evaluated,
    statements_of,
)
from cli.policies.rights import PUT, facts_of
from tests.cli.policies.samples import BUCKET, EDGE, REAPER, RECORDS, allow, deny

REQUEST = Request(
    role=EDGE,
    action=PUT,
    resource=f"arn:aws:s3:::{BUCKET}/{RECORDS}/vc/2026/11/26/10.00.00.000_id",
    facts=facts_of(EDGE, PUT),
)


def answer(*statements: Any) -> Answer:
    return evaluated(statements, REQUEST).answer


@pytest.mark.parametrize(
    ("principal", "said"),
    [
        ("*", Answer.ALLOWS),
        ({"AWS": "*"}, Answer.ALLOWS),
        ({"AWS": EDGE.arn}, Answer.ALLOWS),
        ({"AWS": [REAPER.arn, EDGE.arn]}, Answer.ALLOWS),
        ({"AWS": "arn:aws:iam::111122223333:root"}, Answer.ALLOWS_ACCOUNT),
        ({"AWS": "111122223333"}, Answer.ALLOWS_ACCOUNT),
        ({"AWS": REAPER.arn}, Answer.SILENT),
        ({"AWS": "arn:aws:iam::444455556666:root"}, Answer.SILENT),
        ({"Service": "ecs-tasks.amazonaws.com"}, Answer.SILENT),
        # A wildcard in an ARN is none in a principal.
        ({"AWS": "arn:aws:iam::111122223333:role/*"}, Answer.SILENT),
    ],
)
def test_principals_are_roles_accounts_or_everybody(principal: Any, said: Answer) -> None:
    assert answer(allow(Principal=principal)) is said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Action": "s3:*"}, Answer.ALLOWS),
        ({"Action": ["s3:GetObject", "s3:Put*"]}, Answer.ALLOWS),
        ({"Action": "S3:PUTOBJECT"}, Answer.ALLOWS),
        ({"Action": "s3:PutObjectAcl"}, Answer.SILENT),
        ({"Action": "s3:GetObject"}, Answer.SILENT),
        ({"Resource": "*"}, Answer.ALLOWS),
        ({"Resource": f"arn:aws:s3:::{BUCKET}/*"}, Answer.ALLOWS),
        ({"Resource": f"arn:aws:s3:::customer-cdr?/{RECORDS}/*"}, Answer.ALLOWS),
        ({"Resource": f"arn:aws:s3:::{BUCKET}"}, Answer.SILENT),
        ({"Resource": f"arn:aws:s3:::{BUCKET}/{RECORDS.lower()}/*"}, Answer.SILENT),
        ({"Resource": f"arn:aws:s3:::{BUCKET}/${{aws:username}}/*"}, Answer.MAY_ALLOW),
    ],
)
def test_actions_and_resources_have_wildcards(changes: Any, said: Answer) -> None:
    assert answer(allow(**changes)) is said


def without(statement: Any, name: str, **more: Any) -> Any:
    return {key: value for key, value in statement.items() if key != name} | more


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (without(deny(), "Action", NotAction="s3:GetObject"), Answer.DENIES),
        (without(deny(), "Action", NotAction="s3:Put*"), Answer.SILENT),
        (without(deny(), "Resource", NotResource=f"arn:aws:s3:::{BUCKET}/other/*"), Answer.DENIES),
        (without(deny(), "Resource", NotResource=f"arn:aws:s3:::{BUCKET}/Ama*"), Answer.SILENT),
        (without(deny(), "Principal", NotPrincipal={"AWS": REAPER.arn}), Answer.DENIES),
        (without(deny(), "Principal", NotPrincipal={"AWS": EDGE.arn}), Answer.MAY_DENY),
    ],
)
def test_what_is_excepted(statement: Any, said: Answer) -> None:
    assert answer(statement) is said


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, Answer.SILENT),
        ({"Bool": {"aws:SecureTransport": True}}, Answer.DENIES),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, Answer.SILENT),
        ({"NumericLessThan": {"s3:TlsVersion": 1.3}}, Answer.DENIES),
        ({"NumericLessThan": {"s3:TlsVersion": "new"}}, Answer.MAY_DENY),
        ({"Null": {"s3:if-none-match": "true"}}, Answer.SILENT),
        ({"Null": {"s3:x-amz-server-side-encryption": "true"}}, Answer.DENIES),
        ({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, Answer.DENIES),
        ({"StringNotEqualsIfExists": {"s3:x-amz-acl": "private"}}, Answer.DENIES),
        ({"StringEquals": {"s3:x-amz-acl": "public-read"}}, Answer.SILENT),
        ({"StringEqualsIfExists": {"s3:x-amz-acl": "public-read"}}, Answer.DENIES),
        ({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}, Answer.SILENT),
        ({"StringNotEquals": {"aws:PrincipalAccount": ["444455556666"]}}, Answer.DENIES),
        (
            {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/ovc-*"}},
            Answer.SILENT,
        ),
        ({"ArnNotEquals": {"aws:PrincipalArn": REAPER.arn}}, Answer.DENIES),
        ({"StringNotLike": {"aws:PrincipalArn": "*ovc-edge*"}}, Answer.SILENT),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, Answer.MAY_DENY),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, Answer.MAY_DENY),
        ({"StringEquals": {"aws:PrincipalArn": "${aws:PrincipalArn}"}}, Answer.MAY_DENY),
        ({"ForAnyValue:StringEquals": {"aws:PrincipalArn": EDGE.arn}}, Answer.MAY_DENY),
        (
            {
                "Bool": {"aws:SecureTransport": "false"},
                "NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"},
            },
            Answer.SILENT,
        ),
    ],
)
def test_conditions_hold_do_not_or_cannot_be_judged(condition: Any, said: Answer) -> None:
    assert answer(deny(Condition=condition)) is said


def test_whatever_denies_wins_and_is_named() -> None:
    unsure = deny(Sid="Vpc", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})
    unnamed = without(deny(), "Sid")
    assert evaluated([allow(), deny()], REQUEST) == (Answer.DENIES, "No")
    assert evaluated([allow(), unsure], REQUEST) == (Answer.MAY_DENY, "Vpc")
    assert evaluated([allow(), unnamed], REQUEST) == (Answer.DENIES, "statement 2")
    assert evaluated([allow()], REQUEST) == (Answer.ALLOWS, "Let")
    assert evaluated([], REQUEST) == (Answer.SILENT, "")


def test_statements_of_a_role_name_nobody() -> None:
    own = without(allow(), "Principal")
    assert evaluated([own], REQUEST, of_role=True).answer is Answer.ALLOWS
    assert evaluated([own], REQUEST).answer is Answer.SILENT


def test_a_policy_may_have_one_statement_without_a_list() -> None:
    assert statements_of(json.dumps({"Statement": allow()})) == [allow()]


@pytest.mark.parametrize(
    "policy", ["", "[]", "{}", '{"Statement": ["x"]}', '{"Statement": [{"Effect": "Perhaps"}]}']
)
def test_what_is_no_policy_is_told(policy: str) -> None:
    with pytest.raises(PolicyProblem, match="the policy"):
        statements_of(policy)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::111122223333:role/edge", "edge"),
        ("arn:aws-cn:iam::111122223333:role/a/b/edge+1@x", "edge+1@x"),
    ],
)
def test_a_role_has_an_arn(arn: str, name: str) -> None:
    role = Role.from_arn(arn)
    assert (role.arn, role.account_id, role.name) == (arn, "111122223333", name)


@pytest.mark.parametrize(
    "arn", ["", "edge", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:user/x"]
)
def test_what_is_no_arn_of_a_role_is_told(arn: str) -> None:
    with pytest.raises(PolicyProblem, match="is no ARN of a role such as"):
        Role.from_arn(arn)
