"""Termination health as items of the table of nodes (model/tables.py has the keys; API TH1)."""

from datetime import timedelta

from model.codec import Item, Plain, moment, moment_text, string
from model.configurations import TerminationHealth
from model.tables import EXPIRES_AT, HEALTH, PARTITION_KEY, SORT_KEY

KEPT = timedelta(days=90)
"""After the last ping; of a connector that is gone nobody asks any more."""


def health_members(connector_id: str, health: TerminationHealth) -> dict[str, Plain]:
    """Return the whole item of a connector's health, keys included."""
    return {
        PARTITION_KEY: HEALTH,
        SORT_KEY: connector_id,
        "at": moment_text(health.at),
        "source": health.source,
        EXPIRES_AT: int((health.at + KEPT).timestamp()),
    }


def health_from(item: Item) -> TerminationHealth:
    """Return the health of an item; raises KeyError or ValueError for a damaged one."""
    return TerminationHealth(at=moment(item["at"]), source=string(item["source"]))
