"""What a node does toward its peers apart from calls: it registers with carriers and probes."""

from collections.abc import Callable, Mapping

from edge.clock import Clock
from edge.config import Snapshot
from edge.directory import Directory
from edge.routing.credentials import Credentials
from edge.routing.health import Health
from edge.routing.probes import Prober
from edge.routing.registration import Registrar, Tell
from edge.routing.surroundings import Surroundings
from edge.routing.targets import carrier_targets, inbound_targets
from model.node import CarrierState
from model.settings import Carrier, Settings


class Peers:
    """The registrar and the prober of a node (EDGE F10, F13)."""

    def __init__(
        self,
        settings: Settings,
        credentials: Mapping[str, Credentials],
        surroundings: Surroundings,
        *,
        health: Health,
        is_carrier: Callable[[str], bool],
        tell: Tell,
    ) -> None:
        """`tell` hears how registrations change."""
        self._settings = settings.routing
        self._carriers = settings.carriers
        self._ids = surroundings.ids
        self._health = health
        self._prober = Prober(surroundings, health, settings.routing)
        self._registrar = Registrar(
            settings.carriers, credentials, surroundings, is_carrier=is_carrier, tell=tell
        )

    def reach(self, snapshot: Snapshot, directory: Directory, now: float) -> None:
        """Take where carriers and routes are now."""
        self._registrar.reach(directory, now)
        if self._settings.probe_routes:
            connectors = tuple(snapshot.connectors.values())
            routes = inbound_targets(connectors, directory, self._health, self._ids, now)
            self._prober.keep_asking(routes, now)

    def leave(self, now: float) -> None:
        """Let carriers send no more calls here (EDGE R31)."""
        self._registrar.leave(now)

    def come_back(self, directory: Directory, now: float) -> None:
        """Let carriers send calls here again."""
        self._registrar.come_back(directory, now)

    def carrier_states(
        self, directory: Directory, clock: Clock, now: float
    ) -> tuple[CarrierState, ...]:
        """Return how each carrier is doing, for people (EDGE F9, F13)."""
        return tuple(
            CarrierState(
                name=carrier.name,
                host=carrier.host,
                port=carrier.port,
                priority=carrier.priority,
                weight=carrier.weight,
                out_until=None if until is None else clock.utc_at(until),
                registration=self._registrar.state_of(carrier.name),
            )
            for carrier in self._carriers
            for until in (self._out_until(carrier, directory, now),)
        )

    def _out_until(self, carrier: Carrier, directory: Directory, now: float) -> float | None:
        """Return when the first of a carrier's addresses is tried again, if all are out."""
        targets = carrier_targets(carrier, directory)
        ends = [self._health.out_until(target, now) for target in targets]
        known = [end for end in ends if end is not None]
        return min(known) if known and len(known) == len(ends) else None


def owns(snapshot: Snapshot, directory: Directory, connector_id: str, address: str) -> bool:
    """Tell whether an address is a connector's (by id) or a carrier's (EDGE S10)."""
    if not connector_id:
        return snapshot.is_carrier(address)
    if connector_id in snapshot.sources.labels(address):
        return True
    # A name is nobody's address: a Contact may show one (EDGE S12).
    hosts = snapshot.route_hosts(connector_id)
    return any(address in directory.addresses_of(host) for host in hosts)
