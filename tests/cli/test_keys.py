"""`ovc keys` against an AWS inside this process, and as the API then sees the keys."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from cli import keys
from cli.errors import CommandError, ExitCode
from cli.key_changes import NewKey, with_created, with_revoked
from cli.key_store import ATTEMPTS, KeyStore, key_store
from lambdas.management.access_keys import CACHE_S, AccessKeys
from model.access_keys import KeyEntry
from model.codec import encode
from model.tables import ACCESS_KEY, CONNECTORS, PARTITION_KEY, SORT_KEY, key

NAME = "lab/access-keys"
AWS: dict[str, Any] = {"api_port": None, "prefix": "lab", "region": "us-east-1"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyStore]:
    """The store of a fresh deployment: a secret without a key, as CDK makes it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "iam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "iam")
    with mock_aws():
        made = key_store(**AWS)
        made.secretsmanager.create_secret(Name=NAME, SecretString="{}")
        made.dynamodb.create_table(
            TableName=CONNECTORS.physical_name("lab"),
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
                {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": PARTITION_KEY, "AttributeType": "S"},
                {"AttributeName": SORT_KEY, "AttributeType": "S"},
            ],
        )
        yield made


def created(capsys: pytest.CaptureFixture[str], description: str = "") -> NewKey:
    keys.create(description=description, as_json=True, **AWS)
    shown = json.loads(capsys.readouterr().out)
    return NewKey(shown["AccessKeyId"], shown["SecretAccessKey"])


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    keys.list_all(as_json=True, **AWS)
    shown: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return shown


class Hand:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_key_works_from_its_creation_until_a_minute_after_its_revocation(
    store: KeyStore, capsys: pytest.CaptureFixture[str]
) -> None:
    # ARCHITECTURE A2: the function reads the keys again after 60 s
    new = created(capsys)
    clock = Hand()
    seen = AccessKeys(store.secretsmanager, NAME, clock)
    found = seen.find(new.access_key_id)
    assert found is not None and found.secret == new.secret
    keys.revoke(new.access_key_id, **AWS)
    assert "revoked. It works no longer within 60 seconds." in capsys.readouterr().out
    clock.now += CACHE_S - 0.1
    assert seen.find(new.access_key_id) is not None
    clock.now += 0.1
    assert seen.find(new.access_key_id) is None
    # For good: a second time changes nothing and is no failure.
    keys.revoke(new.access_key_id, **AWS)
    assert [row["Status"] for row in listed(capsys)] == ["revoked"]


def test_a_secret_is_shown_once(store: KeyStore, capsys: pytest.CaptureFixture[str]) -> None:
    keys.create(description="Terraform", as_json=False, **AWS)
    shown = capsys.readouterr().out
    (entry,) = store.read().values()
    assert f"aws_access_key_id = {entry.access_key_id}\n" in shown
    assert shown.count(entry.secret) == 1
    for as_json in (True, False):
        keys.list_all(as_json=as_json, **AWS)
        assert entry.secret not in capsys.readouterr().out


def test_new_keys_are_of_the_form_that_clients_know() -> None:
    made = {keys.new_key() for _ in range(100)}
    assert len(made) == len({it.access_key_id for it in made}) == 100
    for access_key_id, secret in made:
        assert len(access_key_id) == 20 and access_key_id.startswith("OVC")
        assert access_key_id.isalnum() and access_key_id.isupper()
        assert len(secret) == 40


def test_the_list_tells_when_a_key_was_last_used(
    store: KeyStore, capsys: pytest.CaptureFixture[str]
) -> None:
    # ARCHITECTURE A2: last-used lies in DynamoDB
    first, second = created(capsys, "Terraform"), created(capsys)
    store.dynamodb.put_item(
        TableName=CONNECTORS.physical_name("lab"),
        Item={
            **key(ACCESS_KEY, first.access_key_id),
            "last_used_at": encode("2026-01-02T03:04:05.678+00:00"),
        },
    )
    rows = listed(capsys)
    assert [row["AccessKeyId"] for row in rows] == [first.access_key_id, second.access_key_id]
    assert [row["LastUsed"] for row in rows] == ["2026-01-02T03:04:05+00:00", None]
    assert [row["Description"] for row in rows] == ["Terraform", ""]
    keys.list_all(as_json=False, **AWS)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["KEY", "STATUS", "CREATED", "LAST", "USED", "DESCRIPTION"]
    assert lines[0].endswith(" Terraform") and " active " in lines[0]
    assert lines[1].endswith(" -")


@pytest.mark.parametrize(
    ("members", "status", "remark"),
    [
        ({}, "active", "CI"),
        ({"valid_until": NOW + timedelta(days=1)}, "active", "CI (until 2026-01-03"),
        ({"valid_until": NOW}, "expired", "CI"),
        ({"active": False, "valid_until": NOW}, "revoked", "CI"),
        ({"replaced_by": "OVCB"}, "active", "CI (replaced by OVCB)"),
    ],
)
def test_a_line_tells_the_state_of_a_key(members: dict[str, Any], status: str, remark: str) -> None:
    entry = KeyEntry(access_key_id="OVCA", secret="s", description="CI", **members)
    row = keys.row_of(entry, None, NOW)
    assert row["Status"] == status
    (_, line) = keys.lines_of([row])
    assert remark in line and f" {status} " in line
    assert ("until" in line) == ("until" in remark)


