"""All calls of a node: makes them, counts them, finds them by their media session."""

from collections.abc import Callable, Mapping
from typing import Protocol

from edge.call import outcome
from edge.call.call import Call, CallSurroundings
from edge.call.leg import Stack
from edge.call.media import CallMedia, MediaRules
from edge.call.media_pool import MediaPool
from edge.call.outcome import Outcome
from edge.config import Snapshot
from edge.flow import Flow, Transport
from edge.media.session import SessionId, Side
from edge.policy.header_policy import timestamp_of
from edge.policy.verdict import AdmitCall
from edge.routing.failover import Failure
from edge.routing.health import Health
from edge.routing.targets import Target, carrier_target, inbound_targets, outbound_targets
from edge.sip.message import Request
from model.cdr import Disposition
from model.settings import Carrier, Settings


class CallWatcher(Protocol):
    """Whoever keeps account of calls outside this package."""

    def on_call_started(self, call: Call, now: float) -> None:
        """Hear of an admitted call, before its first target is tried."""

    def on_call_answered(self, call: Call, now: float) -> None:
        """Hear of an answer, before the caller does."""

    def on_attempt_over(self, call: Call, ending: int | Failure, now: float) -> None:
        """Hear that the last target tried has failed."""

    def on_call_ended(self, call: Call, now: float) -> None:
        """Hear of a call's end."""


