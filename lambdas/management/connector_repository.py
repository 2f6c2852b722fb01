"""Connectors in DynamoDB: one item each, each sub-configuration an attribute of its own (A4).

Parallel writers of different attributes never conflict, and no write reads first what it replaces.
"""

from collections.abc import Collection, Iterable, Mapping

from lambdas.management.ids import LONGEST_ID
from lambdas.management.map_entries import entries_put, entries_removed
from lambdas.management.store import Changed, Store, Update
from lambdas.management.transaction import counting, creation, deletion
from model.codec import Item, Plain, encode, encode_item
from model.configuration_items import (
    emergency_calling_members,
    external_systems_members,
    logging_members,
    streaming_members,
)
from model.configurations import EmergencyCalling, ExternalSystems, Logging, Streaming
from model.connector import Connector, Credential, Origination, Termination
from model.connector_items import (
    connector_from,
    connector_members,
    credential_members,
    origination_members,
    termination_members,
)
from model.tables import CONNECTOR, CONNECTORS, PARTITION_KEY, key

CREDENTIALS_PER_WRITE = 20
"""Keeps an update expression below DynamoDB's 4 KB."""

_EXISTS = f"attribute_exists({PARTITION_KEY})"
_IS_FREE = f"{_EXISTS} AND attribute_not_exists(emergency_calling)"
"""Calls may be made impossible only where no emergency number is configured (API OR7, TM5, TM7)."""
_HAS_CALLS = f"{_EXISTS} AND origination.disabled = :false AND termination.disabled = :false"
"""Calls of both directions are configured and enabled (API EC1)."""


