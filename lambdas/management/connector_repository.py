"""Connectors in DynamoDB: one item each, each sub-configuration an attribute of its own (A4).

Parallel writers of different attributes never conflict, and no write reads first what it replaces.
"""

from collections.abc import Iterable, Mapping

from lambdas.management.store import Changed, Store, Update
from lambdas.management.transaction import counting, creation, deletion
from model.codec import Item, encode, encode_item
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
LONGEST_ID = 36
"""Characters of a UUID, the longer form of an id (API VC1); DynamoDB refuses keys over 1 KB."""


class ConnectorRepository:
    """Reads and writes connectors; an unknown id is None, False or Changed."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = CONNECTORS.physical_name(prefix)

    def create(self, connector: Connector, tags: Mapping[str, str], *, at_most: int) -> None:
        """Write a new connector; raises Changed when its region has `at_most` already."""
        item = encode_item({**connector_members(connector), "tags": tags})
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
        """Delete a connector that no number points at; raises Changed otherwise."""
        deleted = deletion(
            self._table,
            key(CONNECTOR, connector.connector_id),
            condition="associated_numbers = :none",
            values={":none": encode(0)},
        )
        self._store.transact([deleted, counting(self._table, connector.region, -1)])

    def put_origination(self, connector_id: str, origination: Origination) -> None:
        """Replace the origination; raises Changed for an unknown id."""
        self._set(connector_id, "origination", encode(origination_members(origination)))

    def put_termination(self, connector_id: str, termination: Termination) -> None:
        """Replace the termination; raises Changed for an unknown id."""
        self._set(connector_id, "termination", encode(termination_members(termination)))

    def remove(self, connector_id: str, attribute: str) -> None:
        """Remove a sub-configuration, if there is one; raises Changed for an unknown id."""
        self._store.update(
            Update(
                table=self._table,
                key=_key(connector_id),
                expression="REMOVE #attribute",
                names={"#attribute": attribute},
            )
        )

    def put_credentials(
        self, seen: Connector, credentials: Iterable[Credential], *, at_most: int
    ) -> None:
        """Add or replace users; raises Changed when that may leave more than `at_most`.

        `seen` is the connector as it was read: users that it has must still exist, the others are
        counted as new. Whoever is refused reads again and decides anew.
        """
        pending = list(credentials)
        for start in range(0, len(pending), CREDENTIALS_PER_WRITE):
            chunk = pending[start : start + CREDENTIALS_PER_WRITE]
            self._store.update(self._credentials_update(seen, chunk, at_most))

    def delete_credentials(self, connector_id: str, usernames: Iterable[str]) -> None:
        """Remove users, known or not; raises Changed for an unknown connector."""
        pending = list(usernames)
        for start in range(0, len(pending), CREDENTIALS_PER_WRITE):
            chunk = pending[start : start + CREDENTIALS_PER_WRITE]
            paths = ", ".join(f"credentials.#u{n}" for n in range(len(chunk)))
            self._store.update(
                Update(
                    table=self._table,
                    key=_key(connector_id),
                    expression=f"REMOVE {paths}",
                    names={f"#u{n}": username for n, username in enumerate(chunk)},
                )
            )

    def _credentials_update(self, seen: Connector, chunk: list[Credential], at_most: int) -> Update:
        known = {credential.username for credential in seen.credentials}
        new = sum(credential.username not in known for credential in chunk)
        conditions = [f"attribute_exists({PARTITION_KEY})", "size(credentials) <= :room"]
        conditions += [
            f"attribute_exists(credentials.#u{n})"
            for n, credential in enumerate(chunk)
            if credential.username in known
        ]
        assignments = ", ".join(f"credentials.#u{n} = :c{n}" for n in range(len(chunk)))
        values = {f":c{n}": encode(credential_members(user)) for n, user in enumerate(chunk)}
        return Update(
            table=self._table,
            key=key(CONNECTOR, seen.connector_id),
            expression=f"SET {assignments}",
            condition=" AND ".join(conditions),
            names={f"#u{n}": user.username for n, user in enumerate(chunk)},
            values=values | {":room": encode(at_most - new)},
        )

    def _set(self, connector_id: str, attribute: str, value: Mapping[str, object]) -> None:
        self._store.update(
            Update(
                table=self._table,
                key=_key(connector_id),
                expression="SET #attribute = :value",
                names={"#attribute": attribute},
                values={":value": value},
            )
        )


def _key(connector_id: str) -> Item:
    """Return a connector's key; raises Changed for what is too long to be the id of one."""
    if len(connector_id) > LONGEST_ID:
        raise Changed
    return key(CONNECTOR, connector_id)
