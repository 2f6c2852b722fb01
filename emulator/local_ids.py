"""Identifiers of the local run: the demo connector keeps its own, whatever else is new (A14)."""

from lambdas.management.ids import SystemIds

DEMO_CONNECTOR_ID = "demo000000000000000000"
"""The same in every run, so that a softphone needs to be told its domain only once."""


class LocalIds(SystemIds):
    """The system's identifiers, except that the first connector is the demo connector."""

    def __init__(self) -> None:
        self._demo_made = False

    def connector_id(self) -> str:
        """Return the demo connector's id once, then fresh ones."""
        if self._demo_made:
            return super().connector_id()
        self._demo_made = True
        return DEMO_CONNECTOR_ID
