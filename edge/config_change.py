"""A part of the configuration that has changed, and what a Snapshot becomes by it (A9).

The Snapshot after a change takes the indexes of the one before over and changes the entries that
differ. Copying them would touch every connector for the sake of one: 10 ms for 10,000.

The whole configuration is told in changes, too: in small ones, between which a node has time for
its calls, and then by the names of all that there is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from edge.config import Snapshot
from model.connector import Connector, Network, connector_host
from model.connector_group import ConnectorGroup
from model.numbers import InventoryNumber

T = TypeVar("T")

PART_WEIGHT = 100
"""Connectors, entries of their allow lists, numbers and groups that a node takes in at a time: some
2 ms of its own."""


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

    def news_for(self, snapshot: Snapshot) -> "ConfigChange":
        """Return the change without what a Snapshot holds already."""
        return ConfigChange(
            _unlike(snapshot.connectors, self.connectors),
            _unlike(snapshot.numbers, self.numbers),
            self.cdr_bucket,
            _unlike(snapshot.groups, self.groups),
        )

    def parts(self) -> Iterator["ConfigChange"]:
        """Yield small changes that come to the same: connectors before what points at them."""
        weight = sum(_weight(it) for it in self.connectors.values())
        if weight + len(self.numbers) + len(self.groups) <= PART_WEIGHT:
            yield self
            return
        for connectors in _portions(self.connectors, _weight):
            yield ConfigChange(connectors, {}, self.cdr_bucket, {})
        for groups in _portions(self.groups):
            yield ConfigChange({}, {}, self.cdr_bucket, groups)
        for numbers in _portions(self.numbers):
            yield ConfigChange({}, numbers, self.cdr_bucket, {})

    def made_to(self, before: Snapshot, domain: str) -> Snapshot:
        """Return the Snapshot after the change; the one before must not be used any more.

        `domain` is the suffix of connector hosts.
        """
        before.sources.change(
            {
                name: (_networks(old), _networks(connector))
                for name, connector in self.connectors.items()
                for old in (before.connectors.get(name),)
                if _allow_list(old) != _allow_list(connector)
            }
        )
        for name, connector in self.connectors.items():
            _set(before.connectors, name, connector)
            _set(before.hosts, connector_host(name, domain), connector)
        for name, number in self.numbers.items():
            # Numbers in the deletion queue are nobody's, as in a Snapshot that is built.
            owned = None if number is None or number.deleted_at is not None else number
            _set(before.numbers, name, owned)
        for name, group in self.groups.items():
            _set(before.groups, name, group)
        return replace(before, cdr_bucket=self.cdr_bucket)


class Existing(NamedTuple):
    """The names of everything that there is."""

    connectors: frozenset[str]
    numbers: frozenset[str]
    groups: frozenset[str]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Existing":
        """Return the names of what a Snapshot holds."""
        return cls(
            frozenset(snapshot.connectors), frozenset(snapshot.numbers), frozenset(snapshot.groups)
        )

    def without_others(self, snapshot: Snapshot) -> ConfigChange:
        """Return the change that takes everything else out of a Snapshot."""
        return ConfigChange(
            dict.fromkeys(snapshot.connectors.keys() - self.connectors),
            dict.fromkeys(snapshot.numbers.keys() - self.numbers),
            snapshot.cdr_bucket,
            dict.fromkeys(snapshot.groups.keys() - self.groups),
        )


def everything_in(snapshot: Snapshot) -> ConfigChange:
    """Return the change that makes a Snapshot of an empty one."""
    return ConfigChange(
        dict(snapshot.connectors),
        dict(snapshot.numbers),
        snapshot.cdr_bucket,
        dict(snapshot.groups),
    )


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


def _unlike(known: Mapping[str, T], told: Mapping[str, T | None]) -> dict[str, T | None]:
    return {name: it for name, it in told.items() if known.get(name) != it}


def _portions(
    entries: Mapping[str, T], weight: Callable[[T], int] = lambda entry: 1
) -> Iterator[dict[str, T]]:
    portion: dict[str, T] = {}
    room = PART_WEIGHT
    for name, entry in entries.items():
        portion[name] = entry
        room -= weight(entry)
        if room <= 0:
            yield portion
            portion, room = {}, PART_WEIGHT
    if portion:
        yield portion


def _weight(connector: Connector | None) -> int:
    return 1 + len(_allow_list(connector))


def _allow_list(connector: Connector | None) -> tuple[str, ...]:
    if connector is None or connector.termination is None:
        return ()
    return connector.termination.cidr_allowed_list


def _networks(connector: Connector | None) -> tuple[Network, ...]:
    if connector is None or connector.termination is None:
        return ()
    return connector.termination.networks()
