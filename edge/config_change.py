"""A part of the configuration that has changed, and what a Snapshot becomes by it (A9).

The Snapshot after a change takes the indexes of the one before over and changes the entries that
differ. Copying them would touch every connector for the sake of one: 10 ms for 10,000.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from edge.config import Snapshot
from model.connector import Connector, Network, connector_host
from model.connector_group import ConnectorGroup
from model.numbers import InventoryNumber

T = TypeVar("T")


class ConfigChange(NamedTuple):
    """What differs from the Snapshot before; None stands for what is gone."""

    connectors: Mapping[str, Connector | None]
    numbers: Mapping[str, InventoryNumber | None]
    cdr_bucket: str | None
    """As it is now, changed or not."""
    groups: Mapping[str, ConnectorGroup | None] = MappingProxyType({})

    def differs_from(self, snapshot: Snapshot) -> bool:
        """Tell whether the change changes anything."""
        changed = self.connectors or self.numbers or self.groups
        return bool(changed) or self.cdr_bucket != snapshot.cdr_bucket

    def made_to(self, before: Snapshot, domain: str) -> Snapshot:
        """Return the Snapshot after the change; the one before must not be used any more.

        `domain` is the suffix of connector hosts.
        """
        for name, connector in self.connectors.items():
            old, new = _networks(before.connectors.get(name)), _networks(connector)
            if old != new:
                before.sources.change(name, old, new)
            _set(before.connectors, name, connector)
            _set(before.hosts, connector_host(name, domain), connector)
        for name, number in self.numbers.items():
            # Numbers in the deletion queue are nobody's, as in a Snapshot that is built.
            owned = None if number is None or number.deleted_at is not None else number
            _set(before.numbers, name, owned)
        for name, group in self.groups.items():
            _set(before.groups, name, group)
        return replace(before, cdr_bucket=self.cdr_bucket)


def difference(before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, T | None]:
    """Return what has changed between two states of a table."""
    changed: dict[str, T | None] = {name: None for name in before if name not in after}
    changed.update({name: it for name, it in after.items() if before.get(name) != it})
    return changed


def _set(entries: Mapping[str, T], name: str, value: T | None) -> None:
    assert isinstance(entries, dict), "Snapshot.build makes dictionaries"
    if value is None:
        entries.pop(name, None)
    else:
        entries[name] = value


def _networks(connector: Connector | None) -> tuple[Network, ...]:
    if connector is None or connector.termination is None:
        return ()
    return connector.termination.networks()
