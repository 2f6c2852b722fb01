"""What docs/permissions.md allows is what AWS knows and what our commands ask for."""

import json
import re
from typing import Any

import pytest
from botocore.session import Session

from cli.main import app
from tests.infra.guides import commands
from tests.infra.synthesis import ROOT

PAGE = (ROOT / "docs" / "permissions.md").read_text()
NOT_AN_OPERATION = {
    "s3:ListBucket": "ListObjectsV2",
    "s3:GetEncryptionConfiguration": "GetBucketEncryption",
    "s3:GetBucketObjectLockConfiguration": "GetObjectLockConfiguration",
    "dynamodb:ConditionCheckItem": "TransactWriteItems",
}
"""Actions of IAM that are called otherwise than the operation that asks for them."""


def policies() -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.S)]


def statements() -> dict[str, dict[str, Any]]:
    return {it["Sid"]: it for it in policies()[-1]["Statement"]}


def test_every_action_is_one_of_aws() -> None:
    session = Session()
    for policy in policies():
        for statement in policy["Statement"]:
            for action in statement["Action"]:
                service, _, name = action.partition(":")
                known = session.get_service_model(service).operation_names
                assert NOT_AN_OPERATION.get(action, name) in known, action


def test_no_statement_has_a_wildcard_for_actions_or_everything() -> None:
    for policy in policies():
        for statement in policy["Statement"]:
            assert "*" not in statement["Resource"]
            assert not any("*" in action for action in statement["Action"])
            assert all("ovc" in it or "cdk-" in it for it in statement["Resource"])


def table() -> list[tuple[str, str, str]]:
    found = re.findall(r"^\| (`ovc .*?) \| (.*?) \| (.*?) ?\|$", PAGE, re.M)
    assert len(found) > 6
    return found


def test_every_statement_serves_a_command_and_every_command_has_its_statements() -> None:
    told: set[str] = set()
    for _, names, _ in table():
        told |= set(names.split(", ")) - {"none"}
    assert told == set(statements())


def test_the_table_tells_of_every_command_that_takes_a_prefix() -> None:
    told = PAGE.replace("\n", " ")
    for name in ("keys", "numbers", "cdr", "explain", "bill", "smoke"):
        assert f"`ovc {name}" in told, name
    assert {"explain", "smoke"} <= {
        it.name or it.callback.__name__ for it in app.registered_commands if it.callback
    }
    assert list(commands(PAGE, "ovc"))


@pytest.mark.parametrize(
    ("sid", "actions"),
    [
        ("Keys", {"GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"}),
        ("Smoke", {"DescribeStacks"}),
        ("Explain", {"FilterLogEvents"}),
    ],
)
def test_statements_allow_what_the_code_calls(sid: str, actions: set[str]) -> None:
    source = "".join(path.read_text() for path in (ROOT / "cli").rglob("*.py"))
    allowed = {action.partition(":")[2] for action in statements()[sid]["Action"]}
    assert allowed == actions
    for action in actions:
        called = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        assert called in source, action
