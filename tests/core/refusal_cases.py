"""One scene for every reason of edge/policy/reasons.py, played against a whole node.

tests/core/test_refusals.py looks at the places where a reason must show, tests/cli/test_explain.py
at what is made of the log.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edge.flow import Address, Flow, Transport
from edge.policy.reasons import Reason
from edge.seam import Drain, HangUp
from edge.sip.digest import answer_challenge
from edge.sip.message import Request, Response, parse_datagram
from edge.sip.writing import response_bytes
from model.settings import AdmissionSettings, Settings
from tests.core.stand import (
    CARRIER,
    DIALED,
    EDGE,
    HOST,
    OWNED,
    PBX,
    SETTINGS,
    Node,
    connector,
)
from tests.policy.world import OFFER, OTHER_HOST, OTHER_ID, OTHER_PBX, datagram
from tests.policy.world import connector as other_connector

STRANGER: Address = ("192.0.2.200", 40_000)
URI = f"sip:{DIALED}@{HOST}"
INBOUND = f"sip:{OWNED}@{EDGE[0]}"
USER = ("pbx", "secret")


def other(number: int) -> tuple[str, str]:
    """Return the lines that make another call of a request."""
    return (
        f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{number};rport",
        f"Call-ID: {number}@192.0.2.7",
    )


class Scene:
    """A node and all that it has said."""

    def __init__(self, *connectors: Any, configured: bool = True, **admission: Any) -> None:
        settings: Settings = replace(SETTINGS, admission=AdmissionSettings(**admission))
        self.node = Node(*connectors, settings=settings, configured=configured)
        self.heard: list[tuple[Address, Request | Response]] = []

    def say(
        self,
        data: bytes,
        remote: Address = PBX,
        now: float = 0.0,
        over: Transport = Transport.UDP,
    ) -> None:
        """Send the node a datagram."""
        self.node.take(data, Flow(over, EDGE, remote), now)
        self._listen()

    def wait(self, until: float) -> None:
        """Let time pass."""
        while (deadline := self.node.deadline()) is not None and deadline <= until:
            self.node.tick(deadline)
            self._listen()
        self.node.tick(until)
        self._listen()

    def callee(self, status: int, phrase: str, body: bytes = b"", now: float = 0.0) -> None:
        """Answer the last INVITE that the node has sent."""
        remote, invite = self.invites()[-1]
        answer = response_bytes(
            invite, Flow(Transport.UDP, remote, EDGE), status, phrase, to_tag="callee", body=body
        )
        self.say(answer, remote, now)

    def invites(self) -> list[tuple[Address, Request]]:
        """Return the INVITEs that the node has sent."""
        return [
            (remote, it)
            for remote, it in self.heard
            if isinstance(it, Request) and it.method == "INVITE"
        ]

    def responses(self, remote: Address = PBX) -> list[Response]:
        """Return what the node has answered."""
        return [it for to, it in self.heard if to == remote and isinstance(it, Response)]

    @property
    def final(self) -> Response | None:
        """Return the last refusal to whoever asked."""
        finals = [it for _, it in self.heard if isinstance(it, Response) and it.status >= 300]
        return finals[-1] if finals else None

    def _listen(self) -> None:
        for data, flow in self.node.outgoing():
            message = parse_datagram(data)
            assert isinstance(message, Request | Response)
            self.heard.append((flow.remote, message))


def asked(data: bytes, remote: Address = PBX, *connectors: Any, **admission: Any) -> Scene:
    """Return the scene of one request."""
    scene = Scene(*connectors, **admission)
    scene.say(data, remote)
    return scene


def _unconfigured() -> Scene:
    scene = Scene(configured=False)
    scene.say(datagram())
    return scene


def _over_tls(body: bytes, *, required: bool) -> Scene:
    scene = Scene(replace(connector(), require_encryption=required))
    scene.say(datagram(body=body), over=Transport.TLS)
    return scene


def _sips() -> Scene:
    scene = Scene()
    scene.say(datagram(uri=URI.replace("sip:", "sips:")), over=Transport.TLS)
    return scene


def with_credentials(scene: Scene, now: float = 0.0, **changed: Any) -> None:
    """Answer the last challenge."""
    final = scene.final
    assert final is not None and final.status == 407
    given = {"username": USER[0], "password": USER[1], "uri": URI, **changed}
    value = answer_challenge(
        final.headers["proxy-authenticate"], method="INVITE", cnonce="c", **given
    )
    number = len(scene.heard)
    scene.say(datagram(fields=(*other(number), f"Proxy-Authorization: {value}")), PBX, now)


def challenged(now: float = 0.0, **changed: Any) -> Scene:
    """Return the scene of a challenge that is answered."""
    scene = asked(datagram(), PBX, connector(user=USER))
    with_credentials(scene, now, **changed)
    return scene


def _two_of(*connectors: Any, **admission: Any) -> Scene:
    scene = asked(datagram(), PBX, *connectors, **admission)
    scene.say(datagram(fields=other(2)), PBX, 0.01)
    return scene


def _merged() -> Scene:
    scene = asked(datagram())
    scene.say(datagram(fields=other(2)[:1]))
    return scene


def _stranger_rate() -> Scene:
    scene = Scene()
    for _ in range(11):
        scene.say(datagram("OPTIONS", uri="sip:x.example"), STRANGER)
    return scene


def _source_rate() -> Scene:
    scene = Scene(connector(cps_limit=1))
    for number in range(101):
        scene.say(datagram(fields=other(number)))
    return scene


def _locked() -> Scene:
    scene = challenged(password="guess")
    for _ in range(4):
        with_credentials(scene, password="guess")
    value = answer_challenge(
        scene.responses()[-1].headers["proxy-authenticate"],
        username=USER[0], password=USER[1], method="INVITE", uri=URI, cnonce="c",
    )  # fmt: skip
    scene.say(datagram(fields=(*other(99), f"Proxy-Authorization: {value}")))
    return scene


def _foreign_nonce() -> Scene:
    scene = asked(datagram(), PBX, connector(user=USER))
    assert scene.final is not None
    values = scene.final.headers["proxy-authenticate"]
    value = answer_challenge(
        [it.replace('nonce="', 'nonce="x') for it in values],
        username=USER[0], password=USER[1], method="INVITE", uri=URI, cnonce="c",
    )  # fmt: skip
    scene.say(datagram(fields=(*other(2), f"Proxy-Authorization: {value}")))
    return scene


def _other_credentials() -> Scene:
    proof = 'Proxy-Authorization: Digest username="pbx", realm="x", nonce="n", uri="sip:x", '
    proof += 'response="r"'
    return asked(datagram(fields=(proof,)), PBX, connector(user=USER))


def _drained() -> Scene:
    scene = Scene()
    scene.node.core.handle(Drain(), 0.0)
    scene.say(datagram())
    return scene


def _overloaded() -> Scene:
    scene = Scene()
    scene.node.core._admission.overloaded = True
    scene.say(datagram())
    return scene


def _no_ports() -> Scene:
    node_without = Scene()
    pool = node_without.node.core._pool
    while pool.has_two:
        pool.open()
    node_without.say(datagram())
    return node_without


def _minutes() -> Scene:
    scene = asked(datagram(), PBX, minutes_per_day=1)
    scene.callee(200, "OK", OFFER)
    answer = scene.responses()[-1]
    scene.say(datagram("ACK", to=f"{answer.require('to')}", fields=other(1)[:1]), PBX, 0.1)
    scene.say(datagram(fields=other(2)), PBX, 61.0)
    return scene


def _loop() -> Scene:
    via = "Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKown"
    return asked(datagram(fields=(via,)))


def _exhausted(uri: str, remote: Address) -> Scene:
    scene = asked(datagram(uri=uri), remote)
    scene.callee(503, "Service Unavailable")
    scene.callee(500, "Broken")
    return scene


def _without_carriers() -> Scene:
    scene = Scene()
    carriers = [replace(it, prefixes=("+44",)) for it in SETTINGS.carriers]
    scene.node = Node(settings=replace(SETTINGS, carriers=tuple(carriers)))
    scene.say(datagram())
    return scene


def _without_routes() -> Scene:
    usual = connector()
    assert usual.origination is not None
    route = replace(usual.origination.routes[0], host="pbx.example.net")
    unresolved = replace(usual, origination=replace(usual.origination, routes=(route,)))
    return asked(datagram(uri=INBOUND), CARRIER, unresolved)


def _answered_by(status: int, phrase: str, body: bytes = b"") -> Scene:
    scene = asked(datagram())
    scene.callee(status, phrase, body)
    return scene


def _rings_and_fails() -> Scene:
    scene = _answered_by(180, "Ringing")
    scene.callee(503, "Service Unavailable", now=1.0)
    return scene


def _no_answer() -> Scene:
    scene = _answered_by(180, "Ringing")
    scene.wait(200.0)
    return scene


def _expired() -> Scene:
    scene = asked(datagram(fields=("Expires: 5",)))
    scene.callee(180, "Ringing")
    scene.wait(6.0)
    return scene


def _cancelled() -> Scene:
    scene = asked(datagram())
    cancel = datagram("CANCEL")
    scene.say(cancel, PBX, 0.5)
    return scene


def _shut_down() -> Scene:
    scene = asked(datagram())
    scene.node._handle(HangUp("Service shutdown"), 1.0)
    scene._listen()
    return scene


def _off(name: str, uri: str, remote: Address) -> Scene:
    usual = connector()
    part = getattr(usual, name)
    disabled = replace(usual, **{name: replace(part, disabled=True)})
    # Another connector lists the same PBX, so that the source is known at all.
    return asked(datagram(uri=uri), remote, disabled, other_connector(OTHER_ID, "192.0.2.7/32"))


def dialing(number: str) -> Scene:
    """Return the scene of a call to a number."""
    return asked(datagram(uri=f"sip:{number}@{HOST}"))


def sdp(old: bytes, new: bytes) -> Scene:
    """Return the scene of a call with another offer."""
    return asked(datagram(body=OFFER.replace(old, new)))


CASES: dict[Reason, tuple[Callable[[], Scene], str | None]] = {
    Reason.STRANGER_RATE: (_stranger_rate, None),
    Reason.NOT_CONFIGURED: (_unconfigured, None),
    Reason.NAMES_NO_CONNECTOR: (
        lambda: asked(datagram("OPTIONS", uri="sip:x.example"), STRANGER), None,
    ),
    Reason.UNREADABLE: (lambda: asked(b"OPTIONS sip:x SIP/2.0\r\n\r\n", STRANGER), None),
    Reason.STRAY: (lambda: asked(datagram("ACK", to="<sip:x@y>;tag=b"), STRANGER), None),
    Reason.SOURCE_RATE: (_source_rate, None),
    Reason.MALFORMED: (lambda: asked(datagram(fields=("CSeq: x INVITE",))), "Bad CSeq"),
    Reason.VERSION: (lambda: asked(datagram().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1)), None),
    Reason.TOO_LARGE: (lambda: sdp(b"s=-\r\n", b"s=-\r\n" + b"a=x\r\n" * 4000), None),
    Reason.METHOD: (lambda: asked(datagram("REGISTER")), None),
    Reason.URI_TOO_LONG: (lambda: dialing("+1" * 300), None),
    Reason.SCHEME: (lambda: asked(datagram(uri="tel:+13125550142")), None),
    Reason.SIPS_WITHOUT_TLS: (lambda: asked(datagram(uri=f"sips:{DIALED}@{HOST}")), None),
    Reason.NO_DIALOG: (lambda: asked(datagram("BYE", to="<sip:x@y>;tag=b")), None),
    Reason.MERGED: (_merged, None),
    Reason.LOOP: (_loop, None),
    Reason.HOPS: (lambda: asked(datagram(fields=("Max-Forwards: 0",))), None),
    Reason.UNKNOWN_HOST: (lambda: asked(datagram(uri=f"sip:{DIALED}@{EDGE[0]}")), None),
    Reason.TERMINATION_DISABLED: (lambda: _off("termination", URI, PBX), None),
    Reason.NOT_LISTED: (
        lambda: asked(datagram(uri=f"sip:{DIALED}@{OTHER_HOST}"), PBX, connector(),
                      other_connector(OTHER_ID, f"{OTHER_PBX[0]}/32")), None,
    ),
    Reason.TLS_REQUIRED: (
        lambda: asked(datagram(), PBX, replace(connector(), require_encryption=True)), None,
    ),
    Reason.DRAINING: (_drained, None),
    Reason.OVERLOAD: (_overloaded, None),
    Reason.NO_MEDIA_PORTS: (_no_ports, None),
    Reason.NO_CREDENTIALS: (lambda: asked(datagram(), PBX, connector(user=USER)), None),
    Reason.OTHER_CREDENTIALS: (_other_credentials, None),
    Reason.FOREIGN_NONCE: (_foreign_nonce, None),
    Reason.WRONG_PASSWORD: (lambda: challenged(password="guess"), None),
    Reason.OTHER_URI: (lambda: challenged(uri="sip:another@example.com"), None),
    Reason.STALE_NONCE: (lambda: challenged(400.0), None),
    Reason.LOCKED: (_locked, None),
    Reason.EXTENSION: (lambda: asked(datagram(fields=("Require: 100rel",))), None),
    Reason.INTERVAL_TOO_SMALL: (
        lambda: asked(datagram(fields=("Supported: timer", "Session-Expires: 89"))),
        None,
    ),
    Reason.CONTENT_ENCODING: (lambda: asked(datagram(fields=("Content-Encoding: gzip",))), None),
    Reason.CONTENT_TYPE: (lambda: asked(datagram(body=b"hello", kind="text/plain")), None),
    Reason.NOT_ACCEPTED: (lambda: asked(datagram(fields=("Accept: text/plain",))), None),
    Reason.CALLS_PER_SECOND: (lambda: _two_of(connector(cps_limit=1)), None),
    Reason.DIALED_NUMBER: (lambda: dialing("911"), None),
    Reason.NUMBER_KIND: (lambda: dialing("+19005551234"), None),
    Reason.CALLING_REGION: (lambda: dialing("+4930123456"), None),
    Reason.CALLER_ID: (
        lambda: asked(datagram(from_="<sip:alice@192.0.2.7>;tag=a")),
        "Caller Id alice is not valid",
    ),
    Reason.MINUTES_PER_DAY: (_minutes, None),
    Reason.CALLS_PER_PREFIX: (lambda: _two_of(calls_per_prefix_per_hour=1), None),
    Reason.CONCURRENT_CALLS: (lambda: _two_of(concurrent_calls=1), None),
    Reason.SDP_MALFORMED: (lambda: sdp(b"v=0", b"v=1"),
                           "the session description does not begin with v=0"),
    Reason.SDP_NOT_ACCEPTABLE: (lambda: sdp(b"AVP 0 101", b"AVP 8 101"), "PCMU is not offered"),
    Reason.PLAIN_MEDIA: (lambda: _over_tls(OFFER, required=True), None),
    Reason.NO_USABLE_KEYS: (
        lambda: _over_tls(OFFER.replace(b"RTP/AVP", b"RTP/SAVP"), required=False), None,
    ),
    Reason.SRTP_WITHOUT_TLS: (lambda: sdp(b"RTP/AVP", b"RTP/SAVP"), None),
    Reason.NOT_ASSIGNED: (
        lambda: asked(datagram(uri=f"sip:+12065550177@{EDGE[0]}"), CARRIER), None,
    ),
    Reason.ORIGINATION_DISABLED: (lambda: _off("origination", INBOUND, CARRIER), None),
    Reason.NO_CARRIER: (_without_carriers, None),
    Reason.NO_TLS_TARGET: (_sips, None),
    Reason.CARRIERS_FAILED: (lambda: _exhausted(URI, PBX), None),
    Reason.NO_ROUTE: (_without_routes, None),
    Reason.ROUTES_FAILED: (lambda: _exhausted(INBOUND, CARRIER), None),
    Reason.CALLED_SIDE: (lambda: _answered_by(486, "Busy Here"), "Busy Here"),
    Reason.CALLED_SIDE_MEDIA: (lambda: _answered_by(488, "Not Acceptable Here"), None),
    Reason.CALLED_SIDE_FAILED: (_rings_and_fails, None),
    Reason.REDIRECTED: (lambda: _answered_by(302, "Moved Temporarily"), None),
    Reason.ANSWER_NOT_ACCEPTABLE: (
        lambda: _answered_by(200, "OK", OFFER.replace(b"20000", b"0")),
        "the audio line is rejected by port 0",
    ),
    Reason.NO_ANSWER: (_no_answer, None),
    Reason.INVITE_EXPIRED: (_expired, None),
    Reason.CANCELLED: (_cancelled, None),
    Reason.ENDED_BY_NODE: (_shut_down, "Service shutdown"),
}  # fmt: skip
"""How each reason comes about, and its text where that has a variable part."""
