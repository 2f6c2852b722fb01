"""One real call from wherever this runs, out through the edge, with its audio counted."""

import asyncio
import socket
from dataclasses import dataclass

from cli.trial.report import Told, Unfit
from cli.trial.sip import PRODUCT
from edge.flow import Address
from emulator.pstn_plan import Plan, Sound
from emulator.user_agent import CallResult, UserAgent

RINGS_FOR_S = 60.0
_PACKETS_PER_S = 50
_LEAST_HEARD = 0.5
"""Share of a stream without pauses: a far end that is silent at times still sends most of it."""
_MOST_LOST = 0.02
"""Beyond 2 % speech suffers where people can hear it."""
NO_AUDIO = (
    "the edge sends media to where it comes from, as soon as three packets have come: a firewall "
    "here that lets UDP out to ports 10000-59999 of the nodes, and the answers back in, is needed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who is called, and through what."""

    from_number: str
    to_number: str
    edge: Address
    domain: str
    """The connector's host."""
    shown_as: str
    """Our address as the edge sees it."""
    duration_s: float


def call(order: Order) -> CallResult:
    """Place the call and return how it ended; interrupted, it hangs up."""
    return asyncio.run(_call(order))


async def _call(order: Order) -> CallResult:
    agent = UserAgent(
        _own_address(order.edge),
        lambda number: Plan(reject=(480, "Temporarily Unavailable")),
        PRODUCT,
        shown_as=order.shown_as,
    )
    await agent.open()
    try:
        return await agent.call(
            from_number=order.from_number,
            to_number=order.to_number,
            edge=order.edge,
            plan=Plan(sound=Sound.TONE, hang_up_after_s=order.duration_s),
            patience_s=RINGS_FOR_S,
            domain=order.domain,
        )
    finally:
        agent.close()


def _own_address(edge: Address) -> Address:
    """Return a free port of the address that this machine uses towards the edge."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(edge)
        host, port = probe.getsockname()
        return host, port


def judged(result: CallResult) -> Told[CallResult]:
    """Judge a call by its answer and by what was heard; raises Unfit."""
    if not result.answered:
        status = f"{result.status} " if result.status else ""
        raise Unfit(f"not answered: {status}{result.reason}")
    sent, heard, lost = result.packets_sent, result.packets_received, result.packets_lost
    told = (
        f"answered, {result.duration_ms / 1000:.1f} s, {sent} packets sent, {heard} heard, "
        f"{lost} lost, jitter {result.jitter_us / 1000:.1f} ms"
    )
    if result.ended_by == "nobody":
        raise Unfit(f"{told}, then lost")
    if heard < _LEAST_HEARD * _PACKETS_PER_S * result.duration_ms / 1000:
        raise Unfit(f"{told}: too little audio comes back", NO_AUDIO)
    if lost > _MOST_LOST * (heard + lost):
        raise Unfit(told, "audio suffers: measure from another network, then ask the carrier")
    return Told(told, result)
