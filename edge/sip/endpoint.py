"""Matches messages to transactions and runs their machines (RFC 3261 §17, §18; RFC 6026).

The endpoint knows no dialog and no call. Messages that belong to no transaction go to the
transaction user; a transaction's own events go to the user that was given for it.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b

from edge.flow import Address, Flow, Transport
from edge.ids import Ids
from edge.sip.exchange import (
    NOBODY,
    ClientTransaction,
    ClientUser,
    Fields,
    OutgoingRequest,
    ServerTransaction,
    TransactionUser,
)
from edge.sip.framing import is_keep_alive
from edge.sip.grammar import SipParseError
from edge.sip.headers import MAGIC_COOKIE
from edge.sip.matching import merge_key, server_key
from edge.sip.message import MalformedRequest, Request, Response, check_response, parse_message
from edge.sip.timers import Timers
from edge.sip.timing import AGAIN, SKIPPED_ON_STREAMS, STARTS, STOPS, T1, T2, TIMEOUT, WAITS
from edge.sip.transaction import Action, Event, State, Transaction
from edge.sip.writing import answer_flow, header_lines, response_bytes

LARGEST_ON_UDP_BYTES = 1_300
"""Of a request; a larger one could be cut into fragments (RFC 3261 §18.1.1, EDGE W13)."""
LARGE_WAIT_S = 1.0
"""A large request that met silence over TCP goes by UDP after all."""


class Endpoint:
    """All transactions of one node."""

    def __init__(
        self,
        *,
        timers: Timers,
        ids: Ids,
        send: Callable[[bytes, Flow], None],
        user: TransactionUser,
        large_by_tcp: bool = False,
    ) -> None:
        """`large_by_tcp` sends requests by TCP that are too large for UDP (EDGE W13)."""
        self._timers = timers
        self._ids = ids
        self._send = send
        self._user = user
        self._large_by_tcp = large_by_tcp
        self._tag_key = ids.tag().encode()[:64]
        self._clients: dict[tuple[str, ...], ClientTransaction] = {}
        self._servers: dict[tuple[str, ...], ServerTransaction] = {}
        self._merging: dict[tuple[str, ...], ServerTransaction] = {}
        self._by_remote: dict[tuple[Address, Transport], set[ClientTransaction]] = {}

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message; anything unreadable that is no request is dropped."""
        if data[:1] < b" " and is_keep_alive(data):
            return
        try:
            message = parse_message(data, flow.transport)
        except MalformedRequest as error:
            self._user.on_malformed(error, flow, now)
            return
        except SipParseError:
            return
        if isinstance(message, Response):
            self._receive_response(message, flow, now)
        else:
            self._receive_request(message, flow, now)

    def unreachable(self, remote: Address, transport: Transport, now: float) -> None:
        """Tell every pending transaction toward an address that it cannot be reached."""
        for transaction in list(self._by_remote.get((remote, transport), ())):
            self._lost(transaction, now)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """Go on without a stream connection (EDGE F4, W6).

        A request that may go elsewhere, as those inside a dialog may, does so once.
        """
        for transaction in list(self._by_remote.get((flow.remote, flow.transport), ())):
            way = transaction.flow
            if way.connection not in (0, flow.connection) or way.tls_name != flow.tls_name:
                continue
            waiting = transaction.state in (State.CALLING, State.TRYING)
            if waiting and way.connection and way.reconnect is not None:
                self._send_along(
                    transaction, way._replace(connection=0, remote=way.reconnect, reconnect=None)
                )
            else:
                self._lost(transaction, now)

    def request(
        self, request: OutgoingRequest, flow: Flow, user: ClientUser, now: float
    ) -> ClientTransaction:
        """Start a client transaction: the request goes out with a branch of its own."""
        branch = MAGIC_COOKIE + self._ids.branch()
        return self._start(request, branch, flow, user, now)

    def cancel(
        self, invite: ClientTransaction, fields: Fields, user: ClientUser, now: float
    ) -> None:
        """Send the CANCEL of an INVITE, alike in all that RFC 3261 §9.1 demands (EDGE E4)."""
        request = invite.request._replace(method="CANCEL", fields=fields, body=b"")
        transaction = self._start(request, invite.branch, invite.flow, user, now)
        transaction.codes = invite.codes

    def abandon(self, transaction: ClientTransaction) -> None:
        """Forget a request whose final response will not come (RFC 3261 §9.1)."""
        self._forget(transaction)

    def send_ack(self, request: OutgoingRequest, flow: Flow) -> bytes:
        """Send the ACK of a 2xx: no transaction, a branch of its own (§13.2.2.4); return it."""
        data = self._bytes(request, MAGIC_COOKIE + self._ids.branch(), flow)
        self._send(data, flow)
        return data

    def resend(self, data: bytes, flow: Flow) -> None:
        """Send bytes again that an earlier call returned."""
        self._send(data, flow)

    def is_merged(self, request: Request) -> bool:
        """Tell whether the same request came over another path and is pending (EDGE L1)."""
        return merge_key(request) in self._merging

    def serve(self, request: Request, flow: Flow) -> ServerTransaction:
        """Start the server transaction of a request that on_request brought."""
        transaction = ServerTransaction(
            request,
            answer_flow(request, flow),
            server_key(request, request.method),
            self._ids.tag(),
            self._run,
        )
        self._servers[transaction.key] = transaction
        if request.method == "INVITE" and request.to.tag is None:
            transaction.merge_key = merge_key(request)
            self._merging[transaction.merge_key] = transaction
        return transaction

    def respond(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str,
        now: float,
        *,
        fields: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> bytes:
        """Answer a request; return the bytes, with which the user repeats its 2xx (§13.3.1.4)."""
        request = transaction.request
        if request is None:
            return b""
        data = response_bytes(
            request,
            transaction.flow,
            status,
            reason,
            to_tag=None if status == 100 else transaction.to_tag,
            fields=fields,
            body=body,
        )
        transaction.last_sent = data
        if transaction.codes is not None:
            transaction.codes[status // 100] += 1
        self._run(transaction, _sending(status), now)
        if status >= 200:
            transaction.request = None
            if transaction.state is State.ACCEPTED:
                transaction.last_sent = None
        return data

    def respond_statelessly(
        self,
        request: Request,
        flow: Flow,
        status: int,
        reason: str,
        fields: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Answer without keeping anything; a repeated request gets the same To tag (§8.2.7)."""
        identity = f"{request.headers['via'][0]}\0{request.call_id}\0{request.headers['from'][0]}"
        tag = blake2b(
            identity.encode("utf-8", "surrogateescape"), digest_size=16, key=self._tag_key
        ).hexdigest()
        data = response_bytes(request, flow, status, reason, to_tag=tag, fields=fields)
        self._send(data, answer_flow(request, flow))

    def pending(self) -> int:
        """Return how many transactions there are."""
        return len(self._clients) + len(self._servers)

    def _start(
        self, request: OutgoingRequest, branch: str, flow: Flow, user: ClientUser, now: float
    ) -> ClientTransaction:
        transaction = ClientTransaction(request, branch, flow, user, self._run)
        self._clients[transaction.key] = transaction
        transaction.last_sent = self._bytes(request, branch, flow)
        transaction.interval = T1
        invite = request.method == "INVITE"
        if flow.transport is Transport.UDP:
            if self._large_by_tcp and len(transaction.last_sent) > LARGEST_ON_UDP_BYTES:
                transaction.fallback = flow
                transaction.interval = LARGE_WAIT_S
                transaction.flow = flow._replace(transport=Transport.TCP)
                transaction.last_sent = self._bytes(request, branch, transaction.flow)
            retransmit = Event.TIMER_A if invite else Event.TIMER_E
            self._timers.start(transaction, retransmit, now + transaction.interval)
        self._timers.start(transaction, Event.TIMER_B if invite else Event.TIMER_F, now + TIMEOUT)
        self._by_remote.setdefault(_remote_key(transaction), set()).add(transaction)
        self._send(transaction.last_sent, transaction.flow)
        return transaction

    def _lost(self, transaction: ClientTransaction, now: float) -> None:
        """Go on with a request that the network has refused."""
        if transaction.fallback is None:
            self._run(transaction, Event.TRANSPORT_ERROR, now)
        else:
            self._fall_back(transaction, transaction.fallback)
            invite = transaction.request.method == "INVITE"
            transaction.interval = T1
            self._timers.start(
                transaction, Event.TIMER_A if invite else Event.TIMER_E, now + transaction.interval
            )

    def _fall_back(self, transaction: ClientTransaction, flow: Flow) -> None:
        """Send a large request by UDP, with the same branch (EDGE W13)."""
        transaction.fallback = None
        transaction.interval = T1 / 2  # the timer that led here doubles it
        transaction.last_sent = self._bytes(transaction.request, transaction.branch, flow)
        self._send_along(transaction, flow)

    def _send_along(self, transaction: ClientTransaction, flow: Flow) -> None:
        """Send a request again, on another way from now on."""
        self._forget_way(transaction)
        transaction.flow = flow
        self._by_remote.setdefault(_remote_key(transaction), set()).add(transaction)
        assert transaction.last_sent is not None
        self._send(transaction.last_sent, flow)

    def _bytes(self, request: OutgoingRequest, branch: str, flow: Flow) -> bytes:
        host, port = flow.local
        routes = "".join([f"Route: {route}\r\n" for route in request.routes])
        head = (
            f"{request.method} {request.uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{flow.transport} {host}:{port};branch={branch};rport\r\n{routes}"
            f"Max-Forwards: {request.max_forwards}\r\n"
            f"From: {request.from_}\r\nTo: {request.to}\r\nCall-ID: {request.call_id}\r\n"
            f"CSeq: {request.cseq} {request.method}\r\n"
            f"{header_lines(request.fields)}Content-Length: {len(request.body)}\r\n\r\n"
        )
        return head.encode("utf-8", "surrogateescape") + request.body

    def _receive_response(self, response: Response, flow: Flow, now: float) -> None:
        try:
            via, cseq = response.via, response.cseq
            check_response(response)
        except SipParseError:
            return
        transaction = self._clients.get((via.branch or "", cseq.method))
        if transaction is None or via.address != transaction.flow.local:
            return
        if flow.remote[0] != transaction.flow.remote[0] and not transaction.user.trusts(
            flow.remote
        ):
            return
        if flow.connection:
            transaction.heard_on(flow)
        if transaction.codes is not None:
            transaction.codes[response.status // 100] += 1
        self._run(transaction, _receiving(response.status), now, response)

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        method = request.method
        key = server_key(request, "INVITE" if method == "ACK" else method)
        transaction = self._servers.get(key)
        if method == "CANCEL" and transaction is None:
            self._cancel(request, flow, now)
        elif transaction is None or (method == "ACK" and transaction.state is State.ACCEPTED):
            self._user.on_request(request, flow, now)
        elif transaction.flow.remote[0] == flow.remote[0]:
            self._run(transaction, Event.ACK if method == "ACK" else Event.REQUEST, now)

    def _cancel(self, request: Request, flow: Flow, now: float) -> None:
        invite = self._servers.get(server_key(request, "INVITE"))
        if invite is None or invite.flow.remote[0] != flow.remote[0]:
            self._user.on_request(request, flow, now)
            return
        transaction = self.serve(request, flow)
        transaction.to_tag = invite.to_tag
        transaction.codes = invite.codes
        self.respond(transaction, 200, "OK", now)
        if invite.state is State.PROCEEDING and invite.user is not None:
            invite.user.on_cancel(request, now)

    def _run(
        self, transaction: Transaction, event: Event, now: float, response: Response | None = None
    ) -> None:
        for action in transaction.take(event):
            self._perform(transaction, action, now, response)
        if transaction.state is State.TERMINATED:
            self._forget(transaction)

    def _perform(
        self, transaction: Transaction, action: Action, now: float, response: Response | None
    ) -> None:
        if action in STARTS:
            self._start_timer(transaction, STARTS[action], now)
        elif action in STOPS:
            transaction.armed.pop(STOPS[action], None)
        elif action in AGAIN:
            timer, longest = AGAIN[action]
            slow = action is Action.SLOW_E
            transaction.interval = T2 if slow else min(2 * transaction.interval, longest)
            self._timers.start(transaction, timer, now + transaction.interval)
        elif isinstance(transaction, ClientTransaction):
            self._perform_client(transaction, action, now, response)
        elif isinstance(transaction, ServerTransaction) and transaction.last_sent is not None:
            self._send(transaction.last_sent, transaction.flow)

    def _perform_client(
        self,
        transaction: ClientTransaction,
        action: Action,
        now: float,
        response: Response | None,
    ) -> None:
        user = transaction.user
        if action is Action.REPORT and response is not None:
            user.on_response(transaction, response, now)
        elif action is Action.RESEND and transaction.fallback is not None:
            self._fall_back(transaction, transaction.fallback)
        elif action is Action.RESEND and transaction.last_sent is not None:
            self._send(transaction.last_sent, transaction.flow)
        elif action is Action.ACKNOWLEDGE and response is not None:
            ack = transaction.request._replace(
                method="ACK", to=response.require("to"), fields=(), body=b""
            )
            self._send(self._bytes(ack, transaction.branch, transaction.flow), transaction.flow)
        elif action is Action.REPORT_TIMEOUT:
            user.on_no_response(transaction, now)
        elif action is Action.REPORT_UNREACHABLE:
            user.on_unreachable(transaction, now)

    def _start_timer(self, transaction: Transaction, timer: Event, now: float) -> None:
        reliable = _flow_of(transaction).transport is not Transport.UDP
        if timer is Event.TIMER_G:
            transaction.interval = T1
            if not reliable:
                self._timers.start(transaction, timer, now + T1)
            return
        wait = WAITS[timer]
        if reliable and timer in SKIPPED_ON_STREAMS:
            wait = 0.0
        self._timers.start(transaction, timer, now + wait)

    def _forget(self, transaction: Transaction) -> None:
        transaction.armed.clear()
        if isinstance(transaction, ServerTransaction):
            transaction.user = None
            self._servers.pop(transaction.key, None)
            if transaction.merge_key is not None:
                self._merging.pop(transaction.merge_key, None)
        elif isinstance(transaction, ClientTransaction):
            transaction.user = NOBODY
            self._clients.pop(transaction.key, None)
            self._forget_way(transaction)

    def _forget_way(self, transaction: ClientTransaction) -> None:
        key = _remote_key(transaction)
        pending = self._by_remote.get(key)
        if pending is not None:
            pending.discard(transaction)
            if not pending:
                del self._by_remote[key]


def _sending(status: int) -> Event:
    if status < 200:
        return Event.SEND_PROVISIONAL
    return Event.SEND_SUCCESS if status < 300 else Event.SEND_FAILURE


def _receiving(status: int) -> Event:
    if status < 200:
        return Event.PROVISIONAL
    return Event.SUCCESS if status < 300 else Event.FAILURE


def _flow_of(transaction: Transaction) -> Flow:
    if isinstance(transaction, ClientTransaction):
        return transaction.flow
    assert isinstance(transaction, ServerTransaction)
    return transaction.flow


def _remote_key(transaction: ClientTransaction) -> tuple[Address, Transport]:
    return transaction.flow.remote, transaction.flow.transport
