"""What all calls of a node share, and who hears of what happens to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from edge.call.leg import Stack
from edge.routing.credentials import Credentials
from edge.routing.failover import Failure
from edge.routing.health import Health
from edge.routing.targets import Target
from model.settings import Settings

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


class CallObserver(Protocol[C_contra]):
    """Whoever keeps account of calls."""

    def on_attempt(self, call: C_contra, target: Target, now: float) -> None:
        """Hear that a target's INVITE goes out."""

    def on_attempt_over(self, call: C_contra, ending: int | Failure, now: float) -> None:
        """Hear that the last target tried has failed, with a status or without an answer."""

    def on_answered(self, call: C_contra, now: float) -> None:
        """Hear that a call is answered: its caller is told once its rows are safe (EDGE C9)."""

    def on_not_journalled(self, call: C_contra, transaction_ids: list[str]) -> None:
        """Hear that nobody has said so of these rows, and that the caller is told all the same."""

    def on_connected(self, call: C_contra, now: float) -> None:
        """Hear that the caller is told of the answer now."""

    def on_ended(self, call: C_contra, now: float) -> None:
        """Hear that a call has ended, maybe some time ago; its media is released."""


@dataclass(frozen=True, slots=True)
class CallSurroundings(Generic[C]):
    """What all calls of a node share."""

    stack: Stack
    settings: Settings
    health: Health
    observer: CallObserver[C]
    owns: Callable[[str, str], bool]
    """Whether an address belongs to the peers of a connector (by id) or to a carrier (EDGE S10)."""
    credentials: Mapping[str, Credentials]
    """By the names of the carriers that challenge (EDGE F13)."""
