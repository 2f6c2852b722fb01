"""What is said of a bucket: its policy, whose it is, where, and how it keeps objects."""

from typing import Any

import pytest

from cli.policies.findings import Finding, Mark, findings
from cli.policies.looking import Unknown
from cli.policies.rights import (
    GET,
    PUT,
    key_statements,
    needs_of,
    policy_with,
    statements_for,
)
from model.cqr import QUALITY_PREFIX
from model.record_settings import RecordSettings
from model.recordings import RECORDING_PREFIX, RecordingSettings
from model.settings import Settings
from tests.cli.policies.samples import BUCKET, EDGE, REAPER, RECORDS, REGION, allow, bucket, deny

NEEDS = needs_of(Settings(), EDGE, REAPER)
RIGHT = statements_for(BUCKET, "ovc", NEEDS)
OWN: dict[str, Any] = {EDGE.arn: [], REAPER.arn: []}
ROLE_MAY = [{"Sid": "Mine", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
BOTH_MAY: dict[str, Any] = {EDGE.arn: ROLE_MAY, REAPER.arn: ROLE_MAY}


def found(looked: Any, rights: Any = None) -> list[Finding]:
    return list(findings(BUCKET, looked, NEEDS, rights or OWN, REGION))


def problems(looked: Any, rights: Any = None) -> list[str]:
    return [it.text for it in found(looked, rights) if it.mark is Mark.PROBLEM]


def doubts(looked: Any, rights: Any = None) -> list[str]:
    return [it.text for it in found(looked, rights) if it.mark is Mark.UNSURE]


def test_a_deployment_needs_what_it_stores_and_no_more() -> None:  # EDGE C1, C9, X10, X11
    settings = Settings(
        records=RecordSettings(prefix="cdrs", quality=True),
        recording=RecordingSettings(allowed=True),
    )
    edge, others, reaper = needs_of(settings, EDGE, REAPER)
    assert (edge.actions, edge.prefixes) == ((PUT, GET), ("cdrs",))
    assert (others.actions, others.prefixes) == ((PUT,), (QUALITY_PREFIX, RECORDING_PREFIX))
    assert (reaper.actions, reaper.prefixes) == ((PUT, GET), ("cdrs",))
    usual, _ = NEEDS
    assert usual.prefixes == (RECORDS,)


def test_the_policy_names_roles_actions_and_objects() -> None:
    assert RIGHT == [
        {
            "Sid": "OvcEdgeRecords",
            "Effect": "Allow",
            "Principal": {"AWS": EDGE.arn},
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}/{RECORDS}/*"],
        },
        {
            "Sid": "OvcReaperRecords",
            "Effect": "Allow",
            "Principal": {"AWS": REAPER.arn},
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}/{RECORDS}/*"],
        },
    ]


def test_the_policy_keeps_what_is_there_and_takes_the_place_of_an_older_one() -> None:
    older = {**RIGHT[0], "Principal": {"AWS": "arn:aws:iam::111122223333:role/gone"}}
    whole = policy_with([deny(), older], RIGHT)
    assert whole["Statement"] == [deny(), *RIGHT]
    assert policy_with([deny(), *RIGHT], RIGHT) == whole


def test_with_the_printed_policy_all_is_well() -> None:
    looked = bucket(RIGHT)
    assert {it.mark for it in found(looked)} == {Mark.OK}
    texts = [it.text for it in found(looked)]
    edge = f"s3:PutObject under {RECORDS}/ by the edge: "
    assert f"{edge}'OvcEdgeRecords' of the bucket's policy allows it" in texts
    assert any(f"s3:GetObject under {RECORDS}/ by the reaper: " in it for it in texts)


def test_without_a_policy_it_is_said_what_is_missing() -> None:
    assert problems(bucket()) == [
        f"{action} under {RECORDS}/ by the {who}: nothing allows it; the policy below does"
        for who in ("edge", "reaper")
        for action in (PUT, GET)
    ]


def test_the_roles_own_right_is_enough_in_one_account() -> None:
    assert problems(bucket(), BOTH_MAY) == []
    root = {"AWS": "arn:aws:iam::111122223333:root"}
    assert problems(bucket([allow(Principal=root, Action="s3:*")]), BOTH_MAY) == []
    assert len(problems(bucket([allow(Principal=root, Action="s3:*")]))) == 4


def test_what_the_roles_own_policy_says_may_be_hidden() -> None:
    hidden = {EDGE.arn: Unknown("denied"), REAPER.arn: Unknown("denied")}
    assert problems(bucket(), hidden) == []
    assert "whether the role's own does cannot be read: denied" in doubts(bucket(), hidden)[0]
    assert doubts(bucket(RIGHT), hidden) == []


def test_the_statement_that_denies_is_named() -> None:
    edge, *_ = problems(bucket([*RIGHT, deny()]))
    assert edge.endswith("by the edge: 'No' of the bucket's policy denies it")
    guard = [{"Sid": "Guard", "Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}]
    told = problems(bucket(RIGHT), {**OWN, EDGE.arn: guard})
    assert told == [
        f"{PUT} under {RECORDS}/ by the edge: 'Guard' of the role's own policy denies it"
    ]


def test_a_condition_that_nobody_here_can_judge_is_a_doubt() -> None:
    vpc = {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
    told = doubts(bucket([*RIGHT, deny(Condition=vpc)]))
    assert len(told) == 4 and "denies it under a condition that cannot be judged" in told[0]
    only = doubts(bucket([allow(Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})]))
    assert "'Let' allows it under a condition that cannot be judged from here" in only[0]


FOREIGN: dict[str, Any] = {"is_of_account": False}


def test_a_bucket_of_another_account_needs_both_policies() -> None:
    assert problems(bucket(RIGHT, **FOREIGN), BOTH_MAY) == []
    missing = problems(bucket(RIGHT, **FOREIGN))
    assert len(missing) == 4
    assert "add the bucket to ovc:cdr_buckets and deploy" in missing[0]
    theirs = problems(bucket(**FOREIGN), BOTH_MAY)
    assert "the bucket's policy does not allow it to a role of another account" in theirs[0]
    hidden = {EDGE.arn: Unknown("denied"), REAPER.arn: Unknown("denied")}
    assert (
        "whether the role's own does cannot be read: denied"
        in doubts(bucket(RIGHT, **FOREIGN), hidden)[0]
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"region": "eu-west-1"}, "the bucket is in eu-west-1; the edge writes to buckets in its"),
        (
            {"kms_key": "alias/aws/s3", "is_of_account": False},
            "encrypted with the key aws/s3, which",
        ),
        ({"ownership": "ObjectWriter", "is_of_account": False}, "its object ownership is ObjectWr"),
        ({"locks_objects": True}, "it has Object Lock with a default retention"),
    ],
)
def test_what_keeps_records_out_is_a_problem(changes: dict[str, Any], told: str) -> None:
    (problem,) = [it for it in problems(bucket(RIGHT, **changes), BOTH_MAY) if told in it]
    assert problem


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"region": None}, "S3 does not tell the bucket's region"),
        ({"policy": Unknown("denied")}, "the bucket's policy cannot be read: denied"),
        ({"is_of_account": Unknown("denied")}, "whose the bucket is cannot be told: denied"),
        (
            {"kms_key": "arn:aws:kms:us-east-1:1:key/x"},
            "has to allow kms:GenerateDataKey and",
        ),
        ({"kms_key": Unknown("denied")}, "how objects are encrypted cannot be read: denied"),
        ({"ownership": Unknown("denied")}, "who owns the objects cannot be read: denied"),
        ({"locks_objects": Unknown("denied")}, "Object Lock cannot be read: denied"),
    ],
)
def test_what_may_not_be_looked_at_is_a_doubt(changes: dict[str, Any], told: str) -> None:
    looked = bucket(RIGHT)._replace(**changes)
    assert problems(looked) == []
    assert any(told in it for it in doubts(looked))


def test_what_is_of_no_harm_is_said_too() -> None:
    texts = [it.text for it in found(bucket(RIGHT, kms_key="alias/aws/s3"))]
    assert "objects are encrypted with the key aws/s3, open to this account" in texts
    writer = [it.text for it in found(bucket(RIGHT, ownership="ObjectWriter"))]
    assert "the bucket's owner owns the objects" in writer


def test_a_key_has_to_let_both_roles_write_and_read() -> None:
    needs = needs_of(Settings(records=RecordSettings(quality=True)), EDGE, REAPER)
    assert [(it["Principal"], it["Action"]) for it in key_statements(needs)] == [
        ({"AWS": role.arn}, ["kms:GenerateDataKey", "kms:Decrypt"]) for role in (EDGE, REAPER)
    ]
