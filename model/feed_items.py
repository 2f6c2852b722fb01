"""Changes of the configuration as items of the feed (A9; model/tables.py has the keys).

What is fed is the key of an item that has changed, never its content: whoever reads the feed reads
the item, and so sees it as it is by then. An item that was deleted is one that is not there.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from model.codec import Item, Plain, moment_text, string
from model.tables import (
    CHANGE,
    CONNECTOR,
    CONNECTORS,
    EXPIRES_AT,
    GLOBAL,
    GROUP,
    INVENTORY,
    NUMBERS,
    PARTITION_KEY,
    SETTINGS,
    SORT_KEY,
    Table,
)

KEPT = timedelta(days=1)
"""Nodes that have not looked for longer read everything."""

FED: dict[tuple[str, str], Table] = {
    (CONNECTORS.logical_name, CONNECTOR): CONNECTORS,
    (CONNECTORS.logical_name, GROUP): CONNECTORS,
    (CONNECTORS.logical_name, SETTINGS): CONNECTORS,
    (NUMBERS.logical_name, INVENTORY): NUMBERS,
}
"""Partitions that nodes want to know of, by the logical name of their table."""


class ChangedKey(NamedTuple):
    """An item that has changed."""

    table: str
    """Logical name."""
    partition: str
    sort: str

    @property
    def is_fed(self) -> bool:
        """Tell whether any node wants to know."""
        if self.partition == SETTINGS and self.sort != GLOBAL:
            return False
        return (self.table, self.partition) in FED


def change_members(changed: ChangedKey, at: datetime, change_id: str) -> dict[str, Plain]:
    """Return the whole item of a change, keys included; changes sort by their time."""
    return {
        PARTITION_KEY: CHANGE,
        SORT_KEY: f"{moment_text(at)}#{change_id}",
        "table": changed.table,
        "partition": changed.partition,
        "sort": changed.sort,
        EXPIRES_AT: int((at + KEPT).timestamp()),
    }


def change_from(item: Item) -> ChangedKey:
    """Return the change of an item; raises KeyError or ValueError for a damaged one."""
    return ChangedKey(string(item["table"]), string(item["partition"]), string(item["sort"]))
