"""Fulfils one pending order: numbers move from the pool to the inventory (API PN5).

A run may end anywhere, and several may be at the same order. What is in the inventory for the order
is what earlier runs have acquired; the pending item's turn tells whether another one is writing now
(lambdas/management/pending_repository.py), and then that one goes on alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice

from lambdas.management.number_repository import NUMBERS_PER_TRANSACTION
from lambdas.management.order_repository import Outcome, PhoneNumberOrder
from lambdas.management.pending_repository import PendingOrder
from lambdas.management.repository import Repository
from lambdas.management.store import Changed
from model.numbers import InventoryNumber, PoolNumber


class Overtaken(Exception):
    """Another run has written for this order since this one began, or has finished it."""


class Fulfilment:
    """One run's work on one order."""

    def __init__(
        self, repository: Repository, pending: PendingOrder, *, quota: int, now: datetime
    ) -> None:
        self._repository = repository
        self._pending = pending
        self._quota = quota
        self._now = now

    def run(self) -> None:
        """Acquire what can be acquired and write what became of it; raises Overtaken."""
        order = self._repository.orders.get(self._pending.order_id)
        assert order is not None, "an order and its pending item are written together"
        outcomes = dict.fromkeys(order.outcomes, Outcome.FAILED)
        owned = self._repository.numbers.owned(outcomes)
        mine = {e164 for e164, it in owned.items() if it.order_id == order.order_id}
        pool = self._repository.numbers.orderable(outcomes.keys() - mine)
        wanted = [self._bought(pool[e164], order) for e164 in outcomes if e164 in pool]
        for e164 in (*mine, *self._acquired(wanted)):
            outcomes[e164] = Outcome.ACQUIRED
        finished = replace(order, outcomes=outcomes, updated_at=self._now)
        try:
            self._repository.pending.finish(self._pending, finished)
        except Changed as error:
            raise Overtaken from error

    def _acquired(self, wanted: Iterable[InventoryNumber]) -> Iterator[str]:
        """Acquire numbers, many at a time, and yield those that were to be had."""
        rest = iter(wanted)
        while chunk := list(islice(rest, NUMBERS_PER_TRANSACTION)):
            if self._acquire(chunk):
                yield from (number.e164 for number in chunk)
            else:
                # Another order took one of them, or the quota's rest, since they were looked up.
                yield from (number.e164 for number in chunk if self._acquire([number]))

    def _acquire(self, numbers: list[InventoryNumber]) -> bool:
        pending = self._repository.pending
        try:
            self._pending = pending.acquire(self._pending, numbers, at_most=self._quota)
        except Changed as error:
            if pending.get(self._pending.order_id) != self._pending:
                raise Overtaken from error
            return False
        return True

    def _bought(self, number: PoolNumber, order: PhoneNumberOrder) -> InventoryNumber:
        return InventoryNumber(
            e164=number.e164,
            number_type=number.number_type,
            product_type=order.product_type,
            country=number.country,
            created_at=self._now,
            updated_at=self._now,
            order_id=order.order_id,
            name=order.name,
            city=number.city,
            state=number.state,
        )
