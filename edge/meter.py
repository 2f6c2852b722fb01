"""What a node counts: calls and answers of connectors, and what its operator worries about.

EDGE X1, X7, X8. Counting is adding to a number: a call finds its connector's Tally once, and no
message makes a dictionary. Connectors without metrics of their own share one Tally, so that nothing
is counted twice; once a minute everything is read and begins again at nothing.

Names of metrics and reasons are fixed here. The only other names are those of hosts, from the
configuration and never from a message (EDGE S14), and of a bounded number.
"""

from collections.abc import Mapping
from typing import NamedTuple

from model.cdr import Disposition
from model.connector import Connector
from model.connector_logs import ConnectorMetrics, LogSettings, LogTarget
from model.metrics import SERVING_CALLS, connector_dimensions

MOST_HOSTS = 50
"""Hosts that a node tells the failures of; each is a metric that is paid for."""
OTHER_HOSTS = "other"

_CLASSES = 10
"""First digits of a status; what no standard knows counts for nobody."""
_FIRST_CLASS, _LAST_CLASS = 1, 6


class Figures(NamedTuple):
    """Metrics of one set of dimensions, for one line in embedded metric format."""

    dimensions: dict[str, str]
    """Of the whole node none; who writes the line knows which deployment it is."""
    figures: dict[str, int | float]
    is_of_connector: bool = False


class Direction:
    """Calls of one direction."""

    __slots__ = ("active", "answered", "attempts", "failures")

    def __init__(self) -> None:
        self.attempts = 0
        self.answered = 0
        self.failures = 0
        self.active = 0
        """Being set up or up; the only number that is not begun again."""


class Tally:
    """What is counted of one connector, or of all that have none of their own (EDGE X1)."""

    __slots__ = ("codes", "inbound", "outbound", "region", "throttles")

    def __init__(self, region: str = "") -> None:
        self.region = region
        self.inbound = Direction()
        self.outbound = Direction()
        self.throttles = 0
        self.codes = [0] * _CLASSES
        """Responses on customers' legs by the first digit of their status."""

    def of(self, disposition: Disposition) -> Direction:
        """Return the calls of a direction, in the words of the record."""
        return self.outbound if disposition is Disposition.TERMINATION else self.inbound

    @property
    def has_calls(self) -> bool:
        """Tell whether a call is being set up or up."""
        return bool(self.inbound.active or self.outbound.active)

    def figures(self) -> dict[str, int | float]:
        """Return everything by the names of Amazon's metrics."""
        figures: dict[str, int | float] = {}
        for name, calls in (("Inbound", self.inbound), ("Outbound", self.outbound)):
            figures[f"{name}CallAttempts"] = calls.attempts
            figures[f"{name}CallFailures"] = calls.failures
            figures[f"{name}CallsAnswered"] = calls.answered
            figures[f"{name}CallsActive"] = calls.active
        figures["Throttles"] = self.throttles
        for digit in range(_FIRST_CLASS, _LAST_CLASS + 1):
            figures[f"Sip{digit}xxCodes"] = self.codes[digit]
        return figures

    def begin_again(self) -> None:
        """Forget everything but the calls that there are."""
        for calls in (self.inbound, self.outbound):
            calls.attempts = calls.answered = calls.failures = 0
        self.throttles = 0
        # In place: transactions know the list.
        self.codes[:] = [0] * _CLASSES


