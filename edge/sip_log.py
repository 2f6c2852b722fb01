"""The SIP messages of customers that want them logged, without secrets (EDGE X3, S14).

What a customer may see is what goes between the edge and its own PBXs: the leg toward a carrier, a
bridge or another customer is none of its business. A message is the customer's when its Call-ID
belongs to an exchange with it and it comes from, or goes to, one of its hosts.

An INVITE arrives before anybody knows whose it is. What a turn brings and nobody has claimed is
therefore kept until the next message comes, and told once admission has named the connector.

A node on which nobody wants logs pays one look at `is_on` for each message; one on which somebody
does looks up the Call-ID of every message, about a microsecond.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from edge.call.call import Call
from edge.clock import Clock
from edge.flow import Flow
from edge.media.session import Side
from edge.policy.rate import RateLimiter
from edge.seam import Log, Output, WriteLog
from edge.sip.masked import masked
from edge.sip.message import Request
from edge.sip.timers import Armed, Timers
from edge.sip.timing import TIMEOUT
from edge.symbol import Symbol
from model.cdr import recorded_call_id
from model.connector import Connector
from model.connector_logs import ConnectorLog, LogTarget

FADES_S = TIMEOUT
"""After its end a call may still have messages for so long: they are repeated (RFC 3261 §17)."""
MOST_FADING = 10_000
"""Exchanges that have ended and are remembered; a refused call is one of them from its start."""
MESSAGES_PER_S = 1_000.0
"""Of one connector: a hundred calls per second, with repetitions."""
MESSAGES_AT_ONCE = 2_000.0
LONGEST_MESSAGE_BYTES = 40_000
"""More than is read of any message (EDGE R24), and at six characters for an octet still less than
the 256 KiB of an event in CloudWatch Logs."""

_MOST_UNCLAIMED = 8
"""Messages of one turn: an INVITE, its 100, and then somebody has been named."""
_LINES_PER_S = 0.1
_BEGINNINGS = (b"INVITE ", b"OPTIONS ")
_USUAL = b"\r\nCall-ID: "
_ANY = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)")


class _Due(Symbol):
    """Timers of this module."""

    FADED = "faded"


class _Message(NamedTuple):
    call_id: bytes
    data: bytes
    host: str
    """IP address of the peer that it came from or went to."""
    at: float


class _Exchange:
    """Messages of one Call-ID between the edge and a customer."""

    __slots__ = ("call_id", "connector_id", "fades_at", "host", "line")

    def __init__(self, call_id: bytes, connector_id: str, host: str) -> None:
        self.call_id = call_id
        self.connector_id = connector_id
        self.host = host
        self.fades_at = 0.0
        """0 as long as it goes on."""
        self.line = b""
        """Request line of what it began with, which names the connector; none of ours."""

    def is_another(self, data: bytes) -> bool:
        """Tell whether a message begins something else: a proxy that is refused tries another
        connector with the same Call-ID."""
        return data.startswith(_BEGINNINGS) and data.partition(b"\r\n")[0] != self.line


class SipLog:
    """The SIP message logs of a node's customers."""

    def __init__(
        self,
        *,
        target: LogTarget,
        clock: Clock,
        timers: Timers,
        owns: Callable[[str, str], bool],
        put_out: Callable[[Output], None],
    ) -> None:
        """`owns` tells whether an address is one of a connector's (by id)."""
        self._target = target
        self._clock = clock
        self._timers = timers
        self._owns = owns
        self._put_out = put_out
        self._wanting: dict[str, Connector] = {}
        self._exchanges: dict[bytes, list[_Exchange]] = {}
        self._of_calls: dict[Call, list[_Exchange]] = {}
        self._fading: deque[_Exchange] = deque()
        self._unclaimed: list[_Message] = []
        self._rates = RateLimiter()
        self._lines = RateLimiter()
        self._suppressed = 0
        self.is_on = False
        """Whether anybody wants messages."""
        self.armed: Armed = {}

    def configured(self, connectors: Mapping[str, Connector | None]) -> None:
        """Take connectors that are new, have changed, or are gone."""
        for connector_id, connector in connectors.items():
            if connector is not None and connector.logging.sip_messages:
                self._wanting[connector_id] = connector
            else:
                self._wanting.pop(connector_id, None)
        self.is_on = bool(self._wanting) and self._target is not LogTarget.NONE

    def received(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a message that came: a turn begins."""
        self._unclaimed.clear()
        self._take(_Message(_call_id_in(data), data, flow.remote[0], now))

    def sent(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a message that goes out."""
        self._take(_Message(_call_id_in(data), data, flow.remote[0], now))

    def met(self, connector: Connector | None, request: Request, flow: Flow, now: float) -> None:
        """Learn whom a request outside calls names; a stranger's is not the connector's."""
        if connector is None or not self.is_on:
            return
        host = flow.remote[0]
        if connector.connector_id in self._wanting and self._owns(connector.connector_id, host):
            exchange = self._claim(request.call_id, connector.connector_id, host)
            self._fade(exchange, now)

    def call_started(self, call: Call) -> None:
        """Learn that an INVITE has become a call; only a customer's own leg counts."""
        party = call.parties[0]
        if party.side is Side.A and party.connector_id in self._wanting:
            host = call.a_leg.flow.remote[0]
            self._claim_for(call, party.call_id, party.connector_id, host)

    def attempted(self, call: Call) -> None:
        """Learn whose PBX is called next, before its INVITE goes out."""
        leg = call.b_leg
        if leg is not None and leg.connector_id in self._wanting:
            self._claim_for(call, leg.call_id, leg.connector_id, leg.flow.remote[0])

    def call_ended(self, call: Call, now: float) -> None:
        """Let what belongs to a call be forgotten in a while."""
        for exchange in self._of_calls.pop(call, ()):
            self._fade(exchange, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Forget what has faded."""
        while self._fading and self._fading[0].fades_at <= now:
            self._forget(self._fading.popleft())
        if self._fading:
            self._timers.start(self, _Due.FADED, self._fading[0].fades_at)

    def _take(self, message: _Message) -> None:
        if self._unclaimed and self._unclaimed[0].call_id == message.call_id:
            # It answers what nobody has claimed yet, and comes behind it.
            self._keep(message)
            return
        for exchange in self._exchanges.get(message.call_id, ()):
            if exchange.fades_at and exchange.is_another(message.data):
                continue
            if message.host == exchange.host or self._owns(exchange.connector_id, message.host):
                self._tell(exchange, message)
                return
        self._keep(message)

    def _keep(self, message: _Message) -> None:
        if len(self._unclaimed) < _MOST_UNCLAIMED:
            self._unclaimed.append(message)

    def _claim_for(self, call: Call, call_id: str, connector_id: str, host: str) -> None:
        if self.is_on:
            exchange = self._claim(call_id, connector_id, host)
            self._of_calls.setdefault(call, []).append(exchange)

    def _claim(self, call_id: str, connector_id: str, host: str) -> _Exchange:
        """Begin an exchange, or begin it anew, and tell what the turn has brought of it."""
        exchange = _Exchange(call_id.encode("utf-8", "surrogateescape"), connector_id, host)
        known = self._exchanges.setdefault(exchange.call_id, [])
        for before in known:
            if before.connector_id == connector_id:
                exchange.line = before.line
        known[:] = [it for it in known if it.connector_id != connector_id and it.host != host]
        known.append(exchange)
        unclaimed, self._unclaimed = self._unclaimed, []
        for message in unclaimed:
            if message.call_id == exchange.call_id and message.data.startswith(_BEGINNINGS):
                exchange.line = message.data.partition(b"\r\n")[0]
            self._take(message)
        return exchange

    def _fade(self, exchange: _Exchange, now: float) -> None:
        exchange.fades_at = now + FADES_S
        if not self._fading:
            self._timers.start(self, _Due.FADED, exchange.fades_at)
        self._fading.append(exchange)
        if len(self._fading) > MOST_FADING:
            self._forget(self._fading.popleft())

    def _forget(self, exchange: _Exchange) -> None:
        left = [it for it in self._exchanges.get(exchange.call_id, ()) if it is not exchange]
        if left:
            self._exchanges[exchange.call_id] = left
        else:
            self._exchanges.pop(exchange.call_id, None)

    def _tell(self, exchange: _Exchange, message: _Message) -> None:
        connector = self._wanting.get(exchange.connector_id)
        if connector is None:
            return
        connector_id, at = connector.connector_id, self._clock.utc_at(message.at)
        if not self._rates.take(connector_id, MESSAGES_PER_S, MESSAGES_AT_ONCE, message.at):
            self._suppress(connector_id, message.at)
            return
        record: dict[str, str | int | float | None] = {
            "voice_connector_id": connector_id,
            "aws_region": connector.region,
            "event_timestamp": int(at.timestamp() * 1000),
            "call_id": recorded_call_id(exchange.call_id.decode("utf-8", "replace")),
            "sip_message": _readable(message.data),
        }
        if self._target is LogTarget.STDOUT:
            self._put_out(Log("sip-message", record))
        else:
            self._put_out(WriteLog(ConnectorLog.SIP_MESSAGES, connector_id, at, record))

    def _suppress(self, connector_id: str, now: float) -> None:
        """Count a message that a flood costs; say so at most once in ten seconds."""
        self._suppressed += 1
        if self._lines.take(connector_id, _LINES_PER_S, 1.0, now):
            total = self._suppressed
            told = Log("sip-messages-suppressed", {"connector_id": connector_id, "total": total})
            self._put_out(told)


def _call_id_in(data: bytes) -> bytes:
    """Return a message's Call-ID, nothing for one that has none."""
    start = data.find(_USUAL)
    if start >= 0:
        start += len(_USUAL)
        return data[start : data.find(b"\r\n", start)].strip()
    found = _ANY.search(data)
    return b"" if found is None else found.group(1).strip()


def _readable(data: bytes) -> str:
    """Return a message as text: without secrets, cut to a length that a log takes."""
    text = masked(data)[:LONGEST_MESSAGE_BYTES].decode("utf-8", "backslashreplace")
    return text if len(data) <= LONGEST_MESSAGE_BYTES else f"{text}..."
