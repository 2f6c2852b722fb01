"""A dialog as one side keeps it (RFC 3261 §12)."""

from edge.sip.exchange import Fields, OutgoingRequest
from edge.sip.grammar import SipParseError
from edge.sip.headers import NameAddress, parse_name_address
from edge.sip.message import Request, Response
from edge.sip.uri import SipUri, parse_uri, scheme_of


class Dialog:
    """Identity, addresses and sequence numbers of one dialog."""

    __slots__ = (
        "call_id",
        "local",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_tag",
        "remote_target",
        "routes",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        local_tag: str,
        remote: str,
        remote_tag: str | None,
        remote_target: str,
        routes: tuple[str, ...] = (),
        local_cseq: int = 0,
        remote_cseq: int | None = None,
    ) -> None:
        self.call_id = call_id
        self.local = local
        """Our From or To value, tag included."""
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.remote_target = remote_target
        """URI of the peer's Contact."""
        self.routes = routes
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq

    @classmethod
    def of_uas(cls, invite: Request, local_tag: str) -> "Dialog":
        """Return the dialog that answering an INVITE makes (RFC 3261 §12.1.1)."""
        return cls(
            call_id=invite.call_id,
            local=f"{invite.require('to')};tag={local_tag}",
            local_tag=local_tag,
            remote=invite.require("from"),
            remote_tag=invite.from_.tag,
            remote_target=target_of(invite.contact, f"sip:{invite.via.sent_by}"),
            routes=tuple(invite.members("record-route")),
            remote_cseq=invite.cseq.number,
        )

    @classmethod
    def of_uac(cls, invite: OutgoingRequest, local_tag: str, response: Response) -> "Dialog":
        """Return the dialog that a response with a To tag makes (RFC 3261 §12.1.2)."""
        return cls(
            call_id=invite.call_id,
            local=invite.from_,
            local_tag=local_tag,
            remote=response.require("to"),
            remote_tag=response.to.tag,
            remote_target=target_of(response.contact, invite.uri),
            routes=tuple(reversed(response.members("record-route"))),
            local_cseq=invite.cseq,
        )

    def request(self, method: str, fields: Fields = (), body: bytes = b"") -> OutgoingRequest:
        """Return the next request of ours inside the dialog; the sequence number grows."""
        self.local_cseq += 1
        return self._request(method, self.local_cseq, fields, body)

    def ack(self, cseq: int, body: bytes = b"") -> OutgoingRequest:
        """Return the ACK of a 2xx to our INVITE with this sequence number (§13.2.2.4)."""
        return self._request("ACK", cseq, (), body)

    def holds(self, request: Request) -> bool:
        """Tell whether a request belongs here: Call-ID and the peer's tag are right (§12.2.2)."""
        return request.call_id == self.call_id and request.from_.tag == self.remote_tag

    def accepts(self, request: Request) -> bool:
        """Take the sequence number of a request; False when it is not above the last (D4)."""
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def next_hop(self) -> SipUri | None:
        """Return the URI that the next request should go to, None when it is unreadable."""
        try:
            if self.routes:
                return parse_uri(parse_name_address(self.routes[0], "Route").uri, element="Route")
            return parse_uri(self.remote_target, element="Contact")
        except SipParseError:
            return None

    def _request(self, method: str, cseq: int, fields: Fields, body: bytes) -> OutgoingRequest:
        uri, routes = self.remote_target, self.routes
        if routes and not _is_loose(routes[0]):
            # A strict router wants its own URI on the request line (RFC 3261 §12.2.1.1).
            first = parse_name_address(routes[0], "Route").uri
            uri, routes = first, (*routes[1:], f"<{self.remote_target}>")
        return OutgoingRequest(
            method=method,
            uri=uri,
            from_=self.local,
            to=self.remote,
            call_id=self.call_id,
            cseq=cseq,
            routes=routes,
            fields=fields,
            body=body,
        )


def target_of(contact: NameAddress | None, otherwise: str) -> str:
    """Return the URI of a Contact, or another when it is missing or could stand in no request."""
    if contact is None:
        return otherwise
    try:
        scheme_of(contact.uri)
    except SipParseError:
        return otherwise
    return contact.uri


def _is_loose(route: str) -> bool:
    """Tell whether a router leaves the request line alone: its URI has the parameter lr."""
    try:
        uri = parse_uri(parse_name_address(route, "Route").uri, element="Route")
    except SipParseError:
        return True  # next_hop() finds no way to it either
    return "lr" in uri.parameters
