"""`ovc cdr check-bucket` as it is typed, on buckets of this machine."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CommandError, ExitCode
from cli.policies import deployed
from cli.policies.deployed import REAPER_OUTPUT
from emulator.stand_file import StandFile
from model.record_form import KEY_PREFIX
from tests.cli.policies.samples import EDGE, REAPER
from tests.cli.records.conftest import Done, Shelf, ovc, records_aws, shelf
from tests.cli.test_numbers import facts
from tests.runtime.local_aws import REGION

pytestmark = pytest.mark.sockets

__all__ = ["records_aws", "shelf"]  # fixtures

MINE = "123456789012"
"""The account of this machine's buckets."""
ROLES = [
    *("--edge-role", EDGE.arn.replace(EDGE.account_id, MINE)),
    *("--reaper-role", REAPER.arn.replace(REAPER.account_id, MINE)),
    *("--region", REGION),
]


def check(*arguments: str) -> Done:
    return ovc("check-bucket", *arguments)


@pytest.fixture
def roles(shelf: Shelf) -> Iterator[None]:
    """Roles that may do nothing by themselves."""
    iam = shelf.deployment.aws.client("iam")
    for role in (EDGE, REAPER):
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=trust)
    yield
    for role in (EDGE, REAPER):
        for name in iam.list_role_policies(RoleName=role.name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role.name, PolicyName=name)
        iam.delete_role(RoleName=role.name)


@pytest.mark.usefixtures("roles")
def test_the_printed_policy_makes_the_bucket_right(shelf: Shelf) -> None:
    before = check(shelf.bucket, *ROLES)
    assert before.code == ExitCode.FAILED
    assert "by the edge: nothing allows it; the policy below does" in before.out
    assert before.err == "ovc: problems with the bucket: 4\n"
    policy = check(shelf.bucket, "--policy", *ROLES)
    assert policy.code == ExitCode.FAILED
    s3 = shelf.deployment.aws.client("s3")
    s3.put_bucket_policy(Bucket=shelf.bucket, Policy=policy.out)
    after = check(shelf.bucket, *ROLES)
    assert (after.code, after.err) == (0, ""), after.out
    assert "PROBLEM" not in after.out
    assert json.loads(check(shelf.bucket, "--policy", *ROLES).out) == json.loads(policy.out)


@pytest.mark.usefixtures("roles")
def test_what_the_roles_may_by_themselves_is_enough_in_their_account(shelf: Shelf) -> None:
    iam = shelf.deployment.aws.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:*Object", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for role in (EDGE, REAPER):
        iam.put_role_policy(RoleName=role.name, PolicyName="records", PolicyDocument=policy)
    done = check(shelf.bucket, *ROLES)
    assert (done.code, done.err) == (0, ""), done.out
    assert "by the reaper: 'statement 1' of the role's own policy allows it" in done.out


def test_the_statement_that_denies_is_named(shelf: Shelf) -> None:
    s3 = shelf.deployment.aws.client("s3")
    statements = json.loads(check(shelf.bucket, "--policy", *ROLES).out)["Statement"]
    guard = {
        "Sid": "OnlyKms",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{shelf.bucket}/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [guard, *statements]}
    s3.put_bucket_policy(Bucket=shelf.bucket, Policy=json.dumps(policy))
    done = check(shelf.bucket, *ROLES)
    assert done.code == ExitCode.FAILED
    assert "by the edge: 'OnlyKms' of the bucket's policy denies it" in done.out


def test_a_key_that_encrypts_is_told_with_its_statements(shelf: Shelf) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1234"
    shelf.deployment.aws.client("s3").put_bucket_encryption(
        Bucket=shelf.bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": key,
                    }
                }
            ]
        },
    )
    done = check(shelf.bucket, *ROLES)
    assert f"objects are encrypted with {key}" in done.out
    assert '"kms:GenerateDataKey"' in done.out


def test_prefixes_that_the_owner_was_told_are_in_the_policy(shelf: Shelf) -> None:  # EDGE C1
    prefixes = ["--key-prefix", "new/cdrs", "--key-prefix", "old"]
    policy = json.loads(check(shelf.bucket, "--policy", *ROLES, *prefixes).out)
    for statement in policy["Statement"]:
        assert statement["Resource"] == [
            f"arn:aws:s3:::{shelf.bucket}/new/cdrs/*",
            f"arn:aws:s3:::{shelf.bucket}/old/*",
        ]


def test_a_bucket_that_is_not_there_is_told(shelf: Shelf) -> None:
    done = check("nobody-has-this-one", *ROLES)
    assert (done.code, done.out) == (ExitCode.FAILED, "")
    assert done.err == "ovc: nobody-has-this-one: there is no such bucket\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--edge-role", EDGE.arn, "--region", REGION],
            "--edge-role and --reaper-role go together",
        ),
        (["--edge-role", "x", "--reaper-role", "y", "--region", REGION], "'x' is no ARN of a role"),
        (["--policy"], "a policy is about a deployment in AWS"),
        (["--key-prefix", "a"], "a policy is about a deployment in AWS"),
        ([*ROLES, "--key-prefix", "/a"], "--key-prefix: prefix is '/a'; a path of letters"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(arguments: list[str], told: str) -> None:
    done = check("some-bucket", *arguments)
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert told in done.err


class Answers:
    """Stands for a client of ECS and one of CloudFormation."""

    def __init__(self, settings: dict[str, Any], outputs: dict[str, str]) -> None:
        variable = {"name": "OVC_SETTINGS", "value": json.dumps(settings)}
        self._definition = {
            "taskRoleArn": EDGE.arn,
            "containerDefinitions": [{"environment": [variable]}],
        }
        self._outputs = [{"OutputKey": name, "OutputValue": it} for name, it in outputs.items()]

    def describe_task_definition(self, *, taskDefinition: str) -> Any:
        assert taskDefinition == "lab-edge"
        return {"taskDefinition": self._definition}

    def describe_stacks(self, *, StackName: str) -> Any:
        assert StackName == "lab-api"
        return {"Stacks": [{"Outputs": self._outputs}]}


def test_roles_and_settings_are_those_of_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers({"records": {"prefix": "cdrs"}}, {REAPER_OUTPUT: REAPER.arn, "ApiUrl": "x"})
    monkeypatch.setattr(deployed, "client", lambda service, **_: answers)
    found = deployed.deployed("lab", REGION)
    assert (found.edge, found.reaper) == (EDGE, REAPER)
    assert found.settings.records.prefix == "cdrs"


def test_a_deployment_that_cannot_be_read_is_told_with_a_way_around(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for settings, outputs in (({}, {}), ({"no": 1}, {REAPER_OUTPUT: REAPER.arn})):
        answers = Answers(settings, outputs)
        monkeypatch.setattr(deployed, "client", lambda service, it=answers, **_: it)
        with pytest.raises(CommandError, match="or --edge-role and --reaper-role"):
            deployed.deployed("lab", REGION)


def test_the_stand_writes_an_object_and_takes_it_back(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)  # `ovc` takes them out for good, and others need them
    file = StandFile(facts(shelf.deployment.aws.url), 4_998)
    try:
        done = check(shelf.bucket, "--api-port", "4998")
        missing = check("nobody-has-this-one", "--api-port", "4998")
    finally:
        file.close()
    assert (done.code, done.err) == (0, "")
    assert f"s3://{shelf.bucket}/{KEY_PREFIX}/ovc-check-bucket-" in done.out
    assert "a second one was refused, as it must be" in done.out
    assert shelf.deployment.objects() == {}
    assert missing.code == ExitCode.FAILED and "PROBLEM" in missing.out
