"""What a node does toward its peers apart from calls: it registers with carriers and probes."""

from collections.abc import Callable, Mapping

from edge.config import Snapshot
from edge.directory import Directory
from edge.flow import Address
from edge.ids import Ids
from edge.routing.credentials import Credentials
from edge.routing.health import Health
from edge.routing.probes import Prober
from edge.routing.registration import Registrar, Tell
from edge.routing.targets import inbound_targets
from edge.sip.endpoint import Endpoint
from edge.sip.timers import Timers
from model.settings import Settings


class Peers:
    """The registrar and the prober of a node (EDGE F10, F13)."""

    def __init__(
        self,
        settings: Settings,
        credentials: Mapping[str, Credentials],
        *,
        endpoint: Endpoint,
        timers: Timers,
        ids: Ids,
        address: Address,
        product: str,
        health: Health,
        is_carrier: Callable[[str], bool],
        tell: Tell,
    ) -> None:
        """`address` is where we are; `tell` hears how registrations change."""
        self._settings = settings.routing
        self._ids = ids
        self._health = health
        self._prober = Prober(
            endpoint=endpoint,
            timers=timers,
            ids=ids,
            address=address,
            product=product,
            health=health,
            settings=settings.routing,
        )
        self._registrar = Registrar(
            settings.carriers,
            credentials,
            endpoint=endpoint,
            timers=timers,
            ids=ids,
            address=address,
            product=product,
            is_carrier=is_carrier,
            tell=tell,
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

    def registration_of(self, carrier: str) -> str | None:
        """Return how it stands with a carrier, None for one that wants no registration."""
        state = self._registrar.state_of(carrier)
        return None if state is None else state.value