class Meter:
    """The counters of one node."""

    __slots__ = (
        *("_dropped", "_every_connector", "_hosts", "_own", "_rest", "_route_failures", "_wanting"),
        *("auth_failures", "longest_lag_s", "overload_refusals", "stranger_packets"),
        "suppressed_records",
    )

    def __init__(self, settings: LogSettings) -> None:
        logged = settings.connector_metrics is ConnectorMetrics.LOGGED
        self._every_connector = not logged
        self._wanting: dict[str, Connector] | None = (
            {} if not logged or settings.target is LogTarget.CLOUDWATCH else None
        )
        """Connectors with metrics of their own; None where there are none."""
        self._rest = Tally()
        self._own: dict[str, Tally] = {}
        self._hosts: set[str] = set()
        self._route_failures: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self.stranger_packets = 0
        self.auth_failures = 0
        self.suppressed_records = 0
        self.overload_refusals = 0
        self.longest_lag_s = 0.0

    def configured(self, connectors: Mapping[str, Connector | None]) -> None:
        """Take connectors that are new, have changed, or are gone."""
        if self._wanting is None:
            return
        for connector_id, connector in connectors.items():
            if connector is not None and self._wants(connector):
                self._wanting[connector_id] = connector
            else:
                self._wanting.pop(connector_id, None)

    def tally(self, connector_id: str) -> Tally:
        """Return where what happens to a connector is counted."""
        tally = self._own.get(connector_id)
        if tally is not None:
            return tally
        wanting = None if self._wanting is None else self._wanting.get(connector_id)
        if wanting is None:
            return self._rest
        tally = self._own[connector_id] = Tally(wanting.region)
        return tally

    def route_failed(self, host: str, connector_id: str) -> None:
        """Count an attempt that failed; a connector's host has a name if the connector is told of.

        `connector_id` is empty for a carrier and a bridge, whose names the operator has chosen.
        """
        told = not connector_id or (self._wanting is not None and connector_id in self._wanting)
        if told and host not in self._hosts:
            told = len(self._hosts) < MOST_HOSTS
            if told:
                self._hosts.add(host)
        name = host if told else OTHER_HOSTS
        self._route_failures[name] = self._route_failures.get(name, 0) + 1

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count packets that went nowhere; reasons are those of LegStatistics.dropped, and ours."""
        self._dropped[reason] = self._dropped.get(reason, 0) + count

    def minute(self, more: Mapping[str, int | float]) -> list[Figures]:
        """Return everything since the last time, the node's own figures first; `more` are
        measures of this moment."""
        figures, of_connectors = self._rest.figures(), list[Figures]()
        for connector_id, tally in self._own.items():
            own = tally.figures()
            for name, figure in own.items():
                figures[name] += figure
            if connector_id in (self._wanting or ()) and any(own.values()):
                dimensions = connector_dimensions(connector_id, tally.region)
                of_connectors.append(Figures(dimensions, own, is_of_connector=True))
        figures |= {
            "CdrSuppressed": self.suppressed_records,
            "AuthFailures": self.auth_failures,
            "OverloadRefusals": self.overload_refusals,
            "UnknownSourcePackets": self.stranger_packets,
            "SrtpAuthFailures": self._dropped.get("unauthentic", 0),
            "LoopLag": round(1000 * self.longest_lag_s, 1),
            **more,
        }
        told = [Figures({}, figures), *of_connectors]
        told += _by("Reason", "PacketsDropped", self._dropped)
        told += _by("Host", "RouteFailures", self._route_failures)
        self._begin_again()
        return told

    def _begin_again(self) -> None:
        self._rest.begin_again()
        # What has no call is made anew when it is needed: few of many connectors are busy at once.
        self._own = {name: tally for name, tally in self._own.items() if tally.has_calls}
        for tally in self._own.values():
            tally.begin_again()
        self._route_failures = {}
        self._dropped = {}
        self.stranger_packets = self.auth_failures = self.suppressed_records = 0
        self.overload_refusals = 0
        self.longest_lag_s = 0.0

    def _wants(self, connector: Connector) -> bool:
        return self._every_connector or connector.logging.media_metrics


def calls_held(calls: int, *, is_draining: bool) -> dict[str, int]:
    """Return what a node that has so many calls tells of them: the number of nodes follows those of
    nodes that take new ones."""
    return {"ActiveCalls": calls} if is_draining else {"ActiveCalls": calls, SERVING_CALLS: calls}


def _by(dimension: str, metric: str, counts: Mapping[str, int]) -> list[Figures]:
    return [Figures({dimension: name}, {metric: count}) for name, count in counts.items()]