class B2bua:
    """The node's calls."""

    def __init__(
        self,
        *,
        stack: Stack,
        settings: Settings,
        pool: MediaPool,
        media_address: str,
        watcher: CallWatcher,
        owns: Callable[[str, str], bool],
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._pool = pool
        self._media_address = media_address
        self._carrier_networks = tuple(
            entry
            for carrier in settings.carriers
            for entry in (carrier.host, *carrier.sources, *carrier.media_networks)
            if entry.count(":") != 1
        )
        self._watcher = watcher
        self._health = Health(settings.routing)
        self._surroundings = CallSurroundings(stack, settings, self._health, self, owns)
        self._calls: dict[tuple[int, SessionId], Call] = {}
        self._by_connector: dict[str, int] = {}
        self._sent: dict[tuple[str, str, str], dict[Call, float]] = {}
        self.snapshot = Snapshot()
        self.addresses: Mapping[str, tuple[str, ...]] = {}
        """Resolved addresses of route hosts that are names (EDGE W11)."""
        self.is_draining = False

    def invite(self, admitted: AdmitCall, request: Request, flow: Flow, now: float) -> None:
        """Make a call of an admitted INVITE."""
        endpoint = self._stack.endpoint
        transaction = endpoint.serve(request, flow)
        endpoint.respond(transaction, 100, "Trying", now, fields=timestamp_of(request))
        lease = self._pool.open()
        assert lease is not None, "admission asks for ports first (EDGE R30)"
        media = CallMedia(self._pool, lease, self._rules(admitted))
        targets = self._targets(admitted, now)
        call = Call(self._surroundings, admitted, request, transaction, media, targets, now)
        self._calls[(lease.worker, lease.session)] = call
        connector_id = admitted.connector.connector_id
        self._by_connector[connector_id] = self._by_connector.get(connector_id, 0) + 1
        self._watcher.on_call_started(call, now)
        call.start(now)

    def call_of(self, worker: int, session: SessionId) -> Call | None:
        """Return the call that a media session belongs to."""
        return self._calls.get((worker, session))

    def media_lost(self, worker: int, now: float) -> None:
        """End the calls of a media worker that has died."""
        self._pool.lost(worker)
        for (of_worker, _), call in list(self._calls.items()):
            if of_worker == worker:
                call.hang_up(outcome.MEDIA_LOST, now)

    def hang_up_all(self, why: Outcome, now: float) -> None:
        """End every call."""
        for call in list(self._calls.values()):
            call.hang_up(why, now)

    def carrier_outages(self, now: float) -> list[tuple[Carrier, float | None]]:
        """Return every carrier with the end of its outage, None for a healthy one (EDGE F9)."""
        return [
            (carrier, self._health.out_until(carrier_target(carrier), now))
            for carrier in self._settings.carriers
        ]

    # CallObserver, for the calls

    def on_attempt(self, call: Call, target: Target, now: float) -> None:
        """Remember what was sent where: the next INVITE from there may be a loop (EDGE L2)."""
        admitted = call.admitted
        key = (target.address[0], admitted.from_number, admitted.to_number)
        self._sent.setdefault(key, {})[call] = now

    def on_attempt_over(self, call: Call, ending: int | Failure, now: float) -> None:
        """Tell of a target that failed; what becomes of one after the call's end is no news."""
        if call.outcome is None:
            self._watcher.on_attempt_over(call, ending, now)

    def on_connected(self, call: Call, now: float) -> None:
        """Tell of the answer."""
        self._watcher.on_call_answered(call, now)

    def on_ended(self, call: Call, now: float) -> None:
        """Take the call off the books."""
        lease = call.media.lease
        self._calls.pop((lease.worker, lease.session), None)
        connector_id = call.admitted.connector.connector_id
        left = self._by_connector.get(connector_id, 1) - 1
        if left:
            self._by_connector[connector_id] = left
        else:
            self._by_connector.pop(connector_id, None)
        self._forget_sent(call)
        self._watcher.on_call_ended(call, now)

    # CallTable, for admission

    def is_merged(self, request: Request) -> bool:
        """Tell whether the request is pending over another path (EDGE L1)."""
        return self._stack.endpoint.is_merged(request)

    def has_leg_at(self, host: str) -> bool:
        """Tell whether a leg's peer is at this address (EDGE S1)."""
        return self._stack.has_leg_at(host)

    def active_calls(self) -> int:
        """Return how many calls there are."""
        return len(self._calls)

    def active_calls_of(self, connector_id: str) -> int:
        """Return how many calls a connector has."""
        return self._by_connector.get(connector_id, 0)

    def has_ports(self) -> bool:
        """Tell whether one more call could have its media (EDGE R30)."""
        return self._pool.has_two

    def loop_turns(self, source: str, from_number: str, to_number: str, now: float) -> int:
        """Return how many live calls we sent to this source with the same numbers (EDGE L2)."""
        sent = self._sent.get((source, from_number, to_number), {})
        since = now - self._settings.call.loop_window_s
        turns = 0
        for at in reversed(sent.values()):
            if at < since or turns >= self._settings.call.loop_turns:
                break
            turns += 1
        return turns

    def draining(self) -> bool:
        """Tell whether new calls are refused (EDGE R31)."""
        return self.is_draining

    def _targets(self, admitted: AdmitCall, now: float) -> list[Target]:
        ids, health = self._stack.ids, self._health
        if admitted.disposition is Disposition.TERMINATION:
            carriers = self._settings.carriers
            return outbound_targets(carriers, admitted.to_number, health, ids, now)
        found = inbound_targets(admitted.connector, self.addresses, health, ids, now)
        # The edge speaks UDP only so far: routes that ask for TCP are reached by UDP.
        return [target._replace(transport=Transport.UDP) for target in found]

    def _rules(self, admitted: AdmitCall) -> MediaRules:
        private = admitted.connector.connector_id in self._settings.media.private_media
        return MediaRules(
            address=self._media_address,
            lab_mode=self._settings.lab_mode,
            private_media=private,
            carrier_side=Side.A if admitted.carrier is not None else Side.B,
            carrier_networks=self._carrier_networks,
        )

    def _forget_sent(self, call: Call) -> None:
        admitted = call.admitted
        numbers = (admitted.from_number, admitted.to_number)
        for target in call.tried:
            key = (target.address[0], *numbers)
            sent = self._sent.get(key, {})
            sent.pop(call, None)
            if not sent:
                self._sent.pop(key, None)
