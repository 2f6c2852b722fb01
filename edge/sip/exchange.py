"""What the endpoint and its users exchange: requests to send, transactions, callbacks."""

from typing import Final, NamedTuple, Protocol

from edge.flow import Address, Flow
from edge.sip.message import MalformedRequest, Request, Response
from edge.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Event,
    Runner,
    State,
    Transaction,
)

Fields = tuple[tuple[str, str], ...]


class OutgoingRequest(NamedTuple):
    """A request before the endpoint gives it a Via."""

    method: str
    uri: str
    from_: str
    to: str
    call_id: str
    cseq: int
    routes: tuple[str, ...] = ()
    max_forwards: int = 70
    fields: Fields = ()
    body: bytes = b""


class ClientUser(Protocol):
    """Whoever sent a request."""

    def trusts(self, remote: Address) -> bool:
        """Tell whether a response from this address may belong to the request (EDGE S10)."""

    def on_response(self, transaction: "ClientTransaction", response: Response, now: float) -> None:
        """Hear a response; a repeated 2xx to an INVITE comes every time."""

    def on_no_response(self, transaction: "ClientTransaction", now: float) -> None:
        """Hear that Timer B or F has fired."""

    def on_unreachable(self, transaction: "ClientTransaction", now: float) -> None:
        """Hear that the network refuses the peer's address."""


class Nobody:
    """User of a request whose outcome matters to nobody."""

    def trusts(self, remote: Address) -> bool:
        """Trust no address any more."""
        return False

    def on_response(self, transaction: "ClientTransaction", response: Response, now: float) -> None:
        """Ignore it."""

    def on_no_response(self, transaction: "ClientTransaction", now: float) -> None:
        """Ignore it."""

    def on_unreachable(self, transaction: "ClientTransaction", now: float) -> None:
        """Ignore it."""


NOBODY: Final[ClientUser] = Nobody()
"""Takes the place of a request's user when the transaction is forgotten. The user still knows the
transaction, and what knows each other is not freed by counting references (EDGE X9)."""


class ServerUser(Protocol):
    """Whoever answers an INVITE."""

    def on_cancel(self, request: Request, now: float) -> None:
        """Hear that the INVITE was cancelled before its final response."""


class TransactionUser(Protocol):
    """Whoever takes messages that belong to no transaction."""

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Take a new request, an ACK of a 2xx, or a CANCEL that matches nothing."""

    def on_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
        """Take a request that cannot be processed."""


class ClientTransaction(Transaction):
    """A request of ours."""

    __slots__ = ("branch", "fallback", "flow", "request", "user")

    def __init__(
        self, request: OutgoingRequest, branch: str, flow: Flow, user: ClientUser, runner: Runner
    ) -> None:
        invite = request.method == "INVITE"
        table, state = (INVITE_CLIENT, State.CALLING) if invite else (CLIENT, State.TRYING)
        super().__init__(table, state, (branch, request.method), runner)
        self.request = request
        self.branch = branch
        self.flow = flow
        self.fallback: Flow | None = None
        """Where a request goes that went by TCP for its size and met nobody there (EDGE W13)."""
        self.user = user

    def heard_on(self, flow: Flow) -> None:
        """Note that a response came over a stream: the peer is there, and this connection its."""
        self.fallback = None
        self.armed.pop(Event.TIMER_E, None)
        way = self.flow
        if (flow.remote, flow.transport) == (way.remote, way.transport):
            self.flow = way._replace(connection=flow.connection)


class ServerTransaction(Transaction):
    """A request of a peer's."""

    __slots__ = ("flow", "merge_key", "request", "to_tag", "user")

    def __init__(
        self, request: Request, flow: Flow, key: tuple[str, ...], to_tag: str, runner: Runner
    ) -> None:
        invite = request.method == "INVITE"
        table, state = (INVITE_SERVER, State.PROCEEDING) if invite else (SERVER, State.TRYING)
        super().__init__(table, state, key, runner)
        self.request: Request | None = request
        """None once a final response is out: only its bytes are needed then."""
        self.flow = flow
        self.to_tag = to_tag
        self.merge_key: tuple[str, ...] | None = None
        self.user: ServerUser | None = None
