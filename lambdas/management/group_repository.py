"""Groups of connectors in DynamoDB: one item each, and a count of its groups on each connector.

A group and the counts are written in one transaction, so that a connector of a group cannot be
deleted, whatever comes in parallel.
"""

from collections.abc import Iterable, Iterator

from lambdas.management.ids import LONGEST_ID
from lambdas.management.store import Store, Update
from lambdas.management.transaction import Action, change, counting, creation, deletion
from model.codec import encode, encode_item, moment_text
from model.connector_group import ConnectorGroup
from model.group_items import group_from, group_members, member_list
from model.tables import CONNECTOR, CONNECTORS, GROUP, PARTITION_KEY, key


class GroupRepository:
    """Reads and writes groups."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = CONNECTORS.physical_name(prefix)

    def create(self, group: ConnectorGroup, *, at_most: int) -> None:
        """Write a new group.

        Raises Changed when there are `at_most` already, or one of its connectors does not exist.
        """
        actions = [
            creation(self._table, encode_item(group_members(group))),
            counting(self._table, GROUP, 1, at_most=at_most),
        ]
        self._store.transact(actions + self._memberships(_connectors(group), 1))

    def get(self, group_id: str) -> ConnectorGroup | None:
        """Return a group."""
        if len(group_id) > LONGEST_ID:
            return None
        item = self._store.get(self._table, GROUP, group_id)
        return None if item is None else group_from(item)

    def all(self, *, after: str, batch: int) -> Iterator[ConnectorGroup]:
        """Yield the groups behind `after`, in order of creation."""
        return map(group_from, self._store.query(self._table, GROUP, after=after, batch=batch))

    def replace(self, seen: ConnectorGroup, changed: ConnectorGroup) -> None:
        """Write a group anew.

        Raises Changed when its connectors are no more as seen, or a new one does not exist.
        """
        before, after = _connectors(seen), _connectors(changed)
        actions = [self._replacement(seen, changed)]
        actions += self._memberships(sorted(after - before), 1)
        actions += self._memberships(sorted(before - after), -1)
        self._store.transact(actions)

    def delete(self, group_id: str) -> None:
        """Delete a group without connectors and numbers; raises Changed otherwise."""
        deleted = deletion(
            self._table,
            key(GROUP, group_id),
            condition="size(connectors) = :none AND associated_numbers = :none",
            values={":none": encode(0)},
        )
        self._store.transact([deleted, counting(self._table, GROUP, -1)])

    def _replacement(self, seen: ConnectorGroup, changed: ConnectorGroup) -> Action:
        return change(
            Update(
                table=self._table,
                key=key(GROUP, seen.group_id),
                expression="SET #name = :name, connectors = :new, distribution = :distribution, "
                "updated_at = :at",
                condition=f"attribute_exists({PARTITION_KEY}) AND connectors = :old",
                names={"#name": "name"},
                values={
                    ":name": encode(changed.name),
                    ":old": encode(member_list(seen.members)),
                    ":new": encode(member_list(changed.members)),
                    ":distribution": encode(changed.distribution.value),
                    ":at": encode(moment_text(changed.updated_at)),
                },
            )
        )

    def _memberships(self, connectors: Iterable[str], amount: int) -> list[Action]:
        return [
            change(
                Update(
                    table=self._table,
                    key=key(CONNECTOR, connector_id),
                    expression="ADD group_memberships :amount",
                    values={":amount": encode(amount)},
                )
            )
            for connector_id in connectors
        ]


def _connectors(group: ConnectorGroup) -> set[str]:
    return {member.connector_id for member in group.members}
