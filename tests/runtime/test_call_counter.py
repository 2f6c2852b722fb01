"""Counting calls of all nodes with real conditional writes (A10, EDGE R15)."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from edge.runtime.call_counter import CallCounter
from edge.seam import Count, Counted
from emulator import aws as embedded
from model.codec import Plain
from model.tables import EXPIRES_AT, LIMITS
from tests.runtime.local_aws import Deployment

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.sockets

NAME = "one0001one0001one00010"


def a_count(wanted: int = 1, limit: int = 2, at: float | None = None) -> Count:
    now = time.monotonic() if at is None else at
    return Count(NAME, limit, wanted, now, now)


def a_counter(deployment: Deployment) -> CallCounter:
    return CallCounter.over(deployment.aws.session(), deployment.prefix)


def item(deployment: Deployment) -> dict[str, Plain]:
    (found,) = deployment.rows(LIMITS)
    return found


def test_two_nodes_share_a_limit(deployment: Deployment) -> None:
    one, other = a_counter(deployment), a_counter(deployment)
    at = time.monotonic()
    assert one.count(a_count(at=at)).granted == 1
    second = other.count(a_count(at=at + 0.1))
    assert second.granted == 1
    assert second.closed_until == pytest.approx(at + 1.0, abs=0.003)
    third = one.count(a_count(at=at + 0.2))
    assert third.granted == 0
    assert third.closed_until == pytest.approx(at + 1.0, abs=0.003)
    assert one.count(a_count(at=at + 1.05)).granted == 1
    assert other.count(a_count(at=at + 1.06)).granted == 0


def test_a_clock_that_is_an_hour_ahead_closes_the_connector_to_nobody(
    deployment: Deployment,
) -> None:
    # A10, EDGE R15
    client = deployment.aws.session().client("dynamodb")
    table = LIMITS.physical_name(deployment.prefix)
    ahead = CallCounter(client.update_item, table, wall=lambda: time.time() + 3600.0)
    at = time.monotonic()
    assert ahead.count(a_count(2, at=at)).granted == 2
    right = a_counter(deployment)
    assert right.count(a_count(at=at + 0.1)).granted == 1
    assert right.count(a_count(at=at + 0.2)).granted == 1
    full = right.count(a_count(at=at + 0.3))
    assert full.granted == 0
    assert full.closed_until == pytest.approx(at + 1.1, abs=0.003)


def test_what_is_wanted_is_taken_as_far_as_it_goes(deployment: Deployment) -> None:
    counter = a_counter(deployment)
    at = time.monotonic()
    assert counter.count(a_count(3, limit=10, at=at)).granted == 3
    left = counter.count(a_count(20, limit=10, at=at))
    assert left.granted == 7 and left.closed_until is not None
    rows = item(deployment)
    assert len([name for name in rows if name.startswith("s")]) == 10
    expires_at = rows[EXPIRES_AT]
    assert isinstance(expires_at, int) and 0 < expires_at - time.time() <= 86_402


def test_an_expression_stays_within_what_dynamodb_takes() -> None:
    # A10: 4 KB and 300 operators or functions
    expressions: list[str] = []

    def update_item(**arguments: str) -> dict[str, object]:
        expressions.append(arguments["ConditionExpression"])
        return {"Attributes": {}}

    counter = CallCounter(update_item, "ovc-limits")
    answer = counter.count(a_count(100, limit=100))
    assert answer.granted == 40 and answer.closed_until is None, "the rest may be asked for"
    (expression,) = expressions
    words = expression.replace("(", " ( ").split()
    operators = sum(word in {"attribute_not_exists", "OR", "AND", "<=", ">"} for word in words)
    assert len(expression) <= 4_096 and operators <= 300


def test_nodes_that_write_at_once_never_exceed_the_limit() -> None:
    # The embedded AWS judges one write after the other, as DynamoDB does with an item's.
    with embedded.start(account_id="000000000000") as aws:
        clients = [aws.clients("us-east-1").dynamodb for _ in range(3)]
        clients[0].create_table(**LIMITS.creation("ovc"))  # type: ignore[arg-type]  # an open mapping in model.tables
        at = time.monotonic()

        def drain(client: "DynamoDBClient") -> int:
            counter = CallCounter(client.update_item, "ovc-limits")
            answers = [counter.count(a_count(limit=10, at=at)) for _ in range(6)]
            return sum(it.granted or 0 for it in answers)

        with ThreadPoolExecutor(3) as threads:
            assert sum(threads.map(drain, clients)) == 10


def test_a_block_covers_what_comes_a_little_later(deployment: Deployment) -> None:
    at = time.monotonic()
    answer = a_counter(deployment).count(a_count(limit=1_000, at=at))
    assert answer.granted == 11
    assert answer.valid_until == pytest.approx(at + 0.08)


def test_a_raised_limit_counts_at_once(deployment: Deployment) -> None:
    counter = a_counter(deployment)
    at = time.monotonic()
    assert counter.count(a_count(5, limit=1, at=at)).granted == 1
    assert counter.count(a_count(5, limit=3, at=at)).granted == 2


def test_a_table_that_does_not_answer_is_an_error(deployment: Deployment) -> None:
    deployment.prefix = "nothere"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        a_counter(deployment).count(a_count())


def test_an_answer_is_of_the_connector_that_was_asked_for(deployment: Deployment) -> None:
    at = time.monotonic()
    assert a_counter(deployment).count(a_count(at=at)) == Counted(NAME, 1, at, None)
