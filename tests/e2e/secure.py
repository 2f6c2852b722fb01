"""Calls between a PBX that speaks TLS and SRTP and a carrier that speaks neither: our own agents.

What the PBX's side describes is the test's affair: it may keep the keys itself, or leave them to
another program's media relay.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from edge.flow import Address, Transport
from edge.sip.message import Request
from tests.e2e.audio import Phone
from tests.e2e.lab import CALLER, Lab, Trunk
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CalleePlan, CallerPlan, PlacedCall, Step, TakenCall
from tests.support.reoffers import Offer
from tests.support.sdp import audio, rtp_of
from tests.support.srtp_reference import Crypto, key_bytes
from tests.support.stream_wire import ListeningWire, StreamWire, Turning, run_together

SECOND_CARRIERS = "+12125550106"
"""The simulated network answers 503: the carrier that we play is called."""
SUITES = (
    *("AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_80"),
    *("AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_32", "AES_192_CM_HMAC_SHA1_32"),
)


class SecureCall(NamedTuple):
    """A call that is up."""

    pbx: PlacedCall | TakenCall
    carrier: PlacedCall | TakenCall
    told: bytes
    """The edge's own description, as the PBX has it."""
    wires: tuple[Turning, ...]

    def run(self, until: Callable[[], object], what: str) -> None:
        """Carry messages until a condition holds."""
        run_together(*self.wires, until=until, what=what)

    def reinvite(self, body: bytes, meanwhile: Callable[[], None]) -> bytes:
        """Send a re-INVITE of the PBX's and return what its 200 brings."""
        talks = self.pbx.reoffers
        before = len(talks.statuses)
        talks.offer(Offer(0.0, body=body), time.monotonic())

        def is_answered() -> bool:
            meanwhile()
            return len(talks.statuses) > before

        self.run(is_answered, "the re-INVITE is answered")
        assert talks.statuses[-1] == 200
        return talks.heard[-1].body

    def end(self) -> None:
        """Let the PBX hang up, and both ends see it."""
        self.pbx.hang_up(time.monotonic())
        self.run(lambda: self.pbx.finals and self.carrier.hung_up, "both ends hang up")
        assert self.pbx.finals[-1] == 200


def new_crypto(suite: str, tag: int = 1) -> Crypto:
    """Return a line with a fresh key."""
    return Crypto(tag, suite, secrets.token_bytes(key_bytes(suite)), secrets.token_bytes(14))


def secure_audio(address: Address, *cryptos: Crypto, version: int = 1) -> bytes:
    """Return a description with keys."""
    plain = audio(*address, profile="RTP/SAVP", version=version)
    return plain + "".join(f"{it.line()}\r\n" for it in cryptos).encode()


@contextmanager
def calling(
    lab: Lab, trunk: Trunk, offer: bytes, callee: Phone, *, ack_body: bytes | None = None
) -> Iterator[SecureCall]:
    """Let the PBX call with an offer, or an answer in its ACK; the carrier's end is a phone."""
    pbx = Agent(_name("pbx"), (trunk.pbx, 5061), transport=Transport.TLS)
    steps = (Step(0.0, 100), Step(0.0, 200, body=audio(*callee.address)))
    carrier = Agent(_name("carrier"), lab.second_carrier, plan_of=lambda _: CalleePlan(steps))
    with (
        StreamWire(pbx, lab.tls, tls=lab.tls_context, name=trunk.host) as near,
        Wire(carrier) as far,
    ):
        uri, plan = f"sip:{SECOND_CARRIERS}@{trunk.host}", CallerPlan(body=offer, ack_body=ack_body)
        call = pbx.call(uri, lab.tls, plan, time.monotonic(), caller=CALLER)
        taken, answer_body = _await_up(call, carrier, near, far)
        callee.edge = rtp_of(taken.request.body)
        yield SecureCall(call, taken, answer_body, (near, far))


@contextmanager
def called(
    lab: Lab, number: str, at: Address, answer: Callable[[bytes], bytes], caller: Phone
) -> Iterator[SecureCall]:
    """Let the carrier call a number whose PBX, at an address, answers an offer; the carrier's end
    is a phone."""

    def plan_of(request: Request) -> CalleePlan:
        return CalleePlan(steps=(Step(0.0, 100), Step(0.0, 200, body=answer(request.body))))

    pbx = Agent(_name("pbx"), at, plan_of=plan_of, transport=Transport.TLS)
    carrier = Agent(_name("carrier"), free_address(lab.second_carrier[0]))
    with ListeningWire(pbx, tls=lab.server_context(at[0])) as near, Wire(carrier) as far:
        plan = CallerPlan(body=audio(*caller.address))
        uri = f"sip:{number}@{lab.edge[0]}"
        call = carrier.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        taken, answer_body = _await_up(call, pbx, near, far)
        caller.edge = rtp_of(answer_body)
        yield SecureCall(taken, call, taken.request.body, (near, far))


def _await_up(call: PlacedCall, called: Agent, *wires: Turning) -> tuple[TakenCall, bytes]:
    """Wait until both ends are up; return the end of whoever is called, and the answer."""

    def is_up() -> bool:
        assert call.final is None or call.answered, call.final
        return call.answered and bool(called.taken) and called.taken[0].ack is not None

    run_together(*wires, until=is_up, what="the call is up")
    (taken,) = called.taken
    assert call.final is not None
    return taken, call.final.body


def _name(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(4)}"
