"""`ovc explain` of a deployment, against an AWS inside this process."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli import explain
from cli.errors import CommandError, ExitCode
from edge.policy.reasons import Reason
from model.call_items import ended_members, live_members
from model.calls import LiveCall
from model.cdr import CallDetailRecord
from model.codec import encode_item
from model.tables import CALLS, CONNECTORS, edge_log_group_name
from tests.cli.test_call_story import log_of
from tests.core.refusal_cases import CASES, Scene
from tests.core.stand import CONNECTOR_ID
from tests.runtime.records import a_quality

AWS: dict[str, Any] = {"hours": 1.0, "api_port": None, "prefix": "lab", "region": "us-east-1"}
NOW = datetime.now(UTC)


def _client(service: Any) -> Any:  # Any: clients of two kinds, given arguments as dictionaries
    return boto3.client(service, region_name="us-east-1")


class Cloud:
    """A deployment of which only the log and the rows of calls exist."""

    def __init__(self) -> None:
        self.logs = _client("logs")
        self.group = edge_log_group_name("lab")
        self.logs.create_log_group(logGroupName=self.group)
        self.logs.create_log_stream(logGroupName=self.group, logStreamName="edge")
        self.dynamodb = _client("dynamodb")
        for table in (CALLS, CONNECTORS):
            self.dynamodb.create_table(**table.creation("lab"))

    def tell(self, events: list[Mapping[str, object]]) -> None:
        """Put lines into the log as the log driver does."""
        at = round(1000 * time.time())
        self.logs.put_log_events(
            logGroupName=self.group,
            logStreamName="edge",
            logEvents=[{"timestamp": at, "message": json.dumps(it)} for it in events],
        )

    def keep(self, members: Mapping[str, Any]) -> None:
        """Write the row of a call."""
        self.dynamodb.put_item(TableName=CALLS.physical_name("lab"), Item=encode_item(members))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "iam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "iam")
    with mock_aws():
        yield Cloud()


def shown(capsys: pytest.CaptureFixture[str], call: str | None, **more: Any) -> str:
    options: dict[str, Any] = {"last": call is None, "as_json": False, **AWS, **more}
    explain.run(call, **options)
    return capsys.readouterr().out


def record_of(scene: Scene) -> CallDetailRecord:
    return scene.node.records[-1]


@pytest.mark.parametrize("why", [Reason.CALLING_REGION, Reason.CARRIERS_FAILED, Reason.NO_ROUTE])
def test_a_call_is_found_by_each_of_its_ids(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], why: Reason
) -> None:
    scene = CASES[why][0]()
    cloud.tell(log_of(scene))
    record = record_of(scene)
    cloud.keep(ended_members(record, "node", "some/key"))
    stories = {shown(capsys, it) for it in (record.transaction_id, record.call_id, None)}
    (story,) = stories
    assert why.text in story and why.code in story
    assert record.status_message in story
    assert f"connector    {CONNECTOR_ID}" in story
    assert json.loads(shown(capsys, record.call_id, as_json=True))["Code"] == why.code


def test_a_carriers_call_id_leads_to_all_attempts(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = CASES[Reason.ROUTES_FAILED][0]()
    cloud.tell(log_of(scene))
    call_id = str(scene.node.logs[0].fields["call_id"])
    story = shown(capsys, call_id)
    assert "attempt 1" in story and "attempt 2" in story and "All routes failed" in story


def test_a_call_that_is_up_is_told_from_its_row(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    record = record_of(CASES[Reason.CALLED_SIDE][0]())
    live = LiveCall(
        transaction_id=record.transaction_id, call_id=record.call_id,
        connector_id=record.connector_id, from_number=record.from_number,
        to_number=record.to_number, disposition=record.disposition, sip_auth_user=None,
        answered_at=NOW - timedelta(minutes=1),
    )  # fmt: skip
    cloud.keep(live_members(live, "node", a_quality()))
    story = shown(capsys, record.transaction_id)
    assert "The call is up." in story
    assert "MOS 4.38" in story


def test_an_id_that_could_mean_something_in_a_pattern_is_found(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    call_id = 'a"?b\\{$.x}-12345@host'
    cloud.tell([{"event": "call-refused", "call_id": call_id, "code": "caller-id", "at": "x"}])
    cloud.tell([{"event": "call-refused", "call_id": "-12345@host", "code": "loop", "at": "x"}])
    story = shown(capsys, call_id)
    assert "caller-id" in story and "loop" not in story


def test_nothing_found_shows_who_was_not_let_in(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.tell(log_of(CASES[Reason.NAMES_NO_CONNECTOR][0]()))
    with pytest.raises(SystemExit) as ended:
        shown(capsys, "nobody-knows-it")
    assert ended.value.code == ExitCode.FAILED
    said = capsys.readouterr().out
    assert "Nothing is known of a call nobody-knows-it in the last 1 h" in said
    assert "192.0.2.200" in said
    with pytest.raises(CommandError, match="no call has ended or was refused in the last 1 h"):
        shown(capsys, None)


@pytest.mark.parametrize(("call", "last"), [(None, False), ("x", True)])
def test_either_a_call_or_the_last_one_is_wanted(call: str | None, last: bool) -> None:
    with pytest.raises(CommandError, match="name one call, or say --last") as caught:
        explain.run(call, last=last, as_json=False, **AWS)
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_deployment_that_is_not_there_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "iam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "iam")
    with mock_aws(), pytest.raises(CommandError, match="cannot be read"):
        explain.run("x", last=False, as_json=False, **AWS)
