"""SIPp on both ends of every kind of call."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.signalling.tls_tunnel import SecureEdge
from bench.soak.kinds import Kind, number_of
from bench.soak.verdict import Made
from bench.soak.world import Place, host_of
from edge.flow import Address, Transport
from model.settings import Settings
from tests.e2e.sipp import Sipp

CALLER = "+12065550100"
TALK_MS = 1_000
LONGEST_TAIL_S = 120.0
"""From the last INVITE to the end of everything: an ACK that never comes takes 32 s."""
_ENDLESS = 1_000_000_000
_NOBODY_WAITS = ("-recv_timeout", "60000")
"""Milliseconds; the BYE after a lost ACK comes after 32 s."""


@contextmanager
def callees(chosen: list[Place], folder: Path, load_s: float) -> Iterator[None]:
    """Let every callee answer until the block ends."""
    with ExitStack() as stack:
        for place in chosen:
            for at, scenario, words in _answering(place):
                stack.enter_context(
                    Sipp(
                        scenario,
                        folder,
                        at=at,
                        words=words,
                        calls=_ENDLESS,
                        options=("-d", str(TALK_MS), "-l", str(_ENDLESS), *_NOBODY_WAITS),
                        traced=False,
                        longest_s=load_s + 2 * LONGEST_TAIL_S,
                    )
                )
        yield


def call_all(
    chosen: list[Place],
    folder: Path,
    edge: Address,
    secure: SecureEdge,
    settings: Settings,
    *,
    rate: float,
    load_s: float,
) -> list[Made]:
    """Make calls of every kind, so many per second together, and wait for their ends."""
    with ExitStack() as stack:
        callers = []
        for place in chosen:
            to = edge
            if place.kind.transport is Transport.TLS:
                tunnel = secure.tunnel_at(place.caller[0])
                stack.callback(tunnel.close)
                to = tunnel.address
            caller = _caller(place, folder, to, settings, rate, load_s)
            callers.append((place.kind, stack.enter_context(caller)))
        return [_made(kind, caller, rate, load_s) for kind, caller in callers]


def calls_of(kind: Kind, rate: float, load_s: float) -> int:
    """Return how many calls of a kind there are."""
    return max(1, round(rate * kind.share * load_s))


def _caller(
    place: Place, folder: Path, to: Address, settings: Settings, rate: float, load_s: float
) -> Sipp:
    kind = place.kind
    host = to[0] if kind.inbound else host_of(kind, settings)
    number = kind.dialed or number_of(kind)
    calls = calls_of(kind, rate, load_s)
    pace = ("-r", str(calls), "-rp", str(round(load_s * 1_000)), "-l", str(_ENDLESS))
    digest = ("-auth_uri", f"{number}@{host}") if kind.user else ()
    return Sipp(
        kind.caller,
        folder,
        at=place.caller,
        to=to,
        keys={"number": number, "connector": host, "caller": CALLER},
        words=dict(kind.caller_words),
        calls=calls,
        options=(*pace, *digest, "-d", str(TALK_MS), *_NOBODY_WAITS),
        traced=False,
        # Over TLS it speaks TCP to a tunnel.
        transport=Transport.UDP if kind.transport is Transport.UDP else Transport.TCP,
        longest_s=load_s + LONGEST_TAIL_S,
    )


def _made(kind: Kind, caller: Sipp, rate: float, load_s: float) -> Made:
    caller.process.wait(load_s + LONGEST_TAIL_S + 10.0)
    counted = caller.statistics()
    calls, failed = int(counted["OutgoingCall(C)"]), int(counted["FailedCall(C)"])
    unmade = calls_of(kind, rate, load_s) - calls
    return Made(kind, [caller.call_id(n) for n in range(1, calls + 1)], failed, unmade)


def _answering(place: Place) -> Iterator[tuple[Address, str, dict[str, str | int]]]:
    kind = place.kind
    if kind.callee is not None:
        yield place.callee, kind.callee, dict(kind.callee_words)
    if kind.fails_first:
        yield place.broken, "uas_refuse", {"STATUS": 503, "PHRASE": "Service Unavailable"}