def test_a_rotation_leaves_both_keys_working(
    store: KeyStore, capsys: pytest.CaptureFixture[str]
) -> None:
    # ARCHITECTURE A2
    old = KeyEntry(access_key_id="HAND", secret="h", description="CI")
    store.change(lambda _: with_created({"HAND": old}, NewKey("X", "x"), description="", now=NOW))
    keys.rotate("HAND", overlap_hours=24.0, as_json=False, **AWS)
    assert "HAND keeps working until " in capsys.readouterr().out
    entries = store.read()
    until = entries["HAND"].valid_until
    assert until is not None
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    assert entries["HAND"].replaced_by in entries
    seen = AccessKeys(store.secretsmanager, NAME, Hand())
    found = seen.find("HAND")
    assert found is not None and found.valid_until == until
    assert not found.is_valid_at(until)
    with pytest.raises(CommandError, match="has been rotated"):
        keys.rotate("HAND", overlap_hours=None, as_json=False, **AWS)
    (successor,) = set(entries) - {"HAND", "X"}
    with pytest.raises(CommandError, match="less than 10 minutes ago"):
        keys.rotate(successor, overlap_hours=None, as_json=False, **AWS)


def test_runs_at_the_same_time_lose_no_key(store: KeyStore) -> None:
    # ARCHITECTURE A2: whoever finds the keys changed reads them again
    others = iter(range(2))

    def add(name: str) -> None:
        store.change(lambda it: with_created(it, NewKey(name, name), description="", now=NOW))

    def change(seen: Any) -> Any:
        other = next(others, None)
        if other is not None:
            add(f"other{other}")
        return with_created(seen, NewKey("mine", "m"), description="", now=NOW)

    assert store.change(change).access_key_id == "mine"
    assert set(store.read()) == {"other0", "other1", "mine"}


def test_a_revocation_is_not_undone_by_a_run_at_the_same_time(store: KeyStore) -> None:
    store.change(lambda it: with_created(it, NewKey("leaked", "l"), description="", now=NOW))
    revoked: list[bool] = []

    def change(seen: Any) -> Any:
        if not revoked:
            store.change(lambda it: with_revoked(it, "leaked", now=NOW))
            revoked.append(True)
        return with_created(seen, NewKey("mine", "m"), description="", now=NOW)

    store.change(change)
    assert not store.read()["leaked"].active


def test_without_end_it_gives_up_and_changes_nothing(store: KeyStore) -> None:
    tries: list[str] = []

    def change(seen: Any) -> Any:
        name = f"other{len(tries)}"
        tries.append(name)
        store.change(lambda it: with_created(it, NewKey(name, "o"), description="", now=NOW))
        return with_created(seen, NewKey("mine", "m"), description="", now=NOW)

    with pytest.raises(CommandError, match="nothing was changed, try again"):
        store.change(change)
    assert set(store.read()) == set(tries)
    assert len(tries) == ATTEMPTS


def test_a_change_whose_answer_was_lost_is_done_once(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The AWS client sends the move again; the label is then no longer where it was.
    move = store.secretsmanager.update_secret_version_stage

    def twice(**arguments: Any) -> Any:
        move(**arguments)
        return move(**arguments)

    monkeypatch.setattr(store.secretsmanager, "update_secret_version_stage", twice)
    store.change(lambda it: with_created(it, NewKey("mine", "m"), description="", now=NOW))
    assert set(store.read()) == {"mine"}


def test_what_does_not_hold_keys_is_not_overwritten(store: KeyStore) -> None:
    store.secretsmanager.put_secret_value(SecretId=NAME, SecretString="not keys: s3cret")
    with pytest.raises(CommandError, match="lab/access-keys does not hold access keys") as refused:
        keys.revoke("A", **AWS)
    assert "s3cret" not in str(refused.value)


def test_what_aws_says_is_one_line(store: KeyStore) -> None:
    with pytest.raises(CommandError, match=r"cannot be reached: .*ResourceNotFound"):
        keys.list_all(api_port=None, prefix="nobody", region="us-east-1", as_json=False)


@pytest.mark.parametrize("description", ["x" * 101, "two\nlines"])
def test_a_description_is_one_short_line(description: str) -> None:
    with pytest.raises(CommandError, match="one line of at most 100 characters") as refused:
        keys.create(description=description, as_json=False, **AWS)
    assert refused.value.exit_code == ExitCode.USAGE


def test_a_deployment_is_found_by_prefix_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert key_store(api_port=None, prefix=None, region="eu-west-1").prefix == "ovc"
    named = key_store(api_port=None, prefix="lab", region=None)
    assert named.prefix == "lab"
    assert named.dynamodb.meta.region_name == "eu-central-1"
    url = named.secretsmanager.meta.endpoint_url
    assert url == "https://secretsmanager.eu-central-1.amazonaws.com"
