"""What an operation has at hand besides its parameters."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from lambdas.management.errors import NotFound
from lambdas.management.ids import Ids
from lambdas.management.paging import PageTokens
from lambdas.management.parameters import Parameters
from lambdas.management.repository import Repository
from lambdas.management.store import Changed
from lambdas.management.wire import Answer
from model.connector import Connector
from model.connector_group import ConnectorGroup
from model.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One request's surroundings."""

    settings: Settings
    repository: Repository
    ids: Ids
    tokens: PageTokens
    access_key_id: str
    """Of whoever asks."""
    now: datetime
    """UTC, when the request arrived."""

    def connector(self, connector_id: str) -> Connector:
        """Return a connector; raises NotFound for an unknown id."""
        connector = self.repository.connectors.get(connector_id)
        if connector is None:
            raise unknown_connector(connector_id)
        return connector

    def group(self, group_id: str) -> ConnectorGroup:
        """Return a group; raises NotFound for an unknown id."""
        group = self.repository.groups.get(group_id)
        if group is None:
            raise NotFound(f"Voice Connector group {group_id[:64]} not found")
        return group


OperationFunction: TypeAlias = Callable[[Context, Parameters], Answer]
"""One operation of the API; raises ApiError."""


def unknown_connector(connector_id: str) -> NotFound:
    """Return the error for an id that no connector has."""
    return NotFound(f"Voice Connector {connector_id[:64]} not found")


@contextmanager
def existing(connector_id: str) -> Iterator[None]:
    """Take a write that is refused for the sign that no connector has this id."""
    try:
        yield
    except Changed as error:
        raise unknown_connector(connector_id) from error
