"""The operator's side of the supply of numbers: what is put into the pool and taken out of it (A6).

An operator's own act is not held to the quota, but counted all the same.
"""

from collections.abc import Iterable

from lambdas.management.order_repository import PhoneNumberOrder, order_item
from lambdas.management.store import Store
from lambdas.management.transaction import absence, counting, creation, deletion, writing
from model.codec import encode_item
from model.number_items import number_members, pool_members
from model.numbers import InventoryNumber, PoolNumber
from model.tables import INVENTORY, NUMBERS, POOL, key

POOLED_PER_TRANSACTION = 50
"""Each is two actions, and a transaction has at most 100."""


class SupplyRepository:
    """Writes the pool, and numbers that come from other operators."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NUMBERS.physical_name(prefix)

    def offer(self, numbers: Iterable[PoolNumber]) -> None:
        """Put numbers into the pool, all or none; raises Changed when the account owns one."""
        actions = []
        for number in numbers:
            actions.append(absence(self._table, key(INVENTORY, number.e164)))
            actions.append(writing(self._table, encode_item(pool_members(number))))
        self._store.transact(actions)

    def port_in(self, number: InventoryNumber, order: PhoneNumberOrder) -> None:
        """Put a number and its order into the account; raises Changed when it is here already."""
        self._store.transact(
            [
                absence(self._table, key(POOL, number.e164)),
                creation(self._table, encode_item(number_members(number))),
                creation(self._table, order_item(order)),
                counting(self._table, INVENTORY, 1),
            ]
        )

    def withdraw(self, e164: str) -> None:
        """Take a number out of the pool; raises Changed when it is not there."""
        self._store.transact([deletion(self._table, key(POOL, e164))])
