"""The faults do what their names say, seen with the clients that the edge uses."""

import random
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from emulator import aws as embedded
from model.tables import NODES
from tests.chaos import faults
from tests.chaos.fault_proxy import Door, Proxies, Rule

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("fault-proxy")]

TABLE = NODES.physical_name("proxied")
BUCKET = "proxied"
ONE_ATTEMPT = Config(read_timeout=0.5, retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def aws() -> Iterator[embedded.EmbeddedAws]:
    with embedded.start(account_id="000000000000") as running:
        clients = running.clients("us-east-1")
        clients.dynamodb.create_table(**NODES.creation("proxied"))  # type: ignore[arg-type]  # an open mapping in model.tables
        clients.s3.create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture
def door(aws: embedded.EmbeddedAws) -> Iterator[Door]:
    with Proxies(seed=7) as proxies:
        yield proxies.door(aws.url)


def client(door: Door, service: Any) -> Any:
    """Return a client that asks once; Any, because its type depends on the service's name."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    return session.client(service, endpoint_url=door.url, config=ONE_ATTEMPT)


@pytest.fixture
def dynamodb(door: Door) -> "DynamoDBClient":
    made: DynamoDBClient = client(door, "dynamodb")
    return made


@pytest.fixture
def s3(door: Door) -> "S3Client":
    made: S3Client = client(door, "s3")
    return made


def row(name: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": "proxied"}, "sk": {"S": name}}


def writes(*names: str) -> Any:
    return {TABLE: [{"PutRequest": {"Item": row(name)}} for name in names]}


def is_there(aws: embedded.EmbeddedAws, name: str) -> bool:
    return "Item" in aws.clients("us-east-1").dynamodb.get_item(TableName=TABLE, Key=row(name))


def test_without_rules_everything_passes_whole(s3: "S3Client", door: Door) -> None:
    body = random.Random(1).randbytes(300_000)
    s3.put_object(Bucket=BUCKET, Key="large", Body=body)
    assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == len(body)
    assert s3.get_object(Bucket=BUCKET, Key="large")["Body"].read() == body
    assert door.requests == {"PUT": 1, "HEAD": 1, "GET": 1} and not door.faults


def test_a_dropped_request_never_arrives(
    aws: embedded.EmbeddedAws, door: Door, dynamodb: "DynamoDBClient"
) -> None:
    door.set_rules(Rule(faults.dropped))
    with pytest.raises(ConnectionClosedError):
        dynamodb.put_item(TableName=TABLE, Item=row("dropped"))
    assert not is_there(aws, "dropped")


def test_an_unheard_answer_is_of_a_request_that_was_carried_out(
    aws: embedded.EmbeddedAws, door: Door, dynamodb: "DynamoDBClient"
) -> None:
    door.set_rules(Rule(faults.unheard()))
    with pytest.raises(ConnectionClosedError):
        dynamodb.put_item(TableName=TABLE, Item=row("unheard"))
    assert is_there(aws, "unheard")


@pytest.mark.parametrize(
    ("fault", "of_dynamodb", "of_s3"),
    [
        (faults.unavailable, "InternalServerError", "ServiceUnavailable"),
        (faults.throttled, "ProvisionedThroughputExceededException", "SlowDown"),
        (faults.denied, "AccessDeniedException", "AccessDenied"),
    ],
)
def test_an_error_has_the_form_of_its_service(
    door: Door,
    dynamodb: "DynamoDBClient",
    s3: "S3Client",
    fault: faults.Fault,
    of_dynamodb: str,
    of_s3: str,
) -> None:
    door.set_rules(Rule(fault))
    with pytest.raises(ClientError) as of_a_table:
        dynamodb.put_item(TableName=TABLE, Item=row("refused"))
    with pytest.raises(ClientError) as of_a_bucket:
        s3.put_object(Bucket=BUCKET, Key="refused", Body=b"")
    assert of_a_table.value.response["Error"]["Code"] == of_dynamodb
    assert of_a_bucket.value.response["Error"]["Code"] == of_s3


def test_a_partial_batch_names_what_it_left(
    aws: embedded.EmbeddedAws, door: Door, dynamodb: "DynamoDBClient"
) -> None:
    door.set_rules(Rule(faults.partial(random.Random(3), 0.5)))
    names = [f"part-{number}" for number in range(12)]
    left = dynamodb.batch_write_item(RequestItems=writes(*names))["UnprocessedItems"][TABLE]
    unwritten = {str(it["PutRequest"]["Item"]["sk"]["S"]) for it in left}
    assert 0 < len(unwritten) < len(names)
    assert unwritten == {name for name in names if not is_there(aws, name)}


def test_only_what_a_rule_names_goes_wrong(door: Door, dynamodb: "DynamoDBClient") -> None:
    door.set_rules(Rule(faults.unavailable, operations=frozenset({"BatchWriteItem"})))
    dynamodb.put_item(TableName=TABLE, Item=row("untouched"))
    with pytest.raises(ClientError):
        dynamodb.batch_write_item(RequestItems=writes("touched"))
    assert door.faults == {"BatchWriteItem": 1}


def test_once_is_once_and_can_act_at_that_very_moment(
    aws: embedded.EmbeddedAws, door: Door, dynamodb: "DynamoDBClient"
) -> None:
    seen = threading.Event()
    over = door.once(Rule(faults.acting_after(seen.set), matches=lambda it: b"the-one" in it.body))
    dynamodb.put_item(TableName=TABLE, Item=row("another"))
    assert not over.is_set()
    with pytest.raises(ConnectionClosedError):
        dynamodb.put_item(TableName=TABLE, Item=row("the-one"))
    assert seen.is_set() and over.wait(1.0) and is_there(aws, "the-one")
    dynamodb.put_item(TableName=TABLE, Item=row("the-one"))


def test_a_door_that_refuses_opens_again_at_the_same_port(
    door: Door, dynamodb: "DynamoDBClient"
) -> None:
    dynamodb.put_item(TableName=TABLE, Item=row("before"))
    door.refuse()
    with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
        dynamodb.put_item(TableName=TABLE, Item=row("meanwhile"))
    door.accept()
    dynamodb.put_item(TableName=TABLE, Item=row("after"))
