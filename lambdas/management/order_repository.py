"""Phone number orders in DynamoDB; their ids sort by time, so a list is in order of creation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from lambdas.management.store import Store
from lambdas.management.transaction import creation
from model.codec import Item, Plain, decode_item, encode_item, moment_text
from model.tables import NUMBERS, ORDER, PARTITION_KEY, PENDING, SORT_KEY


class Outcome(Enum):
    """What became of one ordered number (API PN5)."""

    PROCESSING = "Processing"
    ACQUIRED = "Acquired"
    FAILED = "Failed"


class OrderType(Enum):
    """Where an order's numbers come from: the pool, or another operator (API PN5)."""

    NEW = "New"
    PORTING = "Porting"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumberOrder:
    """An order of numbers."""

    order_id: str
    product_type: str
    outcomes: Mapping[str, Outcome]
    """By E.164, in the order of the request."""
    created_at: datetime
    updated_at: datetime
    name: str | None = None
    """Given to all its numbers."""
    order_type: OrderType = OrderType.NEW

    @property
    def is_processing(self) -> bool:
        """Tell whether the outcome of a number is still open."""
        return Outcome.PROCESSING in self.outcomes.values()

    @property
    def status(self) -> str:
        """Return the order's status, which follows from its numbers (API PN5)."""
        if self.is_processing:
            return "Processing"
        outcomes = set(self.outcomes.values())
        if outcomes == {Outcome.ACQUIRED}:
            return "Successful"
        return "Partial" if Outcome.ACQUIRED in outcomes else "Failed"


class OrderRepository:
    """Reads and writes orders."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NUMBERS.physical_name(prefix)

    def create(self, order: PhoneNumberOrder) -> None:
        """Write a new order, and that it is to be fulfilled."""
        pending: dict[str, Plain] = {
            PARTITION_KEY: PENDING,
            SORT_KEY: order.order_id,
            "turn": 0,
            "amount": len(order.outcomes),
        }
        self._store.transact(
            [
                creation(self._table, order_item(order)),
                creation(self._table, encode_item(pending)),
            ]
        )

    def get(self, order_id: str) -> PhoneNumberOrder | None:
        """Return an order."""
        item = self._store.get(self._table, ORDER, order_id.lower())
        return None if item is None else _order_from(item)

    def all(self, *, after: str, batch: int) -> Iterator[PhoneNumberOrder]:
        """Yield the orders behind `after`, in order of creation."""
        return map(_order_from, self._store.query(self._table, ORDER, after=after, batch=batch))


def order_item(order: PhoneNumberOrder) -> Item:
    """Return an order's whole item."""
    members: dict[str, Plain] = {
        PARTITION_KEY: ORDER,
        SORT_KEY: order.order_id,
        "order_type": order.order_type.value,
        "product_type": order.product_type,
        "numbers": list(order.outcomes),
        "outcomes": [outcome.value for outcome in order.outcomes.values()],
        "name": order.name,
        "created_at": moment_text(order.created_at),
        "updated_at": moment_text(order.updated_at),
    }
    return encode_item(members)


def _order_from(item: Item) -> PhoneNumberOrder:
    members = decode_item(item)
    numbers, outcomes = members["numbers"], members["outcomes"]
    assert isinstance(numbers, list) and isinstance(outcomes, list), "orders hold two lists"
    pairs = zip(numbers, outcomes, strict=True)
    return PhoneNumberOrder(
        order_id=str(members[SORT_KEY]),
        product_type=str(members["product_type"]),
        outcomes={str(number): Outcome(outcome) for number, outcome in pairs},
        created_at=datetime.fromisoformat(str(members["created_at"])),
        updated_at=datetime.fromisoformat(str(members["updated_at"])),
        name=str(members["name"]) if "name" in members else None,
        order_type=OrderType(members.get("order_type", OrderType.NEW.value)),
    )
