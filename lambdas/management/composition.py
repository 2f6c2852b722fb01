"""Joins the parts of the management Lambda into one handler."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, Protocol

from botocore.client import BaseClient
from botocore.config import Config

from lambdas.management.access_keys import AccessKeys
from lambdas.management.api import Api, Log
from lambdas.management.cors import Cors
from lambdas.management.events import event_answer, request_from
from lambdas.management.ids import Ids, SystemIds
from lambdas.management.key_uses import KeyUses
from lambdas.management.repository import Repository
from lambdas.management.service_model import load
from lambdas.management.store import Store
from lambdas.management.wire import Wire
from model.settings import Settings

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


AWS_CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    tcp_keepalive=True,
)
"""Four tries, also of what DynamoDB throttles, with growing pauses: only then the store sees an
error. Each of at most seven seconds, they stay below the 60 s that the SDKs wait for an answer."""


class Handler(Protocol):
    """The signature of a Lambda function."""

    def __call__(self, event: Mapping[str, object], context: object) -> dict[str, object]:
        """Return the answer to one event."""
        ...


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def build(
    *,
    settings: Settings,
    table_prefix: str,
    access_keys_secret: str,
    dynamodb: BaseClient,
    secretsmanager: "SecretsManagerClient",
    log: Log,
    clock: Callable[[], datetime] = utc_now,
    ids: Ids | None = None,
) -> Handler:
    """Return a handler over explicit clients, clock and identifiers; it may run in many threads."""
    ids = ids or SystemIds()
    cors = Cors(settings.api.cors_origins, ids=ids, clock=clock)
    api = Api(
        wire=Wire(load()),
        settings=settings,
        repository=Repository.over(dynamodb, table_prefix, sleep),
        keys=AccessKeys(secretsmanager, access_keys_secret, monotonic),
        key_uses=KeyUses(Store(dynamodb, sleep), table_prefix, log),
        clock=clock,
        ids=ids,
        log=log,
    )

    def handle(event: Mapping[str, object], context: object) -> dict[str, object]:
        return event_answer(cors.answer(request_from(event), api.handle), event)

    return handle
