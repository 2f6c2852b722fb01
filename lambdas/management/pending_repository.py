"""Orders that wait to be fulfilled, and the transactions that fulfil them (API PN5).

Each transaction for an order takes the next turn of its pending item, on condition that nobody has
taken it since: of two runs that fulfil the same order at once, one is refused and leaves it to the
other. So whoever writes the outcomes knows every number that was acquired for the order.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lambdas.management.order_repository import PhoneNumberOrder
from lambdas.management.store import Store, Update
from lambdas.management.transaction import Action, change, counting, creation, deletion
from model.codec import Item, encode, encode_item, moment_text, string, whole
from model.number_items import number_members
from model.numbers import InventoryNumber
from model.tables import INVENTORY, NUMBERS, ORDER, PENDING, POOL, SORT_KEY, key


class PendingOrder(NamedTuple):
    """That an order is to be fulfilled."""

    order_id: str
    turn: int
    """Counts the transactions for this order."""
    amount: int
    """Of numbers ordered."""


class PendingRepository:
    """Reads and writes pending orders; what another run has changed meanwhile is Changed."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NUMBERS.physical_name(prefix)

    def all(self) -> Iterator[PendingOrder]:
        """Yield the pending orders, the oldest first."""
        return map(_pending_from, self._store.query(self._table, PENDING))

    def get(self, order_id: str) -> PendingOrder | None:
        """Return a pending order, None when its order is finished."""
        item = self._store.get(self._table, PENDING, order_id)
        return None if item is None else _pending_from(item)

    def acquire(
        self, pending: PendingOrder, numbers: Sequence[InventoryNumber], *, at_most: int
    ) -> PendingOrder:
        """Move numbers from the pool to the inventory, all or none; returns the next turn.

        Raises Changed when one of them has gone, when the inventory would exceed `at_most`, or when
        it is another turn.
        """
        actions = [
            self._turn(pending),
            counting(self._table, INVENTORY, len(numbers), at_most=at_most),
        ]
        for number in numbers:
            actions.append(deletion(self._table, key(POOL, number.e164)))
            actions.append(creation(self._table, encode_item(number_members(number))))
        self._store.transact(actions)
        return pending._replace(turn=pending.turn + 1)

    def finish(self, pending: PendingOrder, order: PhoneNumberOrder) -> None:
        """Write what became of an order's numbers; raises Changed when it is another turn."""
        outcomes = Update(
            table=self._table,
            key=key(ORDER, order.order_id),
            expression="SET outcomes = :outcomes, updated_at = :at",
            values={
                ":outcomes": encode([outcome.value for outcome in order.outcomes.values()]),
                ":at": encode(moment_text(order.updated_at)),
            },
        )
        done = deletion(
            self._table,
            key(PENDING, pending.order_id),
            condition="turn = :turn",
            values={":turn": encode(pending.turn)},
        )
        self._store.transact([change(outcomes), done])

    def _turn(self, pending: PendingOrder) -> Action:
        return change(
            Update(
                table=self._table,
                key=key(PENDING, pending.order_id),
                expression="SET turn = :next",
                condition="turn = :turn",
                values={":turn": encode(pending.turn), ":next": encode(pending.turn + 1)},
            )
        )


def _pending_from(item: Item) -> PendingOrder:
    return PendingOrder(string(item[SORT_KEY]), whole(item["turn"]), whole(item["amount"]))
