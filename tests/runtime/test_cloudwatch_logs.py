"""Log groups that are made when first needed, against an AWS on this machine (EDGE X4)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from edge.runtime.cloudwatch_logs import CloudWatchLogs
from edge.runtime.log_sink import BadEntriesError, LogEntry
from tests.runtime.local_aws import REGION, Deployment

pytestmark = pytest.mark.sockets

NOW_MS = round(datetime.now(UTC).timestamp() * 1000)


def entries(*numbers: int) -> list[LogEntry]:
    return [LogEntry(NOW_MS + number, json.dumps({"n": number})) for number in numbers]


def group_of(deployment: Deployment) -> str:
    return f"/aws/ChimeVoiceConnectorLogs/{deployment.prefix}"


def numbers_in(deployment: Deployment, stream: str) -> list[int]:
    logs = deployment.aws.client("logs")
    found = logs.get_log_events(
        logGroupName=group_of(deployment), logStreamName=stream, startFromHead=True
    )
    return [json.loads(event["message"])["n"] for event in found["events"]]


def test_group_and_stream_are_made_by_the_first_record(deployment: Deployment) -> None:
    logs = CloudWatchLogs(REGION, "node1")
    assert logs.write(group_of(deployment), entries(1, 2)) == 0
    assert logs.write(group_of(deployment), entries(3)) == 0
    assert numbers_in(deployment, "node1") == [1, 2, 3]


def test_each_node_has_a_stream_of_its_own_in_the_group(deployment: Deployment) -> None:
    for number, node in enumerate(("node1", "node2")):
        assert CloudWatchLogs(REGION, node).write(group_of(deployment), entries(number)) == 0
    assert numbers_in(deployment, "node1") == [0]
    assert numbers_in(deployment, "node2") == [1]


def test_a_group_that_somebody_removes_is_made_again(deployment: Deployment) -> None:
    logs = CloudWatchLogs(REGION, "node1")
    logs.write(group_of(deployment), entries(1))
    deployment.aws.client("logs").delete_log_group(logGroupName=group_of(deployment))
    assert logs.write(group_of(deployment), entries(2)) == 0
    assert numbers_in(deployment, "node1") == [2]


def test_records_are_put_in_the_order_of_time(deployment: Deployment) -> None:
    CloudWatchLogs(REGION, "node1").write(group_of(deployment), entries(3, 1, 2))
    assert numbers_in(deployment, "node1") == [1, 2, 3]


def test_what_is_of_the_future_is_counted(deployment: Deployment) -> None:
    day_ms = 86_400_000
    found = [LogEntry(NOW_MS + days * day_ms, '{"n":0}') for days in (0, 3)]
    assert CloudWatchLogs(REGION, "node1").write(group_of(deployment), found) == 1


class ScriptedClient:
    """A client that answers as it is told, or refuses for a reason."""

    def __init__(
        self, *, code: str | None = None, rejected: Mapping[str, int] | None = None
    ) -> None:
        self._code = code
        self._rejected = rejected or {}

    def put_log_events(self, **_: object) -> Mapping[str, object]:
        if self._code is not None:
            error = {"Error": {"Code": self._code, "Message": "no"}}
            raise ClientError(error, "PutLogEvents")  # type: ignore[arg-type]  # an open mapping
        return {"rejectedLogEventsInfo": self._rejected}


def scripted(client: ScriptedClient) -> CloudWatchLogs:
    logs = CloudWatchLogs(REGION, "node1")
    logs._made = client
    return logs


# (what was rejected, how many of ten): ends are exclusive, starts inclusive in CloudWatch's answer
REJECTIONS = [
    ({}, 0),
    ({"tooOldLogEventEndIndex": 3}, 3),
    ({"expiredLogEventEndIndex": 4, "tooOldLogEventEndIndex": 2}, 4),
    ({"tooNewLogEventStartIndex": 8}, 2),
    ({"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 9}, 2),
]


@pytest.mark.parametrize(("rejected", "count"), REJECTIONS)
def test_what_was_turned_away_is_counted(rejected: dict[str, int], count: int) -> None:
    logs = scripted(ScriptedClient(rejected=rejected))
    assert logs.write("group", entries(*range(10))) == count


@pytest.mark.parametrize(
    ("code", "raised"),
    [("InvalidParameterException", BadEntriesError), ("AccessDeniedException", ClientError)],
)
def test_only_bad_records_are_given_up(code: str, raised: type[Exception]) -> None:
    with pytest.raises(raised, match="no"):
        scripted(ScriptedClient(code=code)).write("group", entries(1))
