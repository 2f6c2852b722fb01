"""Registering with carriers that send calls only where a REGISTER says (EDGE F13, RFC 3261 §10).

    IDLE          nothing sent yet: the node has just started, or the name has not resolved so far
    REGISTERING   a REGISTER is out
    REGISTERED    the carrier knows our Contact; refreshed at half the time that it granted
    REFUSED       it did not answer, or not with 200; tried again ever more rarely, at its next
                  address
    LEFT          we have taken our Contact back: the node drains

Each node registers a Contact of its own. A carrier that keeps one only calls the node that came
last; one that keeps all forks or hunts among the nodes.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

from edge.directory import Directory
from edge.flow import Address, Transport
from edge.routing.credentials import Credentials, is_challenge, with_credentials
from edge.routing.surroundings import Surroundings
from edge.routing.targets import Target, carrier_targets
from edge.sip.exchange import ClientTransaction, OutgoingRequest
from edge.sip.grammar import SipParseError
from edge.sip.headers import delta_seconds, parse_name_address
from edge.sip.message import Response
from edge.sip.timers import Armed
from edge.sip.uri import parse_uri
from edge.symbol import Symbol
from model.settings import Carrier

START_AFTER_S = 3.0
"""The configuration comes first: a node that has just started opens its sockets after it."""
FIRST_RETRY_S = 10.0
LONGEST_RETRY_S = 300.0
SOONEST_REFRESH_S = 15.0
"""A carrier that grants seconds is not asked every second."""


class RegistrationState(Enum):
    """See the head of this module."""

    IDLE = "idle"
    REGISTERING = "registering"
    REGISTERED = "registered"
    REFUSED = "refused"
    LEFT = "left"


class _Input(Symbol):
    START = auto()
    GRANTED = auto()
    REFUSED = auto()
    LEAVE = auto()
    COME_BACK = auto()


_S = RegistrationState

REGISTRATION: Mapping[tuple[RegistrationState, _Input], RegistrationState] = {
    (_S.IDLE, _Input.START): _S.REGISTERING,
    (_S.IDLE, _Input.LEAVE): _S.LEFT,
    (_S.REGISTERING, _Input.GRANTED): _S.REGISTERED,
    (_S.REGISTERING, _Input.REFUSED): _S.REFUSED,
    (_S.REGISTERING, _Input.LEAVE): _S.LEFT,
    # What was granted holds while it is refreshed.
    (_S.REGISTERED, _Input.START): _S.REGISTERED,
    (_S.REGISTERED, _Input.GRANTED): _S.REGISTERED,
    (_S.REGISTERED, _Input.REFUSED): _S.REFUSED,
    (_S.REGISTERED, _Input.LEAVE): _S.LEFT,
    (_S.REFUSED, _Input.START): _S.REGISTERING,
    (_S.REFUSED, _Input.LEAVE): _S.LEFT,
    (_S.LEFT, _Input.COME_BACK): _S.IDLE,
}
"""A pair that the table lacks is ignored: an answer that comes when the node has left."""


class _Due(Symbol):
    REGISTER = auto()


Tell = Callable[[str, str, int | None], None]
"""Hears of a change: event, carrier, status of the answer if there was one."""


class Registration:
    """One carrier's knowledge of where this node is."""

    def __init__(
        self,
        carrier: Carrier,
        credentials: Mapping[str, Credentials],
        surroundings: Surroundings,
        *,
        is_carrier: Callable[[str], bool],
        tell: Tell,
    ) -> None:
        """`credentials` are by carriers' names, and looked up for each answer: passwords change.
        `is_carrier` tells whether a source is a carrier (EDGE S10)."""
        self._carrier = carrier
        self._credentials = credentials
        self._in = surroundings
        self._is_carrier = is_carrier
        self._tell = tell
        self._targets: list[Target] = []
        self._turn = 0
        self._call_id = surroundings.ids.call_id()
        self._cseq = 0
        self._expires_s = carrier.register_expires_s
        self._wait_s = FIRST_RETRY_S
        self._may_answer = False
        self._may_lengthen = False
        self.state = RegistrationState.IDLE
        self.armed: Armed = {}

    def reach(self, directory: Directory, now: float) -> None:
        """Take where the carrier is; begin when it is known for the first time.

        While its name does not resolve any more, the last addresses stay in use.
        """
        self._targets = carrier_targets(self._carrier, directory) or self._targets
        if self._targets and self.state is RegistrationState.IDLE and not self.armed:
            self._in.timers.start(self, _Due.REGISTER, now + START_AFTER_S)

    def leave(self, now: float) -> None:
        """Take our Contact back; nothing is tried again."""
        self.armed.clear()
        is_known = self.state is RegistrationState.REGISTERED
        if self._take(_Input.LEAVE) and is_known:
            self._expires_s = 0
            self._start(now)

    def come_back(self, directory: Directory, now: float) -> None:
        """Register again after leaving."""
        if self._take(_Input.COME_BACK):
            self._expires_s = self._carrier.register_expires_s
            self.reach(directory, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Register anew or again."""
        self._register(now)

    def trusts(self, remote: Address) -> bool:
        """Tell whether an answer may come from there (EDGE S10)."""
        return self._is_carrier(remote[0])

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take an answer."""
        status = response.status
        if status < 200:
            return
        if is_challenge(status) and self._answer(transaction, response, now):
            return
        if status == 423 and self._lengthen(response, now):
            return
        if status < 300:
            self._registered(response, now)
        else:
            self._refused(status, now)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        """Take the carrier's silence."""
        self._refused(None, now)

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Take the network's refusal as silence."""
        self.on_no_response(transaction, now)

    def _register(self, now: float) -> None:
        if self._take(_Input.START):
            self._start(now)

    def _take(self, happened: _Input) -> bool:
        following = REGISTRATION.get((self.state, happened))
        if following is None:
            return False
        self.state = following
        return True

    def _start(self, now: float) -> None:
        self._may_answer = self._may_lengthen = True
        self._cseq += 1
        self._send(self._request(), now)

    def _send(self, request: OutgoingRequest, now: float) -> None:
        self._cseq = request.cseq
        target = self._targets[self._turn % len(self._targets)]
        self._in.endpoint.request(request, self._in.flow_to(target), self, now)

    def _request(self) -> OutgoingRequest:
        target = self._targets[self._turn % len(self._targets)]
        transport = target.transport
        suffix = "" if transport is Transport.UDP else f";transport={transport.lower()}"
        of_record = f"<sip:{self._carrier.username}@{self._host}>"
        return OutgoingRequest(
            method="REGISTER",
            uri=f"sip:{self._host}{suffix}",
            from_=f"{of_record};tag={self._in.ids.tag()}",
            to=of_record,
            call_id=self._call_id,
            cseq=self._cseq,
            fields=(
                ("Contact", f"<{self._contact(transport)}>;expires={self._expires_s}"),
                ("Expires", str(self._expires_s)),
                ("User-Agent", self._in.product),
            ),
        )

    @property
    def _here(self) -> Address:
        return self._in.local(self._targets[self._turn % len(self._targets)].transport)

    @property
    def _host(self) -> str:
        host = self._carrier.host
        return f"[{host}]" if ":" in host else host

    def _contact(self, transport: Transport) -> str:
        host, port = self._in.local(transport)
        return f"sip:{self._carrier.username}@{host}:{port};transport={transport.lower()}"

    def _answer(self, transaction: ClientTransaction, response: Response, now: float) -> bool:
        """Answer a challenge, once per attempt."""
        credentials = self._credentials.get(self._carrier.name)
        if credentials is None or not self._may_answer:
            return False
        cnonce = self._in.ids.nonce()
        again = with_credentials(transaction.request, response, credentials, cnonce)
        if again is None:
            return False
        self._may_answer = False
        self._send(again, now)
        return True

    def _lengthen(self, response: Response, now: float) -> bool:
        """Ask for as long as the carrier wants it at least, once per attempt (§10.2.8)."""
        least = delta_seconds(response.get("min-expires"))
        if least is None or not self._may_lengthen or least <= self._expires_s:
            return False
        self._expires_s = int(least)
        self._start(now)
        self._may_lengthen = False
        return True

    def _registered(self, response: Response, now: float) -> None:
        is_news = self.state is not RegistrationState.REGISTERED
        if not self._take(_Input.GRANTED):
            return
        if is_news:
            self._tell("carrier-registered", self._carrier.name, response.status)
        self._wait_s = FIRST_RETRY_S
        granted_s = granted(response, self._here, self._expires_s)
        self._in.timers.start(self, _Due.REGISTER, now + max(granted_s / 2, SOONEST_REFRESH_S))

    def _refused(self, status: int | None, now: float) -> None:
        if not self._take(_Input.REFUSED):
            return
        if self._wait_s == FIRST_RETRY_S:
            self._tell("carrier-registration-refused", self._carrier.name, status)
        self._turn += 1
        self._in.timers.start(self, _Due.REGISTER, now + self._wait_s)
        self._wait_s = min(2 * self._wait_s, LONGEST_RETRY_S)


def granted(response: Response, address: Address, asked_s: int) -> float:
    """Return how long a registration holds: by our Contact, else Expires, else as asked (§10.2.4).

    A carrier may list other nodes' Contacts as well.
    """
    try:
        contacts = [parse_name_address(it, "Contact") for it in response.members("contact")]
        for contact in contacts:
            uri = parse_uri(contact.uri, element="Contact")
            if (uri.host, uri.port or 5060) == address:
                found = delta_seconds(contact.parameters.get("expires"))
                if found is not None:
                    return found
    except SipParseError:
        pass
    found = delta_seconds(response.get("expires"))
    return float(asked_s) if found is None else found


class Registrar:
    """The registrations of a node."""

    def __init__(
        self,
        carriers: tuple[Carrier, ...],
        credentials: Mapping[str, Credentials],
        surroundings: Surroundings,
        *,
        is_carrier: Callable[[str], bool],
        tell: Tell,
    ) -> None:
        """`credentials` are by the carriers' names; the rest is as for a Registration."""
        self._registrations = {
            carrier.name: Registration(
                carrier,
                credentials,
                surroundings,
                is_carrier=is_carrier,
                tell=tell,
            )
            for carrier in carriers
            if carrier.register
        }

    def reach(self, directory: Directory, now: float) -> None:
        """Take where the carriers are; register where that was not known before."""
        for registration in self._registrations.values():
            registration.reach(directory, now)

    def leave(self, now: float) -> None:
        """Take all our Contacts back."""
        for registration in self._registrations.values():
            registration.leave(now)

    def come_back(self, directory: Directory, now: float) -> None:
        """Register everywhere again after leaving."""
        for registration in self._registrations.values():
            registration.come_back(directory, now)

    def state_of(self, name: str) -> str | None:
        """Return how it stands with a carrier, None for one that wants no registration."""
        registration = self._registrations.get(name)
        return None if registration is None else registration.state.value
