"""What strangers and impostors cannot do to calls, and where the edge never sends (EDGE 7).

tests/e2e/test_bad_input.py does the most important of it on real sockets.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.flow import Address, Flow, Transport
from edge.policy import authentication, nonces, rate, sources
from edge.policy.authentication import GUESSERS
from edge.refusals import LINES_AT_ONCE
from edge.sip.message import Request
from edge.sip.writing import response_bytes
from tests.core.refusal_cases import STRANGER, Scene, asked, challenged, other
from tests.core.stand import (
    CARRIER,
    EDGE,
    EPOCH,
    HOST,
    OUTBOUND_URI,
    PBX,
    SECOND_PBX,
    Node,
    Stage,
)
from tests.core.stand import connector as usual_connector
from tests.policy.world import OFFER, datagram
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link

RINGS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180)))


def answered() -> Scene:
    """Return a call that is up: the PBX has called, the carrier has answered."""
    scene = asked(datagram())
    scene.callee(200, "OK", OFFER)
    answer = scene.responses()[-1]
    scene.say(datagram("ACK", to=answer.require("to"), fields=other(1)[:1]), PBX, 0.1)
    return scene


def active(scene: Scene) -> int:
    return scene.node.core.active_calls


def refusal_in(scene: Scene) -> int | None:
    return None if scene.final is None else scene.final.status


# --- Responses (EDGE S10) ---


def answer_to(invite: Request, *, change: Callable[[bytes], bytes] = lambda it: it) -> bytes:
    """Return a 486 to an INVITE of the edge, with something changed."""
    flow = Flow(Transport.UDP, CARRIER, EDGE)
    return change(response_bytes(invite, flow, 486, "Busy Here", to_tag="callee"))


FORGED = [
    ("another branch", lambda it: it.replace(b"branch=z9hG4bK", b"branch=z9hG4bK0")),
    ("no magic cookie", lambda it: it.replace(b"branch=z9hG4bK", b"branch=")),
    ("another sent-by", lambda it: it.replace(EDGE[0].encode() + b":5060;", b"192.0.2.66:5060;")),
    ("another port in sent-by", lambda it: it.replace(b":5060;branch", b":5061;branch")),
    ("another method", lambda it: it.replace(b" INVITE\r\n", b" OPTIONS\r\n")),
    ("a Via more", lambda it: it.replace(b"Via:", b"Via: SIP/2.0/UDP 192.0.2.66\r\nVia:", 1)),
]


@pytest.mark.parametrize("change", [it[1] for it in FORGED], ids=[it[0] for it in FORGED])
def test_a_response_that_does_not_match_is_ignored(change: Callable[[bytes], bytes]) -> None:
    scene = asked(datagram())
    (_, invite), *_ = scene.invites()
    forged = answer_to(invite, change=change)
    assert forged != answer_to(invite)
    scene.say(forged, CARRIER)
    assert (active(scene), refusal_in(scene)) == (1, None)
    scene.say(answer_to(invite), CARRIER)
    assert refusal_in(scene) == 486


@pytest.mark.parametrize("source", [STRANGER, PBX, (EDGE[0], 5060), ("127.0.0.1", 5060)])
def test_a_response_from_a_foreign_address_is_ignored(source: Address) -> None:  # EDGE S10, S16
    scene = asked(datagram())
    (_, invite), *_ = scene.invites()
    scene.say(answer_to(invite), source)
    assert (active(scene), refusal_in(scene)) == (1, None)


def test_a_carrier_may_answer_from_another_address_or_port_of_its_own() -> None:  # EDGE S10
    scene = asked(datagram())
    (_, invite), *_ = scene.invites()
    scene.say(answer_to(invite), (CARRIER[0], 40_000))
    assert refusal_in(scene) == 486


# --- Requests inside a dialog (EDGE S16) ---


@pytest.mark.parametrize("source", [STRANGER, CARRIER, (EDGE[0], 5060)])
@pytest.mark.parametrize("method", ["BYE", "INVITE"])
def test_a_request_inside_a_dialog_from_a_foreign_address_is_ignored(
    source: Address, method: str
) -> None:
    scene = answered()
    answer = scene.responses()[-1]
    before = len(scene.heard)
    body = b"" if method == "BYE" else OFFER
    fields = (*other(7)[:1], f"CSeq: 7 {method}")
    scene.say(datagram(method, to=answer.require("to"), fields=fields, body=body), source, 1.0)
    assert active(scene) == 1
    said = [it for to, it in scene.heard[before:] if to[0] == source[0]]
    assert all(it.status == 481 for it in said if not isinstance(it, Request))
    assert not any(isinstance(it, Request) for _, it in scene.heard[before:])


def test_a_listed_address_of_the_same_connector_may_hang_up() -> None:  # EDGE S16
    scene = answered()
    answer = scene.responses()[-1]
    fields = (*other(7)[:1], "CSeq: 7 BYE")
    scene.say(datagram("BYE", to=answer.require("to"), fields=fields), SECOND_PBX, 1.0)
    assert active(scene) == 0


def test_a_cancel_from_a_foreign_address_is_ignored() -> None:  # EDGE E4, S16
    scene = asked(datagram())
    for source in (STRANGER, CARRIER):
        scene.say(datagram("CANCEL"), source, 0.5)
        assert active(scene) == 1
    scene.say(datagram("CANCEL"), PBX, 0.6)
    assert active(scene) == 0


# --- Where the edge never sends (EDGE S10, S12) ---

FOREIGN = [
    "169.254.169.254",
    "169.254.170.2",
    "224.0.1.75",
    "255.255.255.255",
    "0.0.0.0",
    "127.0.0.1",
    "192.0.2.200",
    "[::1]",
    "[fd00:ec2::254]",
    "metadata.google.internal",
]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("where", ["Contact", "Record-Route", "maddr"])
def test_no_peer_makes_us_send_to_a_foreign_address(host: str, where: str) -> None:
    target = f"<sip:x@{PBX[0]};maddr={host}>" if where == "maddr" else f"<sip:x@{host};lr>"
    field = f"{'Contact' if where == 'maddr' else where}: {target}"
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 200),), bye_after_s=5.0))
        name, _, value = field.partition(": ")
        if name == "Contact":
            stage.pbx.contact = ("Contact", value)
            plan = CallerPlan()
        else:
            plan = CallerPlan(fields=((name, value),))
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        assert "E>A BYE" in link.ladder(), "the BYE goes to the address of the dialog"
        assert {it.remote[0] for it in link.sent("E", "A", "BYE")} == {PBX[0]}
        stage.assert_quiet()


@pytest.mark.parametrize("host", ["224.0.0.1", "255.255.255.255", "169.254.169.254"])
def test_an_allow_list_that_holds_everything_opens_no_way_there(host: str) -> None:  # EDGE S12
    """The lab's `--allow 0.0.0.0/0`, or a slip of an operator."""
    usual = usual_connector()
    assert usual.termination is not None
    termination = replace(usual.termination, cidr_allowed_list=("0.0.0.0/0",))
    with lossy_link(1) as link:
        node = Node(replace(usual, termination=termination))
        answers = CalleePlan(steps=(Step(0.0, 200),), bye_after_s=5.0)
        stage = Stage(link, node=node, carrier=answers)
        stage.pbx.contact = ("Contact", f"<sip:x@{host}>")
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert {it.remote[0] for it in link.sent("E", "A", "BYE")} == {PBX[0]}
        stage.assert_quiet()


