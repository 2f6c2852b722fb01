"""Carries out the order to drain, on the node's event loop (A11, EDGE R31, C9)."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Protocol, assert_never

from edge.runtime.aws_messages import DrainOrder
from edge.runtime.draining import Act, Draining, DrainTimes, Remains, Stage
from edge.runtime.log import Field, Logger
from edge.seam import Drain, HangUp, Input, Resume
from model.drain import DrainReason

LOOK_EVERY_S = 0.5
STORED_LOOKS = 4
"""In a row that find every record stored: how many are not is told once a second."""
SHUTDOWN_MESSAGE = "Service shutdown"
"""StatusMessage of calls that the end of the node ended (EDGE C9)."""
STOPS_ITSELF_AFTER_S = 600.0
"""After the end of a drain that no operator has ordered. ECS stops a task that is too many or
outdated within a minute or two of its release. If it does not, more tasks are wanted again by now,
and this one, which takes no calls, is in the way of one that would."""


class Calls(Protocol):
    """The calls of the node."""

    @property
    def active_calls(self) -> int:
        """Return how many there are."""

    @property
    def pending(self) -> dict[str, int]:
        """Return what is held, by kind."""

    def feed(self, happened: Input) -> None:
        """Take one input."""


class Safe(Protocol):
    """Where their records go, and who protects the task."""

    @property
    def owed(self) -> int:
        """Return how many ends of answered calls a crash could take."""

    @property
    def backlog(self) -> int:
        """Return how many records are not stored yet."""

    @property
    def recordings(self) -> int:
        """Return how many recordings are over and not settled."""

    def unprotect(self) -> None:
        """Let the task be stopped."""


class CommandedDrain:
    """One node's; the process goes on when it has ended, until it is told to stop."""

    def __init__(
        self,
        times: DrainTimes,
        *,
        is_protected: bool,
        loop: AbstractEventLoop,
        driver: Calls,
        aws: Safe,
        renew: Callable[[], None],
        stop: Callable[[], None],
        log: Logger,
    ) -> None:
        """`is_protected` says that ECS stops the task once it is released; `renew` lets the
        node's row say how it is doing, at once; `stop` ends the node."""
        self._draining = Draining(times, end_is_final=is_protected)
        self._is_final = is_protected
        self._stop = stop
        self._reason = ""
        self._loop = loop
        self._driver = driver
        self._aws = aws
        self._renew = renew
        self._log = log
        self._stored_looks = 0
        self._next: TimerHandle | None = None
        self._is_closed = False

    def told(self, order: DrainOrder | None) -> None:
        """Hear what the table of nodes says, whenever that changes."""
        if self._is_closed:
            return
        act = self._draining.told(order, self._loop.time())
        if order is not None:
            self._reason = order.reason
        if act is not None:
            self._carry_out(act)
        elif order is None and self._draining.stage is Stage.ENDED:
            hint = "ECS may be stopping its task already: it stops, and another one takes its place"
            self._log("drain-is-final", {"hint": hint})
            self._stop()
        self._look_again()

    def close(self) -> None:
        """Do nothing any more: the node stops."""
        self._is_closed = True
        if self._next is not None:
            self._next.cancel()

    def _look_again(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._draining.stage not in (Stage.SERVING, Stage.ENDED):
            self._next = self._loop.call_later(LOOK_EVERY_S, self._look)
        elif self._stops_itself:
            self._next = self._loop.call_later(STOPS_ITSELF_AFTER_S, self._stop_unstopped)

    @property
    def _stops_itself(self) -> bool:
        is_over = self._is_final and self._draining.stage is Stage.ENDED
        return is_over and self._reason != DrainReason.OPERATOR.value

    def _stop_unstopped(self) -> None:
        self._log("drain-not-stopped", {"after_s": STOPS_ITSELF_AFTER_S})
        self._stop()

    def _look(self) -> None:
        remains = self._remains()
        while act := self._draining.look(remains, self._loop.time()):
            self._carry_out(act)
        self._look_again()

    def _remains(self) -> Remains:
        pending, aws = self._driver.pending, self._aws
        is_quiet = not (pending["calls"] or pending["dialogs"] or pending["recordings"])
        is_safe = not (aws.owed or aws.recordings)
        is_stored = is_quiet and is_safe and not aws.backlog
        self._stored_looks = self._stored_looks + 1 if is_stored else 0
        return Remains(is_quiet, is_safe, self._stored_looks >= STORED_LOOKS)

    def _carry_out(self, act: Act) -> None:
        calls: dict[str, Field] = {"active_calls": self._driver.active_calls}
        match act:
            case Act.NOTE:
                is_told = self._draining.stage is Stage.LEAVING
                fields: dict[str, Field] = {"reason": self._reason} if is_told else {}
                self._log("drain-ordered" if is_told else "drain-undone", fields | calls)
            case Act.REFUSE:
                self._log("drain-refusing", calls)
                self._driver.feed(Drain())
                self._renew()
            case Act.RESUME:
                self._log("drain-undone", calls)
                self._driver.feed(Resume())
                self._renew()
            case Act.HANG_UP:
                self._log("drain-too-long", calls)
                self._driver.feed(HangUp(SHUTDOWN_MESSAGE))
            case Act.RELEASE:
                self._log("drain-ended", {})
                self._renew()
                self._aws.unprotect()
            case _:
                assert_never(act)
