"""What an operator does to the supply of numbers: import, port in, release (A6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from cli.pool_file import Entry, Problem
from lambdas.management.ids import Ids
from lambdas.management.order_repository import OrderType, Outcome, PhoneNumberOrder
from lambdas.management.repository import Repository
from lambdas.management.store import Changed
from lambdas.management.supply_repository import POOLED_PER_TRANSACTION
from model.numbers import InventoryNumber, NumberKind, NumberStatus, facts_of

_TYPES = {NumberKind.ORDINARY: "Local", NumberKind.TOLL_FREE: "TollFree"}


class SupplyError(Exception):
    """What was asked for cannot be done; the text says why. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What a file would change, against the supply as it is."""

    new: Sequence[Entry]
    known: int
    """Numbers that the pool holds already, just as the file has them."""
    problems: Sequence[Problem]


def judged(repository: Repository, entries: Sequence[Entry]) -> Import:
    """Compare a file's numbers with pool and inventory.

    A number that is in the pool as the file has it is no problem: the same file can be imported
    again, after an import that was cut off or for the lines that were added.
    """
    names = [entry.number.e164 for entry in entries]
    pool = repository.numbers.orderable(names)
    owned = repository.numbers.owned(names)
    new: list[Entry] = []
    problems: list[Problem] = []
    for entry in entries:
        e164 = entry.number.e164
        if e164 in owned:
            problems.append(Problem(entry.line, f"{e164} is in the inventory already"))
        elif e164 not in pool:
            new.append(entry)
        elif pool[e164] != entry.number:
            problems.append(Problem(entry.line, f"{e164} is in the pool with other details"))
    known = len(entries) - len(new) - len(problems)
    return Import(new=new, known=known, problems=problems)


def offer(repository: Repository, entries: Sequence[Entry]) -> None:
    """Put numbers into the pool, some at a time; an import that was cut off can be repeated."""
    rest = iter(entries)
    while chunk := list(islice(rest, POOLED_PER_TRANSACTION)):
        try:
            repository.supply.offer(entry.number for entry in chunk)
        except Changed as error:
            raise SupplyError(
                f"a number of lines {chunk[0].line} to {chunk[-1].line} has come into the "
                "inventory meanwhile; what comes before them is imported: run it again"
            ) from error


def port_in(
    repository: Repository,
    e164: str,
    *,
    name: str | None,
    product_type: str,
    ids: Ids,
    now: datetime,
) -> PhoneNumberOrder:
    """Put a number of another operator into the inventory; return the order that tells of it."""
    facts = facts_of(e164)
    number_type = None if facts is None else _TYPES.get(facts.kind)
    if facts is None or number_type is None:
        raise SupplyError(f"{e164!r} is no valid number in E.164, local or toll-free")
    order = PhoneNumberOrder(
        order_id=ids.order_id(),
        product_type=product_type,
        outcomes={e164: Outcome.ACQUIRED},
        created_at=now,
        updated_at=now,
        name=name,
        order_type=OrderType.PORTING,
    )
    number = InventoryNumber(
        e164=e164,
        number_type=number_type,
        product_type=product_type,
        country=facts.region,
        created_at=now,
        updated_at=now,
        order_id=order.order_id,
        name=name,
        ported_in=True,
    )
    try:
        repository.supply.port_in(number, order)
    except Changed as error:
        raise SupplyError(f"{e164} is in the pool or in the inventory already") from error
    return order


def release(repository: Repository, e164: str) -> str:
    """Give a number back to whom it came from; return where it was."""
    number = repository.numbers.get(e164)
    try:
        if number is None:
            repository.supply.withdraw(e164)
            return "pool"
        if number.status is NumberStatus.ASSIGNED:
            raise SupplyError(f"{e164} is associated; disassociate it before it is released")
        repository.lifecycle.release(number)
    except Changed as error:
        where = "it has changed meanwhile: try again" if number else "it is not in this deployment"
        raise SupplyError(f"{e164} was not released; {where}") from error
    return "inventory" if number.deleted_at is None else "deletion queue"
