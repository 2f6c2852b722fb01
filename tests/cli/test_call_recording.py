"""`ovc call record` of a deployment, against an AWS inside this process."""

import itertools
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli import call_recording
from cli.call_recording import Watch, call_named, run, summary
from cli.deployment import repository
from cli.errors import CommandError, ExitCode
from lambdas.management import recordings
from model.call_items import due_members, ended_members, live_members
from model.codec import encode_item
from model.node_items import node_members
from model.recording_items import outcome, recording_from, recording_key
from model.recordings import Recording, RecordingState
from model.tables import CALLS, CONNECTORS, NODES
from tests.management.calls import BEGAN, live_call, node, record

WHERE: dict[str, Any] = {"prefix": "lab", "region": "us-east-1", "api_port": None}
CALL = live_call(1)
NODE = "node1"
KEY = "Amazon-Chime-Voice-Connector-Recordings/pcap/vc/x.pcap"


def _client(service: Any) -> Any:  # Any: clients of two kinds, given arguments as dictionaries
    return boto3.client(service, region_name="us-east-1")


class Cloud:
    """A deployment with a bucket, a node that may record, and a call that is up on it."""

    def __init__(self) -> None:
        self.dynamodb = _client("dynamodb")
        for table in (CALLS, CONNECTORS, NODES):
            self.dynamodb.create_table(**table.creation("lab"))
        self.s3 = _client("s3")
        self.s3.create_bucket(Bucket="records")
        self.show(longest_recording_s=600)
        self.keep(live_members(CALL, NODE))
        self.repository = repository(**WHERE)
        self.repository.configuration.set_cdr_bucket("records")

    def show(self, **members: Any) -> None:
        """Let the node show itself."""
        self._put(NODES, node_members(node(NODE, datetime.now(UTC), **members)))

    def keep(self, members: Any) -> None:
        """Write the row of a call."""
        self._put(CALLS, members)

    def tell(self, **members: Any) -> None:
        """Say what has become of the recording, as its node does."""
        change = outcome(replace(self.kept(), **members))
        self.dynamodb.update_item(
            TableName=NODES.physical_name("lab"),
            Key=recording_key(NODE, CALL.transaction_id),
            UpdateExpression=change.expression,
            ExpressionAttributeNames={
                name: it for name, it in change.names.items() if name in change.expression
            },
            ExpressionAttributeValues={
                name: it for name, it in change.values.items() if name in change.expression
            },
        )

    def kept(self) -> Recording:
        """Return the recording as its node sees it."""
        wanted = recording_key(NODE, CALL.transaction_id)
        return recording_from(
            self.dynamodb.get_item(TableName=NODES.physical_name("lab"), Key=wanted)["Item"]
        )

    def order(self) -> Recording:
        """Order a recording."""
        return recordings.order(
            self.repository,
            CALL.transaction_id,
            seconds=30,
            ordered_by="me",
            now=datetime.now(UTC).replace(microsecond=0),
        )

    def _put(self, table: Any, members: Any) -> None:
        self.dynamodb.put_item(TableName=table.physical_name("lab"), Item=encode_item(members))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "iam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "iam")
    with mock_aws():
        yield Cloud()


def watched(cloud: Cloud, *happenings: Callable[[], None]) -> Recording:
    """Order a recording and watch it; something happens at each look."""
    script, clock = iter(happenings), itertools.count(step=1.0)

    def sleep(_: float) -> None:
        next(script, lambda: None)()

    ordered = cloud.order()
    watch = Watch(cloud.repository, CALL.transaction_id, sleep=sleep, monotonic=lambda: next(clock))
    return watch.until_over(ordered)


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_call_is_named_by_either_of_its_ids_or_is_the_last_one_answered(cloud: Cloud) -> None:
    older = live_call(0)
    cloud.keep(live_members(older, NODE))
    for wanted, expected in (
        (CALL.transaction_id, CALL),
        (CALL.call_id, CALL),
        (older.call_id, older),
        (None, CALL),
    ):
        assert call_named(cloud.repository, wanted) == expected.transaction_id


def test_without_a_call_that_is_up_there_is_nothing_to_record(cloud: Cloud) -> None:
    with pytest.raises(CommandError, match="no call unknown@host is up; one that still rings"):
        call_named(cloud.repository, "unknown@host")
    ended = replace(record(1), transaction_id=CALL.transaction_id)
    for row in (due_members(ended, NODE, "bucket", "key"), ended_members(ended, NODE, "key")):
        cloud.keep(row)
        with pytest.raises(CommandError, match=r"^no call is up"):
            call_named(cloud.repository, None)


