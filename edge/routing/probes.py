"""Asking targets with OPTIONS whether they work (EDGE F10).

A target that is out is asked every 30 s until its time is over: an answer ends it early. Routes
that work are asked as well where the operator wishes it, so that a dead one is found before a call
is. Whoever is asked waits in one queue in order of time, for all wait equally long.
"""

from collections.abc import Iterable
from enum import Enum, auto

from edge.flow import Address, Transport
from edge.routing.health import Health
from edge.routing.surroundings import Surroundings
from edge.routing.targets import Target
from edge.sip.exchange import ClientTransaction, OutgoingRequest
from edge.sip.message import Response
from edge.sip.timers import Armed
from edge.symbol import Symbol
from model.settings import RoutingSettings

PROBED = 1_000
"""Targets that are asked; of more than that some wait for their time or a call."""
AT_ONCE = 20
"""Requests in one go; the rest follows after PAUSE_S each."""
PAUSE_S = 0.1

_UNWELL = frozenset({408, 503})

_Key = tuple[Address, Transport]


class _Due(Symbol):
    PROBE = auto()


class Prober:
    """Asks, and tells the health of targets what it heard."""

    def __init__(
        self, surroundings: Surroundings, health: Health, settings: RoutingSettings
    ) -> None:
        self._in = surroundings
        self._health = health
        self._settings = settings
        self._queue: dict[_Key, tuple[Target, float]] = {}
        self._steady: frozenset[_Key] = frozenset()
        self.armed: Armed = {}
        if settings.probe_s > 0.0:
            health.on_failed = self._watch

    def keep_asking(self, targets: Iterable[Target], now: float) -> None:
        """Ask these from now on whether they work, and no others that do."""
        if self._settings.probe_s <= 0.0 or not self._settings.probe_routes:
            return
        wanted = {_key(target): target for target in targets}
        self._steady = frozenset(wanted)
        for target in wanted.values():
            self._watch(target, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Ask everybody whose time it is."""
        asked = 0
        while self._queue and asked < AT_ONCE:
            key, (target, at) = next(iter(self._queue.items()))
            if at > now:
                break
            del self._queue[key]
            if key in self._steady or self._health.is_out(target, now):
                asked += 1
                self._queue[key] = (target, now + self._settings.probe_s)
                self._ask(target, now)
        self._wait(now)

    def heard(self, target: Target, status: int | None, now: float) -> None:
        """Take a final answer, or None for silence and for what the network refused."""
        if status is not None and status not in _UNWELL:
            self._health.succeeded(target)
        elif _key(target) in self._steady and not self._health.is_out(target, now):
            self._health.failed(target, now)

    def _watch(self, target: Target, now: float) -> None:
        key = _key(target)
        if key not in self._queue and len(self._queue) < PROBED:
            self._queue[key] = (target, now + self._settings.probe_s)
            self._wait(now)

    def _wait(self, now: float) -> None:
        if self._queue:
            _, at = next(iter(self._queue.values()))
            self._in.timers.start(self, _Due.PROBE, max(at, now + PAUSE_S))
        else:
            self._in.timers.stop(self, _Due.PROBE)

    def _ask(self, target: Target, now: float) -> None:
        uri = f"sip:{target.uri_host}"
        if target.transport is not Transport.UDP:
            uri += f";transport={target.transport.lower()}"
        request = OutgoingRequest(
            method="OPTIONS",
            uri=uri,
            from_=f"<sip:{self._in.local(target.transport)[0]}>;tag={self._in.ids.tag()}",
            to=f"<{uri}>",
            call_id=self._in.ids.call_id(),
            cseq=1,
            fields=(("Accept", "application/sdp"), ("User-Agent", self._in.product)),
        )
        flow = self._in.flow_to(target)
        self._in.endpoint.request(request, flow, _Probe(self, target), now)


class _Probe:
    """One OPTIONS under way."""

    __slots__ = ("_prober", "_target")

    def __init__(self, prober: Prober, target: Target) -> None:
        self._prober = prober
        self._target = target

    def trusts(self, remote: Address) -> bool:
        """Trust the target alone, which the endpoint knows without asking."""
        return False

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if response.status >= 200:
            self._prober.heard(self._target, response.status, now)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        self._prober.heard(self._target, None, now)

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        self._prober.heard(self._target, None, now)


def _key(target: Target) -> _Key:
    return target.address, target.transport
