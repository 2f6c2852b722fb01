"""Numbers in DynamoDB: the pool that can be ordered, the inventory, associations (A4).

The inventory is one partition with the number as sort key, so a list is a consistent Query. An
association is a transaction on the number and on the connector's counter of associated numbers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from lambdas.management.store import Store, Update
from lambdas.management.transaction import Action, change
from model.codec import encode
from model.number_items import number_from, pool_number_from
from model.numbers import InventoryNumber, PoolNumber, is_e164
from model.tables import CONNECTOR, CONNECTORS, INVENTORY, NUMBERS, PARTITION_KEY, POOL, key

NUMBERS_PER_TRANSACTION = 25
"""With the counters of as many connectors that lose one, below the limit of 100 actions."""
_SINGLE_READS = 25
"""More numbers than this are cheaper to find by reading their whole partition."""


class NumberRepository:
    """Reads and writes numbers."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._numbers = NUMBERS.physical_name(prefix)
        self._connectors = CONNECTORS.physical_name(prefix)

    def get(self, e164: str) -> InventoryNumber | None:
        """Return a number that the account owns; an id that is no number is none of them."""
        if not is_e164(e164):
            return None
        item = self._store.get(self._numbers, INVENTORY, e164)
        return None if item is None else number_from(item)

    def owned(self, wanted: Iterable[str]) -> dict[str, InventoryNumber]:
        """Return those of the wanted numbers that the account owns."""
        names = set(wanted)
        if len(names) <= _SINGLE_READS:
            found = (self.get(e164) for e164 in names)
            return {number.e164: number for number in found if number is not None}
        return {number.e164: number for number in self.inventory() if number.e164 in names}

    def inventory(
        self,
        *,
        after: str = "",
        where: Mapping[str, str] | None = None,
        batch: int | None = None,
    ) -> Iterator[InventoryNumber]:
        """Yield the account's numbers behind `after`, in order of E.164."""
        query = self._store.query(self._numbers, INVENTORY, after=after, where=where, batch=batch)
        return map(number_from, query)

    def inventory_size(self) -> int:
        """Return how many numbers the account owns, without those in the deletion queue."""
        return self._store.amount(self._numbers, INVENTORY)

    def orderable(self, wanted: Iterable[str]) -> dict[str, PoolNumber]:
        """Return those of the wanted numbers that are in the pool."""
        names = set(wanted)
        if len(names) > _SINGLE_READS:
            return {number.e164: number for number in self.pool() if number.e164 in names}
        items = (self._store.get(self._numbers, POOL, e164) for e164 in names)
        found = [pool_number_from(item) for item in items if item is not None]
        return {number.e164: number for number in found}

    def pool(
        self, *, prefix: str = "", after: str = "", where: Mapping[str, str] | None = None
    ) -> Iterator[PoolNumber]:
        """Yield numbers that can be ordered, in order of E.164."""
        query = self._store.query(self._numbers, POOL, prefix=prefix, after=after, where=where)
        return map(pool_number_from, query)

    def associate(
        self, numbers: Iterable[InventoryNumber], connector_id: str, at: datetime
    ) -> None:
        """Point numbers at a connector, all or none; raises Changed when one is no more as seen."""
        balance: Counter[str] = Counter()
        actions: list[Action] = []
        for number in numbers:
            actions.append(self._association(number, connector_id, at))
            balance[connector_id] += 1
            if number.connector_id is not None:
                balance[number.connector_id] -= 1
        self._store.transact(actions + self._counts(balance))

    def disassociate(self, numbers: Iterable[InventoryNumber], at: datetime) -> None:
        """Free numbers, all or none; raises Changed when one is no more as seen."""
        balance: Counter[str] = Counter()
        actions: list[Action] = []
        for number in numbers:
            if number.connector_id is not None:
                actions.append(self._release(number, number.connector_id, at))
                balance[number.connector_id] -= 1
        self._store.transact(actions + self._counts(balance))

    def _association(self, seen: InventoryNumber, connector_id: str, at: datetime) -> Action:
        values = {
            ":new": encode(connector_id),
            ":at": encode(at.isoformat(timespec="milliseconds")),
        }
        condition = f"attribute_exists({PARTITION_KEY}) AND attribute_not_exists(connector_id)"
        # What is in the deletion queue has no connector: only here it could be taken out of it.
        condition += " AND attribute_not_exists(deleted_at)"
        if seen.connector_id is not None:
            condition = "connector_id = :old"
            values[":old"] = encode(seen.connector_id)
        return change(
            Update(
                table=self._numbers,
                key=key(INVENTORY, seen.e164),
                expression="SET connector_id = :new, associated_at = :at, updated_at = :at",
                condition=condition,
                values=values,
            )
        )

    def _release(self, seen: InventoryNumber, connector_id: str, at: datetime) -> Action:
        return change(
            Update(
                table=self._numbers,
                key=key(INVENTORY, seen.e164),
                expression="SET updated_at = :at REMOVE connector_id, associated_at",
                condition="connector_id = :old",
                values={
                    ":old": encode(connector_id),
                    ":at": encode(at.isoformat(timespec="milliseconds")),
                },
            )
        )

    def _counts(self, balance: Mapping[str, int]) -> list[Action]:
        return [
            change(
                Update(
                    table=self._connectors,
                    key=key(CONNECTOR, connector_id),
                    expression="ADD associated_numbers :amount",
                    values={":amount": encode(amount)},
                )
            )
            for connector_id, amount in balance.items()
        ]
