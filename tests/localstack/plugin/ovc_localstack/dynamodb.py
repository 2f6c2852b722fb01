"""DynamoDB and its streams by moto, which LocalStack holds, instead of a Java program.

The project's root is on the path of LocalStack's process (tests/localstack/server.py): what makes
moto's transactions cheap is what does so in the local run. It also keeps streams alive, whose
readers would look at a copy that nobody writes to after a transaction has been taken back.
"""

from threading import Lock
from typing import Any

from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service, aws_provider

from emulator import moto_transactions

_one_at_a_time = Lock()
"""moto reads, judges and writes an item without one: two requests would lose an update that the
real service keeps."""


class Database(DynamodbApi):
    """Defines nothing itself: every operation falls through to moto."""


class Streams(DynamodbstreamsApi):
    """The same, of the streams."""


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    """Return the provider that PROVIDER_OVERRIDE_DYNAMODB=moto asks for."""
    moto_transactions.install()
    return Service.for_provider(Database(), dispatch_table_factory=_dispatcher)


@aws_provider(api="dynamodbstreams", name="moto")
def dynamodbstreams() -> Service:
    """Return the provider that PROVIDER_OVERRIDE_DYNAMODBSTREAMS=moto asks for."""
    return Service.for_provider(Streams(), dispatch_table_factory=_dispatcher)


def _dispatcher(provider: object) -> dict[str, Any]:
    """Return moto's operations, each of which waits until no other one runs."""
    return {name: _alone(handle) for name, handle in MotoFallbackDispatcher(provider).items()}


def _alone(handle: Any) -> Any:
    def handle_alone(context: Any, request: Any) -> Any:
        with _one_at_a_time:
            return handle(context, request)

    return handle_alone