def test_a_recording_is_watched_until_it_is_stored(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    found = watched(
        cloud,
        lambda: cloud.tell(state=RecordingState.RUNNING, bucket="records", object_key=KEY),
        lambda: None,
        lambda: cloud.tell(state=RecordingState.STORED, size=2_048, reason="the call has ended"),
    )
    assert found.state is RecordingState.STORED
    assert capsys.readouterr().err == f"recording {CALL.transaction_id}; Ctrl-C ends it\n"
    assert summary(found, Path("a b.pcap")) == [
        "a b.pcap: 2 KiB; the call has ended",
        f"A copy is in s3://records/{KEY}",
        "wireshark --enable-heuristic rtp_udp 'a b.pcap'",
    ]


def test_ctrl_c_ends_the_recording_and_keeps_what_there_is(cloud: Cloud) -> None:
    def stored() -> None:
        assert cloud.kept().end_wanted
        cloud.tell(state=RecordingState.STORED, size=1, reason="as ordered")

    found = watched(
        cloud, lambda: cloud.tell(state=RecordingState.RUNNING), interrupt, lambda: None, stored
    )
    assert (found.state, found.reason) == (RecordingState.STORED, "as ordered")


def test_a_node_that_does_not_begin_is_not_waited_for(cloud: Cloud) -> None:
    with pytest.raises(CommandError, match="has not begun within 10 s"):
        watched(cloud)
    assert cloud.kept().end_wanted, "nor does it record when nobody waits"


def test_a_node_that_falls_silent_is_not_waited_for_for_ever(cloud: Cloud) -> None:
    with pytest.raises(CommandError, match="does not say what has become"):
        watched(cloud, lambda: cloud.tell(state=RecordingState.RUNNING))


def test_the_file_is_whole_and_for_nobody_else(
    cloud: Cloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cloud.s3.put_object(Bucket="records", Key=KEY, Body=b"x" * 3_000_000)

    def at_once(self: Watch, ordered: Recording) -> Recording:
        assert ordered.order.ordered_by.startswith("arn:aws:")
        cloud.tell(
            state=RecordingState.STORED, bucket="records", object_key=KEY, size=1, reason="done"
        )
        return cloud.kept()

    monkeypatch.setattr(call_recording.Watch, "until_over", at_once)
    path = tmp_path / "a.pcap"
    run(CALL.call_id, last=False, seconds=None, out=path, **WHERE)
    assert path.read_bytes() == b"x" * 3_000_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "wireshark" in capsys.readouterr().out


def failed(cloud: Cloud, **options: Any) -> str:
    """Return why a command fails."""
    arguments: dict[str, Any] = {"last": False, "seconds": None, "out": None, **WHERE}
    with pytest.raises(CommandError) as error:
        run(CALL.transaction_id, **(arguments | options))
    assert error.value.exit_code is ExitCode.FAILED
    return str(error.value)


def test_a_refusal_is_one_line(cloud: Cloud) -> None:
    assert failed(cloud, seconds=601) == "seconds is 601; a number from 1 to 600 is wanted"
    cloud.show()
    assert failed(cloud) == (
        "Recording is not allowed: the operator's settings have recording.allowed false"
    )
    cloud.keep(ended_members(replace(record(1), transaction_id=CALL.transaction_id), NODE, "k"))
    assert failed(cloud) == "The call is not up any more"
    cloud.dynamodb.delete_table(TableName=CALLS.physical_name("lab"))
    assert "tables or bucket cannot be used: " in failed(cloud)


def test_a_recording_that_failed_says_why(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(self: Watch, ordered: Recording) -> Recording:
        return replace(ordered, state=RecordingState.FAILED, reason="the node is gone")

    monkeypatch.setattr(call_recording.Watch, "until_over", at_once)
    assert failed(cloud) == "nothing was recorded: the node is gone"


def test_a_file_that_cannot_be_written_leaves_the_object(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.s3.put_object(Bucket="records", Key=KEY, Body=b"x")

    def at_once(self: Watch, ordered: Recording) -> Recording:
        return replace(
            ordered, state=RecordingState.STORED, bucket="records", object_key=KEY, reason="done"
        )

    monkeypatch.setattr(call_recording.Watch, "until_over", at_once)
    said = failed(cloud, out=tmp_path / "none" / "a.pcap")
    assert said.endswith(f"No such file or directory; the recording is in s3://records/{KEY}")


def test_calls_of_a_node_that_is_gone_are_not_up(cloud: Cloud) -> None:
    gone = node(NODE, datetime.now(UTC) - timedelta(minutes=1), started_at=BEGAN)
    cloud.dynamodb.put_item(
        TableName=NODES.physical_name("lab"), Item=encode_item(node_members(gone))
    )
    with pytest.raises(CommandError, match=r"^no call is up"):
        call_named(cloud.repository, None)
