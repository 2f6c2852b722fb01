"""All calls of a node: makes them, counts them, finds them by their media session."""

from collections.abc import Callable, Mapping
from typing import Protocol

from edge.call import outcome
from edge.call.call import Call
from edge.call.census import Census
from edge.call.leg import Stack
from edge.call.media import CallMedia, MediaRules
from edge.call.media_pool import MediaPool
from edge.call.outcome import Outcome
from edge.call.party import Party
from edge.call.surroundings import CallSurroundings
from edge.config import Snapshot
from edge.directory import Directory
from edge.flow import Flow, Transport
from edge.media.sdes import SdesRules
from edge.media.session import SessionId, Side
from edge.policy.header_policy import timestamp_of
from edge.policy.reasons import Reason
from edge.policy.verdict import AdmitCall
from edge.routing.credentials import Credentials
from edge.routing.failover import Failure
from edge.routing.health import Health
from edge.routing.targets import (
    Target,
    bridge_targets,
    inbound_targets,
    outbound_targets,
)
from edge.sip.exchange import ServerTransaction
from edge.sip.message import Request
from model.checks import is_network
from model.settings import Settings

_NO_SIDE: frozenset[Side] = frozenset()


class CallWatcher(Protocol):
    """Whoever keeps account of calls outside this package."""

    def on_call_started(self, call: Call, now: float) -> None:
        """Hear of an admitted call, before its first target is tried."""

    def on_attempt(self, call: Call, now: float) -> None:
        """Hear that the next target is tried, before its INVITE goes out."""

    def on_call_answered(self, call: Call, now: float) -> None:
        """Hear of an answer; the caller waits until `journalled` has told of all customers."""

    def on_call_not_journalled(self, transaction_ids: list[str]) -> None:
        """Hear that it has not, for too long."""

    def on_call_connected(self, call: Call, now: float) -> None:
        """Hear that the caller hears of the answer now."""

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
        credentials: Mapping[str, Credentials],
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._pool = pool
        self._media_address = media_address
        self._carrier_networks = tuple(
            entry
            for carrier in settings.carriers
            for entry in (carrier.host, *carrier.sources, *carrier.media_networks)
            if is_network(entry)
        )
        self._sdes = SdesRules.of(settings.srtp)
        self._watcher = watcher
        self.health = Health(settings.routing)
        self._surroundings = CallSurroundings(stack, settings, self.health, self, owns, credentials)
        self._calls: dict[tuple[int, SessionId], Call] = {}
        self._census = Census()
        self._held: dict[str, Call] = {}
        """Calls whose caller waits for the answer, by the TransactionIds of rows to come."""
        self._sent: dict[tuple[str, str, str], dict[Call, float]] = {}
        self.snapshot = Snapshot()
        self.directory = Directory()
        """What the names of routes and peers resolve to (EDGE W11)."""
        self.is_draining = False

    def invite(
        self,
        admitted: AdmitCall,
        request: Request,
        flow: Flow,
        now: float,
        transaction: ServerTransaction | None = None,
    ) -> None:
        """Make a call of an admitted INVITE; one that has waited has its transaction already.

        One to a sips: URI leaves by TLS or not at all (EDGE W10).
        """
        if transaction is None:
            endpoint = self._stack.endpoint
            transaction = endpoint.serve(request, flow)
            endpoint.respond(transaction, 100, "Trying", now, fields=timestamp_of(request))
        lease = self._pool.open()
        assert lease is not None, "admission asks for ports first (EDGE R30)"
        media = CallMedia(self._pool, lease, self._rules(admitted), self._stack.ids)
        targets = self._targets(admitted, now)
        wants_tls = request.uri[:5].lower() == "sips:"
        if wants_tls:
            targets = [target for target in targets if target.transport is Transport.TLS]
        call = Call(self._surroundings, admitted, request, transaction, media, targets, now)
        self._calls[(lease.worker, lease.session)] = call
        self._count(call)
        self._watcher.on_call_started(call, now)
        if wants_tls and not targets:
            call.refuse(Reason.NO_TLS_TARGET, now)
        else:
            call.start(now)

    def call_of(self, worker: int, session: SessionId) -> Call | None:
        """Return the call that a media session belongs to."""
        return self._calls.get((worker, session))

    def journalled(self, transaction_id: str, now: float) -> None:
        """Take that the row of an answered call's customer is safe (EDGE C9)."""
        call = self._held.pop(transaction_id, None)
        if call is not None:
            call.journalled(transaction_id, now)

    def party(self, transaction_id: str) -> tuple[Call, Party] | None:
        """Return the call and the customer that have a TransactionId; it looks through all."""
        for call in self._calls.values():
            for party in call.parties:
                if party.transaction_id == transaction_id:
                    return call, party
        return None

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

    # CallObserver, for the calls

    def on_attempt(self, call: Call, target: Target, now: float) -> None:
        """Remember what was sent where: the next INVITE from there may be a loop (EDGE L2)."""
        self._count(call)
        admitted = call.admitted
        key = (target.address[0], admitted.from_number, admitted.to_number)
        self._sent.setdefault(key, {})[call] = now
        self._watcher.on_attempt(call, now)

    def on_attempt_over(self, call: Call, ending: int | Failure, now: float) -> None:
        """Tell of a target that failed; what becomes of one after the call's end is no news."""
        if call.outcome is None:
            self._watcher.on_attempt_over(call, ending, now)

    def on_answered(self, call: Call, now: float) -> None:
        """Tell of the answer, and wait for the rows."""
        for party in call.parties:
            self._held[party.transaction_id] = call
        self._watcher.on_call_answered(call, now)

    def on_not_journalled(self, call: Call, transaction_ids: list[str]) -> None:
        """Tell that some rows are not safe; it is too late for them to be waited for."""
        self._forget_held(call)
        self._watcher.on_call_not_journalled(transaction_ids)

    def on_connected(self, call: Call, now: float) -> None:
        """Tell that the answer is passed on."""
        self._watcher.on_call_connected(call, now)

    def on_ended(self, call: Call, now: float) -> None:
        """Take the call off the books."""
        lease = call.media.lease
        self._calls.pop((lease.worker, lease.session), None)
        self._census.forget(call)
        self._forget_sent(call)
        if call.connected_at is None and call.is_journalled:
            self._forget_held(call)
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
        return self._census.of(connector_id)

    def has_ports(self) -> bool:
        """Tell whether one more call could have its media (EDGE R30)."""
        return self._pool.has_two

    def calls_by_connector(self) -> dict[str, int]:
        """Return how many calls each connector has that has any."""
        return self._census.all()

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

    def _forget_held(self, call: Call) -> None:
        for party in call.parties:
            self._held.pop(party.transaction_id, None)

    def _count(self, call: Call) -> None:
        self._census.note(call, tuple([party.connector_id for party in call.parties]))

    def _targets(self, admitted: AdmitCall, now: float) -> list[Target]:
        ids, health, directory = self._stack.ids, self.health, self.directory
        if admitted.bridge is not None:
            return bridge_targets(admitted.bridge, directory, health, now)
        if admitted.callees:
            return inbound_targets(admitted.callees, directory, health, ids, now)
        carriers = self._settings.carriers
        return outbound_targets(carriers, admitted.to_number, directory, health, ids, now)

    def _rules(self, admitted: AdmitCall) -> MediaRules:
        networks: dict[Side, tuple[str, ...]] = {}
        if admitted.bridge is not None:
            networks[Side.B] = admitted.bridge.media_networks
        elif not admitted.is_on_net:
            side = Side.A if admitted.carrier is not None else Side.B
            networks[side] = self._carrier_networks
        return MediaRules(
            address=self._media_address,
            lab_mode=self._settings.lab_mode,
            private=self._private_sides(admitted),
            networks=networks,
            terms=admitted.terms,
            sdes=self._sdes,
        )

    def _private_sides(self, admitted: AdmitCall) -> frozenset[Side]:
        """Return the sides whose media may be at private addresses (EDGE S11)."""
        private = self._settings.media.private_media
        if not private:
            return _NO_SIDE
        callers = admitted.connector.connector_id in private
        if not (admitted.is_on_net and admitted.callees):
            return frozenset(Side) if callers else _NO_SIDE
        callees = all(callee.connector_id in private for callee in admitted.callees)
        return frozenset(side for side, may in ((Side.A, callers), (Side.B, callees)) if may)

    def _forget_sent(self, call: Call) -> None:
        admitted = call.admitted
        numbers = (admitted.from_number, admitted.to_number)
        for target in call.tried:
            key = (target.address[0], *numbers)
            sent = self._sent.get(key, {})
            sent.pop(call, None)
            if not sent:
                self._sent.pop(key, None)
