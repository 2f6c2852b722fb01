"""The session timer of one leg: keeps a dialog alive, or ends it (RFC 4028, EDGE 1.9).

Nobody is forced: it runs when the peer's INVITE asked for it, or the 2xx to ours. Whoever refreshes
does so by re-INVITE at half the interval; every 2xx to an INVITE starts it anew, and one that says
nothing of it ends it. A refresh that fails is tried again every few seconds until the session's
time is over.
"""

from enum import Enum, auto
from typing import Protocol

from edge.call.events import Expired, RefreshDue
from edge.policy.session_interval import LEAST_S, TIMER, asked_interval, interval_in
from edge.sip.exchange import Fields
from edge.sip.message import Request, Response
from edge.sip.timers import Armed, Timers
from edge.symbol import Symbol

MARGIN_S = 32.0
AGAIN_S = 10.0
"""Between two tries of a refresh."""


class SessionTimerName(Symbol):
    """What a leg waits for."""

    REFRESH = auto()
    EXPIRY = auto()


class TimedLeg(Protocol):
    """The leg whose session it is."""

    def tell(self, event: Expired | RefreshDue, now: float) -> None:
        """Tell the leg's user."""


class SessionTimer:
    """Interval, who refreshes, and what is due."""

    __slots__ = ("_interval_s", "_least_s", "_leg", "_timers", "_we_refresh", "armed", "is_due")

    def __init__(self, leg: TimedLeg, timers: Timers) -> None:
        self._leg = leg
        self._timers = timers
        self._interval_s = 0
        """0 when the session has no end."""
        self._least_s = LEAST_S
        """The greatest Min-SE that the peer has asked for."""
        self._we_refresh = False
        self.armed: Armed = {}
        self.is_due = False
        """The refresh is ours, and its time has come."""

    def answer(self, request: Request, now: float) -> Fields:
        """Return what our 2xx to a peer's INVITE says; the session starts anew (ST2)."""
        asked = asked_interval(request)
        if asked is None:
            self.stop()
            return ()
        refresher = asked.refresher or "uac"
        self._start(asked.seconds, refresher == "uas", now)
        field = ("Session-Expires", f"{asked.seconds};refresher={refresher}")
        return (field, ("Require", TIMER)) if refresher == "uac" else (field,)

    def agreed(self, response: Response, now: float) -> None:
        """Take the peer's 2xx to an INVITE of ours; the session starts anew."""
        interval = interval_in(response)
        if interval is None:
            self.stop()
        else:
            self._start(max(interval.seconds, LEAST_S), interval.refresher != "uas", now)

    def fields(self) -> Fields:
        """Return what an INVITE of ours says, so that the session goes on as it is (§7.4)."""
        if not self._interval_s:
            return ()
        refresher = "uac" if self._we_refresh else "uas"
        return session_fields(self._interval_s, self._least_s, refresher)

    def has_longer_interval(self, seconds: int) -> bool:
        """Take a peer's Min-SE; False when the session has no end."""
        self._least_s = max(self._least_s, seconds)
        self._interval_s = self._interval_s and max(self._interval_s, seconds)
        return self._interval_s > 0

    def stop(self) -> None:
        """Forget the session."""
        self._interval_s = 0
        self.is_due = False
        self.armed.clear()

    def on_timer(self, timer: Enum, now: float) -> None:
        """Ask for a refresh, or tell that the session is over."""
        if timer is SessionTimerName.REFRESH:
            self.is_due = True
            self._timers.start(self, timer, now + AGAIN_S)
            self._leg.tell(RefreshDue(), now)
        else:
            self.stop()
            self._leg.tell(Expired(), now)

    def _start(self, interval_s: int, we_refresh: bool, now: float) -> None:
        self.stop()
        self._interval_s, self._we_refresh = interval_s, we_refresh
        # "slightly before the session expires" (RFC 4028 §10, EDGE ST3)
        expiry = now + interval_s - min(MARGIN_S, interval_s / 3)
        self._timers.start(self, SessionTimerName.EXPIRY, expiry)
        if we_refresh:
            self._timers.start(self, SessionTimerName.REFRESH, now + interval_s / 2)


def session_fields(interval_s: int, least_s: int, refresher: str | None = None) -> Fields:
    """Return what an INVITE asks for: an interval, and who refreshes (RFC 4028 §7.1)."""
    parameter = "" if refresher is None else f";refresher={refresher}"
    return (("Session-Expires", f"{interval_s}{parameter}"), ("Min-SE", str(least_s)))
