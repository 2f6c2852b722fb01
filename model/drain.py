"""The order to drain: a mark beside the row of a node, which only that node writes (A11).

Who orders writes it once. Who keeps the DNS records notes in it when the node had none any more;
the node refuses new calls only a while after that, so that nobody is sent to it who is then
refused. Where nobody keeps records, nobody notes anything, and the node goes by the order alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from model.codec import Item, Plain, moment, moment_text, string
from model.tables import DRAIN, EXPIRES_AT, PARTITION_KEY, SORT_KEY

KEPT = timedelta(days=7)
"""After the order; ECS protects no task for longer than two days."""
LONGEST_DRAIN_S = 172_800.0
"""For which ECS protects a task at most: 48 hours."""
MAX_DRAIN_S = 9_000.0
"""How long calls may go on after the order, unless the operator says otherwise. CloudFormation
gives a service three hours to become steady, and rolls the deployment back when old tasks are there
for longer; the rest is for new tasks to start, and for the order to be given."""
SERVES_UNLISTED_S = 60.0
"""How long a node takes new calls once it has no DNS record: the 30 s that the record lives, and as
long again for resolvers and phones that keep it for longer."""
SERVES_UNNOTED_S = 900.0
"""How long it takes them after an order while nobody notes that it has no record: a third of the
records goes in a minute, of 90 all but one in eleven; where somebody else keeps the records, he has
a quarter of an hour for it."""


class DrainReason(Enum):
    """Why a node is to go."""

    OUTDATED = "outdated"
    """Its task is of another revision than the service wants."""
    SURPLUS = "surplus"
    """The service wants fewer tasks."""
    OPERATOR = "operator"
    """Somebody said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainMark:
    """The order that one node drains."""

    node_id: str
    ordered_at: datetime
    """UTC."""
    reason: DrainReason
    unlisted_at: datetime | None = None
    """UTC of the moment from which it certainly had no DNS record; None while it may have one."""


def drain_members(mark: DrainMark) -> dict[str, Plain]:
    """Return the whole item, keys included."""
    return {
        PARTITION_KEY: DRAIN,
        SORT_KEY: mark.node_id,
        "ordered_at": moment_text(mark.ordered_at),
        "reason": mark.reason.value,
        "unlisted_at": None if mark.unlisted_at is None else moment_text(mark.unlisted_at),
        EXPIRES_AT: int((mark.ordered_at + KEPT).timestamp()),
    }


def drain_from(item: Item) -> DrainMark:
    """Return the order of an item; raises KeyError or ValueError for a damaged one."""
    return DrainMark(
        node_id=string(item[SORT_KEY]),
        ordered_at=moment(item["ordered_at"]),
        reason=DrainReason(string(item["reason"])),
        unlisted_at=moment(item["unlisted_at"]) if "unlisted_at" in item else None,
    )
