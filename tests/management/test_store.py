"""What DynamoDB's errors become; its answers are prescribed, no socket."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from lambdas.management.errors import BadRequest, ServiceUnavailable
from lambdas.management.store import CONFLICT_ATTEMPTS, Changed, Store
from model.codec import encode_item


class Pauses:
    """A sleep that only takes notes."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


class Prescribed:
    """A store whose next answers are prescribed."""

    def __init__(self) -> None:
        client = boto3.client(
            "dynamodb",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.stubber = Stubber(client)
        self.pauses = Pauses()
        self.store = Store(client, self.pauses)

    def fail(self, operation: str, code: str, message: str = "", reasons: str = "") -> None:
        """Prescribe an error; `reasons` are the codes of a cancelled transaction."""
        cancellation = [{"Code": reason} for reason in reasons.split()]
        fields = {"CancellationReasons": cancellation} if reasons else None
        self.stubber.add_client_error(operation, code, message, modeled_fields=fields)


@pytest.fixture
def prescribed() -> Iterator[Prescribed]:
    made = Prescribed()
    with made.stubber:
        yield made
        made.stubber.assert_no_pending_responses()


def put(prescribed: Prescribed) -> None:
    prescribed.store.put("table", encode_item({"pk": "a", "sk": "b"}))


def test_a_conflict_is_tried_again_with_growing_pauses(prescribed: Prescribed) -> None:
    # ARCHITECTURE A4
    prescribed.fail("put_item", "TransactionConflictException")
    prescribed.fail("put_item", "TransactionConflictException")
    prescribed.stubber.add_response("put_item", {})
    put(prescribed)
    assert len(prescribed.pauses.taken) == 2
    assert all(0 <= pause <= 0.04 for pause in prescribed.pauses.taken)


def test_a_conflict_that_stays_is_unavailable(prescribed: Prescribed) -> None:
    # API E3 V5
    for _ in range(CONFLICT_ATTEMPTS):
        prescribed.fail("put_item", "TransactionConflictException")
    with pytest.raises(ServiceUnavailable):
        put(prescribed)


def test_a_cancelled_transaction_says_why(prescribed: Prescribed) -> None:
    cancelled = "TransactionCanceledException"
    prescribed.fail("transact_write_items", cancelled, reasons="None TransactionConflict")
    prescribed.fail("transact_write_items", cancelled, reasons="ThrottlingError")
    prescribed.fail("transact_write_items", cancelled, reasons="None ConditionalCheckFailed")
    with pytest.raises(Changed):
        prescribed.store.transact([{"Put": {"TableName": "t", "Item": {}}}])
    assert len(prescribed.pauses.taken) == 2


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("ConditionalCheckFailedException", "", Changed),
        ("ThrottlingException", "", ServiceUnavailable),
        ("ProvisionedThroughputExceededException", "", ServiceUnavailable),
        ("ValidationException", "Item size has exceeded the maximum allowed size", BadRequest),
        ("ValidationException", "Item size to update has exceeded the maximum", BadRequest),
        ("ValidationException", "Size of rangekey has exceeded the maximum", ClientError),
        ("ValidationException", "Invalid UpdateExpression", ClientError),
        ("ResourceNotFoundException", "", ClientError),
    ],
)
def test_an_error_means_what_the_client_may_do_about_it(
    prescribed: Prescribed, code: str, message: str, expected: type[Exception]
) -> None:
    prescribed.fail("put_item", code, message)
    with pytest.raises(expected):
        put(prescribed)


def test_a_creation_that_was_sent_twice_is_a_success(prescribed: Prescribed) -> None:
    # API V4: the AWS client sends a write again when its answer was lost
    item = encode_item({"pk": "a", "sk": "b", "name": "mine"})
    prescribed.fail("put_item", "ConditionalCheckFailedException")
    prescribed.stubber.add_response("get_item", {"Item": item})
    prescribed.store.create("table", item)


def test_a_creation_that_meets_another_item_is_refused(prescribed: Prescribed) -> None:
    item = encode_item({"pk": "a", "sk": "b", "name": "mine"})
    prescribed.fail("put_item", "ConditionalCheckFailedException")
    prescribed.stubber.add_response("get_item", {"Item": {**item, "name": {"S": "another's"}}})
    with pytest.raises(Changed):
        prescribed.store.create("table", item)


def test_an_unreachable_database_is_unavailable(prescribed: Prescribed) -> None:
    # API E3
    def refuse_connection(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    prescribed.stubber.client.meta.events.register("before-call.dynamodb", refuse_connection)
    with pytest.raises(ServiceUnavailable):
        prescribed.store.get("table", "a", "b")


def test_a_query_goes_on_where_its_page_ended(prescribed: Prescribed) -> None:
    items = [encode_item({"pk": "p", "sk": name}) for name in "abc"]
    first = {"Items": items[:2], "LastEvaluatedKey": items[1]}
    prescribed.stubber.add_response("query", first)
    prescribed.stubber.add_response("query", {"Items": items[2:]})
    assert list(prescribed.store.query("table", "p")) == items
