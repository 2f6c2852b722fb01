"""Numbers in DynamoDB: the pool that can be ordered, the inventory, associations (A4).

The inventory is one partition with the number as sort key, so a list is a consistent Query. An
association is a transaction on the number and on the counters of associated numbers of the targets,
connectors or groups, that gain or lose it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from lambdas.management.store import Store, Update
from lambdas.management.transaction import Action, change
from model.codec import Item, encode, moment_text
from model.number_items import number_from, pool_number_from
from model.numbers import InventoryNumber, PoolNumber, Target, TargetKind, is_e164
from model.tables import CONNECTOR, CONNECTORS, GROUP, INVENTORY, NUMBERS, PARTITION_KEY, POOL, key

NUMBERS_PER_TRANSACTION = 25
"""With the counters of as many targets that lose one, below the limit of 100 actions."""
_SINGLE_READS = 25
"""More numbers than this are cheaper to find by reading their whole partition."""

PARTITIONS = {TargetKind.CONNECTOR: CONNECTOR, TargetKind.GROUP: GROUP}
"""Where a target is kept, in the table of connectors."""

OWNED = f"attribute_exists({PARTITION_KEY}) AND attribute_not_exists(deleted_at)"
"""The number is in the inventory and not in the deletion queue."""
UNASSIGNED = f"{OWNED} AND attribute_not_exists(connector_id) AND attribute_not_exists(group_id)"
"""And it is free: what is in the deletion queue has no target, and could else be taken out."""


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

    def associate(self, numbers: Iterable[InventoryNumber], target: Target, at: datetime) -> None:
        """Point numbers at a target, all or none; raises Changed when one is no more as seen."""
        balance: Counter[Target] = Counter()
        actions: list[Action] = []
        for number in numbers:
            actions.append(self._association(number, target, at))
            balance[target] += 1
            if number.target is not None:
                balance[number.target] -= 1
        self._store.transact(actions + self._counts(balance))

    def disassociate(self, numbers: Iterable[InventoryNumber], at: datetime) -> None:
        """Free numbers, all or none; raises Changed when one is no more as seen."""
        balance: Counter[Target] = Counter()
        actions: list[Action] = []
        for number in numbers:
            if number.target is not None:
                actions.append(self._release(number, number.target, at))
                balance[number.target] -= 1
        self._store.transact(actions + self._counts(balance))

    def _association(self, seen: InventoryNumber, target: Target, at: datetime) -> Action:
        new, old = target.kind.attribute, seen.target
        expression = f"SET {new} = :new, associated_at = :at, updated_at = :at"
        values = {":new": encode(target.target_id), ":at": encode(moment_text(at))}
        if old is None:
            condition = UNASSIGNED
        else:
            condition = f"{old.kind.attribute} = :old"
            values[":old"] = encode(old.target_id)
            if old.kind is not target.kind:
                expression += f" REMOVE {old.kind.attribute}"
        return self._change(seen, expression, condition, values)

    def _release(self, seen: InventoryNumber, old: Target, at: datetime) -> Action:
        attribute = old.kind.attribute
        return self._change(
            seen,
            f"SET updated_at = :at REMOVE {attribute}, associated_at",
            f"{attribute} = :old",
            {":old": encode(old.target_id), ":at": encode(moment_text(at))},
        )

    def _change(
        self, seen: InventoryNumber, expression: str, condition: str, values: Item
    ) -> Action:
        return change(
            Update(
                table=self._numbers,
                key=key(INVENTORY, seen.e164),
                expression=expression,
                condition=condition,
                values=values,
            )
        )

    def _counts(self, balance: Mapping[Target, int]) -> list[Action]:
        return [
            change(
                Update(
                    table=self._connectors,
                    key=key(PARTITIONS[target.kind], target.target_id),
                    expression="ADD associated_numbers :amount",
                    values={":amount": encode(amount)},
                )
            )
            for target, amount in balance.items()
        ]
