"""The order to drain: a mark beside the row of a node, which only that node writes (A11).

Who orders writes it once. Who keeps the DNS records notes in it when the node had none any more;
the node refuses new calls only a while after that, so that nobody is sent to it who is then
refused.
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
