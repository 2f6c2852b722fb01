"""When a call has no media any more (EDGE V4, D9)."""

from typing import NamedTuple

from edge.media.relaying import MediaLeg
from edge.media.session import Direction


class Silence(NamedTuple):
    """The media of an answered call has ended."""

    last_packet_at: float | None
    """Monotonic time of the last valid packet of who fell silent, None when there never was one."""


def silence_of(
    legs: tuple[MediaLeg, MediaLeg], now: float, *, timeout_s: float, hold_timeout_s: float
) -> Silence | None:
    """Return the silence that should end a call, None while it lives or is not answered.

    A call ends when both legs have sent neither RTP nor RTCP for the timeout, or when one leg has
    whose RTP had flowed and which is not on hold. A call whose legs are all on hold has longer.
    """
    if not all(leg.media.answered for leg in legs):
        return None
    on_hold = [leg.media.direction is not Direction.SENDRECV for leg in legs]
    heard = [leg.last_at for leg in legs if leg.last_at is not None]
    patience_s = hold_timeout_s if all(on_hold) else timeout_s
    if now - max([*heard, *(leg.since for leg in legs)]) >= patience_s:
        return Silence(max(heard, default=None))
    for leg, held in zip(legs, on_hold, strict=True):
        last_at = leg.last_at
        if leg.reception.last_at is None or last_at is None or held:
            continue
        if now - max(last_at, leg.since) >= timeout_s:
            return Silence(last_at)
    return None
