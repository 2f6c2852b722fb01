"""How many calls each connector has (EDGE R16); a call between two connectors counts for both."""

from collections.abc import Hashable


class Census:
    """Counts of calls by connector id."""

    __slots__ = ("_counts", "_held")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._held: dict[Hashable, tuple[str, ...]] = {}

    def note(self, call: Hashable, connector_ids: tuple[str, ...]) -> None:
        """Count a call for these connectors and no longer for those of before."""
        if self._held.get(call) != connector_ids:
            self.forget(call)
            self._held[call] = connector_ids
            for connector_id in connector_ids:
                self._counts[connector_id] = self._counts.get(connector_id, 0) + 1

    def forget(self, call: Hashable) -> None:
        """Count a call no longer; nothing happens when it is not counted."""
        for connector_id in self._held.pop(call, ()):
            left = self._counts[connector_id] - 1
            if left:
                self._counts[connector_id] = left
            else:
                del self._counts[connector_id]

    def all(self) -> dict[str, int]:
        """Return how many calls each connector has that has any."""
        return dict(self._counts)

    def of(self, connector_id: str) -> int:
        """Return how many calls a connector has."""
        return self._counts.get(connector_id, 0)
