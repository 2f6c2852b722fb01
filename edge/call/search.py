"""The search for somebody who answers: which target is next, how each one ended (EDGE 5.1, 5.2)."""

from edge.call.invite import b_leg_invite
from edge.call.leg import LegUser, Stack
from edge.call.media import CallMedia
from edge.call.uac_leg import UacLeg
from edge.policy.header_policy import Way
from edge.policy.verdict import AdmitCall
from edge.routing.failover import (
    Failure,
    counts_against_target,
    may_try_again,
)
from edge.routing.health import Health
from edge.routing.targets import Target
from model.settings import Settings


class Search:
    """The targets of one call; the call decides when one is left, the search which is next."""

    __slots__ = (
        *("_admitted", "_health", "_max_forwards", "_settings", "_stack"),
        *("_started_at", "_targets", "last_ending", "silence", "tried"),
    )

    def __init__(
        self,
        stack: Stack,
        settings: Settings,
        health: Health,
        admitted: AdmitCall,
        targets: list[Target],
        max_forwards: int,
        now: float,
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._health = health
        self._admitted = admitted
        self._targets = targets
        self._max_forwards = max_forwards
        self._started_at = now
        self.last_ending: int | Failure | None = None
        """How the last attempt ended (EDGE R35)."""
        self.tried: list[Target] = []
        self.silence = Failure.NO_RESPONSE
        """What it means when the current target stays silent."""

    def next_leg(self, user: LegUser, way: Way, media: CallMedia, now: float) -> UacLeg | None:
        """Return a leg to the next target, its INVITE still to be sent; None when none is left."""
        routing = self._settings.routing
        may_try = may_try_again(len(self.tried), self._started_at, routing, now)
        if not self._targets or not may_try:
            return None
        target = self._targets.pop(0)
        self.tried.append(target)
        self.silence = Failure.NO_RESPONSE
        stack = self._stack
        tag = stack.ids.tag()
        invite = b_leg_invite(
            stack,
            self._settings,
            self._admitted,
            target,
            tag=tag,
            max_forwards=self._max_forwards,
            body=media.offer_to_callee(target.address[0], encrypted=target.encrypted),
        )
        return UacLeg(stack, user, stack.flow_to(target), way, invite, tag, target.connector_id)

    def failed(self, ending: int | Failure, now: float, retry_after_s: float | None) -> None:
        """Note how the current target failed (EDGE F4, F9)."""
        self.last_ending = ending
        if counts_against_target(ending):
            self._health.failed(self.tried[-1], now, retry_after_s)

    def succeeded(self) -> None:
        """Note that the current target is alive."""
        self._health.succeeded(self.tried[-1])