# --- Bounds (EDGE S3, S5, S7) ---


def flood(packets: int) -> Scene:
    """Return a node that so many addresses have sent something to, all in one second."""
    scene = Scene()
    kinds = [
        datagram("REGISTER", uri="sip:x.example"),
        datagram(uri=OUTBOUND_URI),
        datagram("OPTIONS"),
        datagram("BYE", to="<sip:x@y>;tag=b"),
        datagram("ACK", to="<sip:x@y>;tag=b"),
        datagram("CANCEL"),
        b"SIP/2.0 200 OK\r\n\r\n",
        b"\x00\x01\x02",
    ]
    for number in range(packets):
        address = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 5060)
        scene.say(kinds[number % len(kinds)], address, number / packets)
    return scene


def test_a_flood_from_100_000_addresses_grows_no_table() -> None:  # EDGE S3, S5
    scene = flood(100_000)
    node, admission = scene.node, scene.node.core._admission
    context, refusals = admission._context, node.core._reception._refusals
    assert node.core.pending | {"timers": 0} == Node().core.pending, "no transaction, no call"
    assert node.core.pending["timers"] <= 1, "the summary's"
    assert len(admission._sources._strangers) <= sources._KNOWN_ADDRESSES
    assert len(admission._sources._known) == 0
    assert len(context.source_rates) == len(context.call_rates._own) == 0
    assert len(context.authentication) == 0 and len(context.authentication._nonces) == 0
    assert len(refusals._lines) <= rate.BUCKETS
    assert len(refusals._strangers) <= 8, "counted by reason, not by address"
    assert context.spending.sizes() == (0, 0, 0)
    assert node.records == []
    assert len(node.logs) <= LINES_AT_ONCE + 1
    answers = [it for _, it in scene.heard if not isinstance(it, Request)]
    assert all(it.status == 403 for it in answers)
    assert len(answers) <= 2 * 50, "R7 for all of them together"
    assert scene.node.ask(datagram(), PBX, 10.0)[0].data.startswith(b"SIP/2.0 100")


def test_the_tables_have_the_sizes_that_their_bounds_say(monkeypatch: pytest.MonkeyPatch) -> None:
    # EDGE S7, G4: guessers and nonces are of listed sources, and bounded all the same.
    monkeypatch.setattr(authentication, "GUESSERS", 10)
    monkeypatch.setattr(nonces, "NONCES_IN_USE", 10)
    scene = challenged(password="guess")
    checks = scene.node.core._admission._context.authentication
    for number in range(30):
        asked_again = asked(datagram(), PBX, usual_connector(user=("pbx", "secret")))
        assert asked_again.final is not None
        checks._count_failure((PBX[0], HOST, str(number)), 0.0)
        checks._nonces.use(checks._nonces.issue(HOST, PBX[0], EPOCH), 1)
    assert (len(checks), len(checks._nonces)) == (10, 10)
    assert GUESSERS == 4_096


# --- Secrets (EDGE S15) ---


def test_secrets_show_in_no_text_of_a_node() -> None:
    secret = "a secret of thirty-two characters"  # of tests/core/stand.py
    scene = challenged()
    core = scene.node.core
    parts = [core, core._admission, core._admission._context, core._admission._context.settings]
    parts += [core._admission._context.authentication._nonces, scene.node.logs, scene.node.records]
    assert secret not in "".join(map(repr, parts))
