"""What happens to a number that the account owns: changes, deletion queue, restoration, purge.

What is to happen later is an item of the partition "due", written in the same transaction as the
number that it is about: nothing has to look through the inventory for it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import takewhile

from lambdas.management.number_repository import OWNED, UNASSIGNED
from lambdas.management.store import Store, Update
from lambdas.management.transaction import Action, change, counting, deletion, writing
from model.codec import AttributeValue, Item, encode, encode_item, moment, moment_text, string
from model.number_items import pool_members
from model.numbers import DELETION_QUEUE, InventoryNumber, PoolNumber
from model.tables import DUE, INVENTORY, NUMBERS, PARTITION_KEY, SORT_KEY, key

_DUE_BATCH = 100
"""Read at a time; usually there is nothing due."""


class Task(Enum):
    """What can be due."""

    PURGE = "purge"
    CALLING_NAME = "calling-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something that is to happen to a number."""

    task: Task
    e164: str
    at: datetime

    @property
    def sort_key(self) -> str:
        """Return the key by which the earliest comes first."""
        return f"{moment_text(self.at)}#{self.task.value}#{self.e164}"


class Attribute(Enum):
    """What can be changed about a number, by its name in the item (API PN11)."""

    PRODUCT_TYPE = "product_type"
    CALLING_NAME = "calling_name"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange:
    """A new value of one attribute of a number."""

    e164: str
    attribute: Attribute
    value: str | None
    """None removes it."""
    due_at: datetime | None = None
    """When a calling name takes effect."""


class LifecycleRepository:
    """Changes numbers of the inventory; a condition that does not hold is Changed."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NUMBERS.physical_name(prefix)

    def change(self, changes: Iterable[NumberChange], at: datetime) -> None:
        """Write changes, all or none; a calling name only when no other one is pending."""
        actions: list[Action] = []
        for wanted in changes:
            actions.append(self._changing(wanted, at))
            if wanted.due_at is not None:
                due = Due(task=Task.CALLING_NAME, e164=wanted.e164, at=wanted.due_at)
                actions.append(self._scheduling(due))
        self._store.transact(actions)

    def delete(self, numbers: Iterable[InventoryNumber], at: datetime) -> None:
        """Put unassigned numbers into the deletion queue, all or none (API PN7)."""
        actions: list[Action] = []
        for number in numbers:
            actions.append(
                self._update(
                    number.e164,
                    "SET deleted_at = :at, updated_at = :at",
                    UNASSIGNED,
                    {":at": encode(moment_text(at))},
                )
            )
            purge = Due(task=Task.PURGE, e164=number.e164, at=at + DELETION_QUEUE)
            actions.append(self._scheduling(purge))
        actions.append(counting(self._table, INVENTORY, -(len(actions) // 2)))
        self._store.transact(actions)

    def restore(self, number: InventoryNumber, at: datetime, *, at_most: int) -> None:
        """Take a number out of the deletion queue, if the quota has room for it."""
        update = self._update(
            number.e164,
            "SET updated_at = :at REMOVE deleted_at",
            "deleted_at = :deleted",
            {":at": encode(moment_text(at)), ":deleted": _deleted_at(number)},
        )
        counted = counting(self._table, INVENTORY, 1, at_most=at_most)
        self._store.transact([update, self._done(_purge_of(number)), counted])

    def due(self, now: datetime) -> Iterator[Due]:
        """Yield what is due, the earliest first."""
        found = map(_due_from, self._store.query(self._table, DUE, batch=_DUE_BATCH))
        return takewhile(lambda due: due.at <= now, found)

    def purge(self, number: InventoryNumber) -> None:
        """Take a number out of the queue for good: to the pool, if it came from there (PN7)."""
        gone = deletion(
            self._table,
            key(INVENTORY, number.e164),
            condition="deleted_at = :deleted",
            values={":deleted": _deleted_at(number)},
        )
        actions = [gone, self._done(_purge_of(number))]
        if not number.ported_in:
            supply = PoolNumber(
                e164=number.e164,
                number_type=number.number_type,
                country=number.country,
                city=number.city,
                state=number.state,
            )
            actions.append(writing(self._table, encode_item(pool_members(supply))))
        self._store.transact(actions)

    def complete_calling_name(self, due: Due, at: datetime) -> None:
        """Let a pending calling name take effect (API PN11)."""
        update = self._update(
            due.e164,
            "SET updated_at = :at REMOVE calling_name_due_at",
            "calling_name_due_at = :due",
            {":at": encode(moment_text(at)), ":due": encode(moment_text(due.at))},
        )
        self._store.transact([update, self._done(due)])

    def forget(self, due: Due) -> None:
        """Strike out what is due, its number being gone or no more as it was."""
        self._store.transact([self._done(due)])

    def release(self, number: InventoryNumber) -> None:
        """Take an unassigned number, in the queue or not, out of the inventory for good."""
        if number.deleted_at is None:
            condition, values = UNASSIGNED, None
            rest = counting(self._table, INVENTORY, -1)
        else:
            condition, values = "deleted_at = :deleted", {":deleted": _deleted_at(number)}
            rest = self._done(_purge_of(number))
        inventory = key(INVENTORY, number.e164)
        gone = deletion(self._table, inventory, condition=condition, values=values)
        self._store.transact([gone, rest])

    def _changing(self, wanted: NumberChange, at: datetime) -> Action:
        values = {":at": encode(moment_text(at))}
        assignments = ["updated_at = :at"]
        if wanted.value is not None:
            assignments.append("#attribute = :value")
            values[":value"] = encode(wanted.value)
        if wanted.due_at is not None:
            assignments.append("calling_name_due_at = :due")
            values[":due"] = encode(moment_text(wanted.due_at))
        expression = f"SET {', '.join(assignments)}"
        if wanted.value is None:
            expression += " REMOVE #attribute"
        names = {"#attribute": wanted.attribute.value}
        condition = _CONDITIONS[wanted.attribute]
        return self._update(wanted.e164, expression, condition, values, names)

    def _update(
        self,
        e164: str,
        expression: str,
        condition: str,
        values: dict[str, AttributeValue],
        names: dict[str, str] | None = None,
    ) -> Action:
        return change(
            Update(
                table=self._table,
                key=key(INVENTORY, e164),
                expression=expression,
                condition=condition,
                names=names or {},
                values=values,
            )
        )

    def _scheduling(self, due: Due) -> Action:
        members = {
            PARTITION_KEY: DUE,
            SORT_KEY: due.sort_key,
            "task": due.task.value,
            "number": due.e164,
            "due_at": moment_text(due.at),
        }
        return writing(self._table, encode_item(members))

    def _done(self, due: Due) -> Action:
        return deletion(self._table, key(DUE, due.sort_key))


_CONDITIONS = {
    Attribute.PRODUCT_TYPE: UNASSIGNED,
    Attribute.CALLING_NAME: f"{OWNED} AND attribute_not_exists(calling_name_due_at)",
    Attribute.NAME: OWNED,
}


def _deleted_at(number: InventoryNumber) -> AttributeValue:
    assert number.deleted_at is not None, "only a number in the deletion queue"
    return encode(moment_text(number.deleted_at))


def _purge_of(number: InventoryNumber) -> Due:
    assert number.purge_at is not None, "only a number in the deletion queue"
    return Due(task=Task.PURGE, e164=number.e164, at=number.purge_at)


def _due_from(item: Item) -> Due:
    return Due(
        task=Task(string(item["task"])),
        e164=string(item["number"]),
        at=moment(item["due_at"]),
    )
