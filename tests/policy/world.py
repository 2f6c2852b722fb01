"""A small world for admission: one connector, one carrier, numbers, and a table of calls."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.config import Snapshot
from edge.flow import Address, Flow, Transport
from edge.policy.admission import Admission
from edge.policy.case import AwaitCount
from edge.policy.verdict import Verdict
from edge.sip.message import MalformedRequest, Request, parse_datagram
from model.connector import Connector, Credential, Origination, Route, Termination, connector_host
from model.numbers import InventoryNumber
from model.settings import Carrier, Settings

CONNECTOR_ID = "abcdefghijklmnopqrst12"
OTHER_ID = "zyxwvutsrqponmlkjihg98"
DOMAIN = "voiceconnector.example.net"
HOST = connector_host(CONNECTOR_ID, DOMAIN)
OTHER_HOST = connector_host(OTHER_ID, DOMAIN)

EDGE: Address = ("198.51.100.10", 5060)
PBX: Address = ("192.0.2.7", 5060)
OTHER_PBX: Address = ("192.0.2.99", 5060)
CARRIER: Address = ("203.0.113.5", 5060)
STRANGER: Address = ("192.0.2.200", 40_000)

CALLER = "+12065550100"
DIALED = "+13125550142"
OWNED = "+12065550199"

EPOCH = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    b"m=audio 20000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
)


def utc_of(now: float) -> datetime:
    """Return the wall time of a simulated monotonic moment."""
    return EPOCH + timedelta(seconds=now)


class SeededIds:
    """Identifiers that a seed determines."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._count = 0

    def _next(self) -> bytes:
        self._count += 1
        return hashlib.sha256(f"{self._seed}/{self._count}".encode()).digest()

    def branch(self) -> str:
        return self._next().hex()[:32]

    tag = call_id = branch

    def transaction_id(self) -> str:
        return self._next().hex()[:32]

    def nonce(self) -> str:
        return self._next().hex()[:16]

    def ssrc(self) -> int:
        return int.from_bytes(self._next()[:4], "big")

    def octets(self, count: int) -> bytes:
        return b"".join(self._next() for _ in range(count // 32 + 1))[:count]

    def below(self, bound: int) -> int:
        return int.from_bytes(self._next(), "big") % bound


@dataclass
class Calls:
    """A call layer that says what a test sets."""

    merged: bool = False
    legs_at: set[str] = field(default_factory=set)
    active: int = 0
    turns: int = 0
    is_draining: bool = False
    ports: bool = True

    def is_merged(self, request: Request) -> bool:
        return self.merged

    def has_leg_at(self, host: str) -> bool:
        return host in self.legs_at

    def active_calls(self) -> int:
        return self.active

    def active_calls_of(self, connector_id: str) -> int:
        return self.active if connector_id == CONNECTOR_ID else 0

    def loop_turns(self, source: str, from_number: str, to_number: str, now: float) -> int:
        return self.turns

    def has_ports(self) -> bool:
        return self.ports

    def draining(self) -> bool:
        return self.is_draining


def connector(connector_id: str = CONNECTOR_ID, pbx: str = "192.0.2.7/32") -> Connector:
    """Return a connector whose PBX may call the United States, Germany not."""
    return Connector(
        connector_id=connector_id,
        name="demo",
        region="us-east-1",
        require_encryption=False,
        created_at=EPOCH,
        updated_at=EPOCH,
        origination=Origination(routes=(Route(host="192.0.2.7"),)),
        termination=Termination(calling_regions=("US",), cidr_allowed_list=(pbx,), cps_limit=100),
    )


def with_termination(**members: Any) -> Connector:  # Any: members of several types
    """Return the usual connector with other termination members."""
    usual = connector()
    assert usual.termination is not None
    return replace(usual, termination=replace(usual.termination, **members))


def with_user(username: str = "pbx", password: str = "secret") -> Connector:
    """Return the usual connector asking for digest."""
    credential = Credential.from_password(username, password, realm=HOST)
    return replace(connector(), credentials=(credential,))


def inventory(e164: str, connector_id: str | None) -> InventoryNumber:
    """Return a number of the account."""
    return InventoryNumber(
        e164=e164,
        number_type="Local",
        product_type="VoiceConnector",
        country="US",
        created_at=EPOCH,
        updated_at=EPOCH,
        connector_id=connector_id,
    )


SETTINGS = Settings(domain=DOMAIN, carriers=(Carrier(name="acme", host=CARRIER[0]),))


class World:
    """Admission with everything around it."""

    def __init__(self, *connectors: Connector, settings: Settings = SETTINGS) -> None:
        self.calls = Calls()
        self.settings = settings
        others = (connector(OTHER_ID, "192.0.2.99/32"),)
        self.admission = Admission(
            settings=settings,
            snapshot=Snapshot.build(
                settings,
                (*(connectors or (connector(),)), *others),
                (inventory(OWNED, CONNECTOR_ID), inventory("+12065550198", None)),
                None,
            ),
            calls=self.calls,
            ids=SeededIds(),
            sent_by=EDGE,
            utc_of=utc_of,
            master_secret=b"a secret of the deployment",
            node="node-1",
        )
        self.admission.is_configured = True

    @staticmethod
    def flow(remote: Address = PBX, over: Transport = Transport.UDP) -> Flow:
        """Return the path from a peer to the edge."""
        return Flow(over, EDGE, remote)

    def judge(
        self, data: bytes, remote: Address = PBX, now: float = 0.0, over: Transport = Transport.UDP
    ) -> Verdict:
        """Return the verdict on a datagram, readable or not."""
        flow = self.flow(remote, over)
        try:
            request = parse_datagram(data)
        except MalformedRequest as error:
            return self.admission.malformed(error, flow, now)
        assert isinstance(request, Request)
        verdict = self.admission.judge(request, flow, now)
        assert not isinstance(verdict, AwaitCount), "there is no other node"
        return verdict


def datagram(
    method: str = "INVITE",
    uri: str = f"sip:{DIALED}@{HOST}",
    *,
    from_: str = f"<sip:{CALLER}@192.0.2.7>;tag=a",
    to: str = f"<sip:{DIALED}@{HOST}>",
    via: str = "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKone;rport",
    fields: tuple[str, ...] = (),
    body: bytes = OFFER,
    kind: str | None = "application/sdp",
) -> bytes:
    """Return a request as an ordinary PBX writes it, with some lines changed or added."""
    if method != "INVITE":
        body = b""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via}",
        "Max-Forwards: 70",
        f"From: {from_}",
        f"To: {to}",
        "Call-ID: 1234567890@192.0.2.7",
        f"CSeq: 1 {method}",
        "Contact: <sip:pbx@192.0.2.7:5060>",
        "User-Agent: A PBX 1.0",
        *fields,
        *([f"Content-Type: {kind}"] if body and kind else []),
        f"Content-Length: {len(body)}",
    ]
    replaced = {line.partition(":")[0] for line in fields}
    kept = [
        line
        for number, line in enumerate(lines)
        if line in fields or number == 0 or line.partition(":")[0] not in replaced
    ]
    return "\r\n".join(kept).encode() + b"\r\n\r\n" + body