class ConnectorRepository:
    """Reads and writes connectors; an unknown id is None, False or Changed."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = CONNECTORS.physical_name(prefix)

    def create(self, connector: Connector, *, at_most: int) -> None:
        """Write a new connector; raises Changed when its region has `at_most` already."""
        item = encode_item(connector_members(connector))
        counted = counting(self._table, connector.region, 1, at_most=at_most)
        self._store.transact([creation(self._table, item), counted])

    def get(self, connector_id: str) -> Connector | None:
        """Return a connector with everything that is configured on it."""
        if len(connector_id) > LONGEST_ID:
            return None
        item = self._store.get(self._table, CONNECTOR, connector_id)
        return None if item is None else connector_from(item)

    def all(self) -> list[Connector]:
        """Return every connector, in order of creation, then id."""
        found = [connector_from(item) for item in self._store.query(self._table, CONNECTOR)]
        return sorted(found, key=lambda it: (it.created_at, it.connector_id))

    def rename(self, changed: Connector) -> Connector:
        """Write name, encryption and time of change; raises Changed for an unknown id."""
        return connector_from(
            self._store.update(
                Update(
                    table=self._table,
                    key=key(CONNECTOR, changed.connector_id),
                    expression="SET #name = :name, require_encryption = :encryption, "
                    "updated_at = :at",
                    names={"#name": "name"},
                    values={
                        ":name": encode(changed.name),
                        ":encryption": encode(changed.require_encryption),
                        ":at": encode(changed.updated_at.isoformat(timespec="milliseconds")),
                    },
                )
            )
        )

    def delete(self, connector: Connector) -> None:
        """Delete a connector that no number and no group has; raises Changed otherwise."""
        deleted = deletion(
            self._table,
            key(CONNECTOR, connector.connector_id),
            # Connectors that were never in a group may have no such attribute.
            condition="associated_numbers = :none AND (attribute_not_exists(group_memberships) "
            "OR group_memberships = :none)",
            values={":none": encode(0)},
        )
        self._store.transact([deleted, counting(self._table, connector.region, -1)])

    def put_origination(self, connector_id: str, origination: Origination) -> None:
        """Replace the origination; raises Changed for an unknown id.

        One that is disabled raises it, too, while emergency calling is configured.
        """
        members = origination_members(origination)
        condition = _IS_FREE if origination.disabled else _EXISTS
        self._set(connector_id, "origination", members, condition)

    def put_termination(self, connector_id: str, termination: Termination) -> None:
        """Replace the termination; raises Changed like `put_origination`."""
        members = termination_members(termination)
        condition = _IS_FREE if termination.disabled else _EXISTS
        self._set(connector_id, "termination", members, condition)

    def put_emergency_calling(self, connector_id: str, emergency: EmergencyCalling) -> None:
        """Replace the emergency numbers; raises Changed unless both directions are enabled."""
        members = emergency_calling_members(emergency)
        off = {":false": encode(False)}
        self._set(connector_id, "emergency_calling", members, _HAS_CALLS, off)

    def put_logging(self, connector_id: str, logging: Logging) -> None:
        """Replace the logging configuration; raises Changed for an unknown id."""
        self._set(connector_id, "logging", logging_members(logging))

    def put_streaming(self, connector_id: str, streaming: Streaming) -> None:
        """Replace the streaming configuration; raises Changed for an unknown id."""
        self._set(connector_id, "streaming", streaming_members(streaming))

    def put_external_systems(self, connector_id: str, systems: ExternalSystems) -> None:
        """Replace the external systems; raises Changed for an unknown id."""
        self._set(connector_id, "external_systems", external_systems_members(systems))

    def remove_path(self, connector_id: str, attribute: str) -> None:
        """Remove origination or termination; raises Changed while emergency calling is there."""
        self._remove(connector_id, attribute, _IS_FREE)

    def remove(self, connector_id: str, attribute: str) -> None:
        """Remove another configuration, if there is one; raises Changed for an unknown id."""
        self._remove(connector_id, attribute, _EXISTS)

    def put_credentials(
        self, seen: Connector, credentials: Iterable[Credential], *, at_most: int
    ) -> None:
        """Add or replace users; raises Changed when that may leave more than `at_most`.

        `seen` is the connector as it was read.
        """
        pending = list(credentials)
        known = {user.username for user in seen.credentials}
        for start in range(0, len(pending), CREDENTIALS_PER_WRITE):
            chunk = pending[start : start + CREDENTIALS_PER_WRITE]
            entries = {user.username: encode(credential_members(user)) for user in chunk}
            item_key = key(CONNECTOR, seen.connector_id)
            self._store.update(
                entries_put(
                    self._table, item_key, "credentials", entries, known=known, at_most=at_most
                )
            )

    def delete_credentials(self, connector_id: str, usernames: Iterable[str]) -> None:
        """Remove users, known or not; raises Changed for an unknown connector."""
        pending = list(usernames)
        for start in range(0, len(pending), CREDENTIALS_PER_WRITE):
            chunk = pending[start : start + CREDENTIALS_PER_WRITE]
            item_key = _key(connector_id)
            self._store.update(entries_removed(self._table, item_key, "credentials", chunk))

    def put_tags(self, seen: Connector, tags: Mapping[str, str], *, at_most: int) -> None:
        """Add or replace tags, all at once; raises Changed like `put_credentials`."""
        entries = {name: encode(value) for name, value in tags.items()}
        item_key = key(CONNECTOR, seen.connector_id)
        self._store.update(
            entries_put(
                self._table, item_key, "tags", entries, known=seen.tags.keys(), at_most=at_most
            )
        )

    def delete_tags(self, connector_id: str, names: Collection[str]) -> None:
        """Remove tags, known or not; raises Changed for an unknown connector."""
        self._store.update(entries_removed(self._table, _key(connector_id), "tags", names))

    def _set(
        self,
        connector_id: str,
        attribute: str,
        members: Mapping[str, Plain],
        condition: str = _EXISTS,
        values: "Item | None" = None,
    ) -> None:
        self._store.update(
            Update(
                table=self._table,
                key=_key(connector_id),
                expression="SET #attribute = :value",
                condition=condition,
                names={"#attribute": attribute},
                values={":value": encode(members), **(values or {})},
            )
        )

    def _remove(self, connector_id: str, attribute: str, condition: str) -> None:
        self._store.update(
            Update(
                table=self._table,
                key=_key(connector_id),
                expression="REMOVE #attribute",
                condition=condition,
                names={"#attribute": attribute},
            )
        )


def _key(connector_id: str) -> Item:
    """Return a connector's key; raises Changed for what is too long to be the id of one."""
    if len(connector_id) > LONGEST_ID:
        raise Changed
    return key(CONNECTOR, connector_id)
