"""When a call has no media any more (EDGE V4, D9)."""

import pytest

from edge.media.liveness import Silence, silence_of
from edge.media.relaying import MediaLeg
from edge.media.session import Direction, LegMedia, PayloadTypes
from edge.media.srtp_leg import SrtpRules
from tests.media.packets import receiver_report, rtp

TIMEOUT_S, HOLD_TIMEOUT_S = 60.0, 1800.0
START = 1000.0
PHONE = ("203.0.113.9", 4000)
MEDIA = LegMedia(
    remote=PHONE,
    remote_rtcp=None,
    sources=(),
    expects=PayloadTypes(),
    peer_expects=PayloadTypes(),
    answered=True,
)


def leg(
    direction: Direction = Direction.SENDRECV,
    *,
    rtp_at: float | None = None,
    rtcp_at: float | None = None,
    answered: bool = True,
) -> MediaLeg:
    made = MediaLeg(120, SrtpRules(), START)
    made.describe(MEDIA._replace(direction=direction, answered=answered), START)
    if rtp_at is not None:
        made.on_rtp(rtp(1), PHONE, rtp_at)
    if rtcp_at is not None:
        made.on_rtcp(receiver_report(), PHONE, rtcp_at)
    return made


def silence(a: MediaLeg, b: MediaLeg, now: float) -> Silence | None:
    return silence_of((a, b), now, timeout_s=TIMEOUT_S, hold_timeout_s=HOLD_TIMEOUT_S)


SENDRECV, SENDONLY = Direction.SENDRECV, Direction.SENDONLY
RECVONLY, INACTIVE = Direction.RECVONLY, Direction.INACTIVE
T = START + 100

# (name, a leg, b leg, now, expected)
CASES: list[tuple[str, MediaLeg, MediaLeg, float, Silence | None]] = [
    ("not answered", leg(answered=False), leg(), START + 9e9, None),
    ("never a packet, early", leg(), leg(), START + 59.9, None),
    ("never a packet", leg(), leg(), START + 60, Silence(None)),
    ("both silent", leg(rtp_at=T), leg(rtp_at=T + 5), T + 65, Silence(T + 5)),
    ("both silent, early", leg(rtp_at=T), leg(rtp_at=T + 5), T + 59.9, None),
    ("one leg that had flowed", leg(rtp_at=T), leg(rtp_at=T + 60), T + 60, Silence(T)),
    ("one leg that never sent", leg(), leg(rtp_at=T + 59), T + 60, None),
    ("RTCP is a sign of life", leg(rtp_at=T, rtcp_at=T + 50), leg(rtp_at=T + 60), T + 60, None),
    ("RTCP of a leg that never sent", leg(rtcp_at=T + 50), leg(), T + 60, None),
    ("recvonly leg", leg(RECVONLY, rtp_at=T), leg(rtp_at=T + 60), T + 60, None),
    ("held leg", leg(SENDONLY, rtp_at=T), leg(rtp_at=T + 60), T + 60, None),
    ("all on hold", leg(SENDONLY, rtp_at=T), leg(RECVONLY, rtp_at=T), T + 1799, None),
    ("hold too long", leg(SENDONLY, rtp_at=T), leg(RECVONLY), T + 1800, Silence(T)),
    ("one inactive, the other silent", leg(INACTIVE), leg(rtp_at=T), T + 60, Silence(T)),
]


@pytest.mark.parametrize(
    ("a", "b", "now", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_silence(a: MediaLeg, b: MediaLeg, now: float, expected: Silence | None) -> None:
    assert silence(a, b, now) == expected
    assert silence(b, a, now) == expected


def test_time_on_hold_does_not_count_after_the_resume() -> None:
    a, b = leg(SENDONLY, rtp_at=T), leg(RECVONLY, rtp_at=T)
    resumed = T + 600
    for each in (a, b):
        each.describe(MEDIA, resumed)
    assert silence(a, b, resumed + 59.9) is None
    assert silence(a, b, resumed + 60) == Silence(T)


def test_repeating_a_description_does_not_begin_anew() -> None:
    a, b = leg(), leg()
    a.describe(MEDIA, START + 59)
    assert silence(a, b, START + 60) == Silence(None)
