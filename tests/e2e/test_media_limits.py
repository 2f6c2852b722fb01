"""When the edge itself ends a call: no media, a hold too long, a call too long.

All calls run at once, with waits of a second where an operator has a minute; each test then looks
at one of them.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from edge.sip.message import Request
from tests.e2e.audio import FRAME_S, SILENCE, Phone
from tests.e2e.lab import CALLER, Lab, Trunk
from tests.e2e.records import StoredRecord
from tests.e2e.running import PATIENCE_S
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.media.packets import receiver_report
from tests.support.agent import (
    Agent,
    CalleePlan,
    CallerPlan,
    PlacedCall,
    Step,
    TakenCall,
    user_of,
)
from tests.support.reoffers import Offer
from tests.support.sdp import audio, rtp_of

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("liveness")]

TIMEOUT_S, HOLD_TIMEOUT_S, LONGEST_CALL_S = 1.0, 2.0, 3.5
SETTINGS = {
    "media": {"timeout_s": TIMEOUT_S, "hold_timeout_s": HOLD_TIMEOUT_S},
    "call": {"max_call_s": LONGEST_CALL_S},
}
MEDIA_TIMEOUT = ("Media timeout", "Q.850;cause=102")
MAXIMUM_DURATION = ("Maximum duration", "Q.850;cause=16")
CLOCKS_MS = 50
"""How far two readings of this machine's clocks may be apart."""


class Line:
    """A call, what is said in it, and how it ended."""

    def __init__(self, number: str, says: Callable[["Line", float], None]) -> None:
        self.number = number
        self._says = says
        self.near_call: PlacedCall
        self.far_call: TakenCall
        self.up_at = 0.0
        self.spoke_ms: int | None = None
        """When somebody said something who then fell silent."""
        self.ended_ms = 0
        self.held = False
        self.record: StoredRecord

    def open(self, near: Phone, far: Phone) -> "Line":
        """Give both ends their audio."""
        self.near, self.far = near, far
        return self

    def turn(self, now: float) -> None:
        """Speak, or notice the end."""
        if self.is_over:
            self.ended_ms = self.ended_ms or time.time_ns() // 1_000_000
        elif self.is_up:
            self.up_at = self.up_at or now
            self._says(self, now - self.up_at)

    @property
    def is_up(self) -> bool:
        """Tell whether both ends have heard of the answer."""
        assert self.near_call.final is None or self.near_call.answered
        if not self.near_call.answered or self.far_call.ack is None:
            return False
        assert self.near_call.final is not None
        self.near.edge = rtp_of(self.near_call.final.body)
        self.far.edge = rtp_of(self.far_call.request.body)
        return True

    @property
    def is_over(self) -> bool:
        """Tell whether the edge has hung up on both ends."""
        return self.near_call.hung_up and self.far_call.hung_up

    @property
    def lived_ms(self) -> int:
        """Return the length in the record."""
        return int(self.record.members["EndTime"]) - int(self.record.members["StartTime"])


def nobody(line: Line, age_s: float) -> None:
    """Say nothing at all."""


def the_caller(line: Line, age_s: float) -> None:
    """Speak at one end; the other one has never sent anything."""
    line.near.say(SILENCE)


def one_falls_silent(line: Line, age_s: float) -> None:
    """Speak at one end all the time, at the other one for half a second."""
    line.near.say(SILENCE)
    if age_s < 0.5:
        line.far.say(SILENCE)
        line.spoke_ms = time.time_ns() // 1_000_000


def reports_alone(line: Line, age_s: float) -> None:
    """Send RTCP at one end and no audio."""
    line.far.report(receiver_report(line.far.ssrc))


def hold(line: Line, age_s: float) -> None:
    """Speak, then put each other on hold and say nothing any more."""
    if age_s < 0.5:
        line.near.say(SILENCE)
        line.far.say(SILENCE)
    elif not line.held:
        line.held = True
        body = audio(*line.near.address, direction="inactive", version=2)
        line.near_call.reoffers.offer(Offer(0.0, body=body), time.monotonic())


Speech = Callable[[Line, float], None]
"""What is said in a call of an age in seconds."""
LINES: dict[Speech, Line] = {
    says: Line(f"+1{area}5550106", says)
    for area, says in (
        *((212, nobody), (312, the_caller), (415, one_falls_silent)),
        *((617, reports_alone), (720, hold)),
    )
}
"""Each number fails in the simulated network, so that the carrier that we play is called."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def lines(lab: Lab, trunk: Trunk) -> dict[Speech, Line]:
    """Run all calls until the edge has ended each of them."""
    by_number = {line.number: line for line in LINES.values()}

    def plan_of(request: Request) -> CalleePlan:
        line = by_number[user_of(request)]
        return CalleePlan(steps=(Step(0.0, 100), Step(0.0, 200, body=audio(*line.far.address))))

    pbx = Agent(f"pbx-{secrets.token_hex(4)}", free_address(trunk.pbx))
    carrier = Agent("carrier", lab.second_carrier, plan_of=plan_of)
    with ExitStack() as opened, Wire(pbx, carrier) as wire:
        for line in LINES.values():
            line.open(*(opened.enter_context(Phone(it.address[0])) for it in (pbx, carrier)))
            plan = CallerPlan(body=audio(*line.near.address))
            uri = f"sip:{line.number}@{trunk.host}"
            line.near_call = pbx.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: len(carrier.taken) == len(LINES), "every call arrives")
        for taken in carrier.taken:
            by_number[user_of(taken.request)].far_call = taken
        until_all_are_over(wire)
    for line in LINES.values():
        line.record = trunk.record_of(line.near_call.invite.call_id)
    return LINES


def until_all_are_over(wire: Wire) -> None:
    deadline = time.monotonic() + PATIENCE_S
    spoken_at = 0.0
    while not all(line.is_over and line.ended_ms for line in LINES.values()):
        assert time.monotonic() < deadline, [it.number for it in LINES.values() if not it.is_over]
        wire.turn()
        now = time.monotonic()
        if now - spoken_at >= FRAME_S:
            spoken_at = now
            for line in LINES.values():
                line.turn(now)


def assert_ended(line: Line, ending: tuple[str, str]) -> None:
    """Compare the record and the Reason that both ends have heard (EDGE V4, V5)."""
    message, reason = ending
    assert line.record.members["Status"] == "Completed"
    assert line.record.members["StatusMessage"] == message
    for end in (line.near_call, line.far_call):
        assert end.bye is not None and end.bye.get("reason") == reason


def test_a_call_without_any_media_ends(lines: dict[Speech, Line]) -> None:
    # EDGE V4: it is billed for nothing.
    line = lines[nobody]
    assert_ended(line, MEDIA_TIMEOUT)
    assert line.lived_ms == 0


def test_an_end_that_has_never_sent_is_no_reason(lines: dict[Speech, Line]) -> None:
    # EDGE V4, V5: the call reaches its longest length.
    line = lines[the_caller]
    assert_ended(line, MAXIMUM_DURATION)
    assert line.lived_ms >= 1_000 * LONGEST_CALL_S
    assert line.record.members["BillableDuration"] == 6


def test_an_end_that_falls_silent_ends_the_call_as_of_its_last_packet(
    lines: dict[Speech, Line],
) -> None:
    # EDGE V4
    line = lines[one_falls_silent]
    assert_ended(line, MEDIA_TIMEOUT)
    assert line.spoke_ms is not None
    ended_ms = int(line.record.members["EndTime"])
    assert line.spoke_ms - CLOCKS_MS <= ended_ms <= line.ended_ms - 1_000 * TIMEOUT_S + CLOCKS_MS


def test_rtcp_alone_keeps_a_call(lines: dict[Speech, Line]) -> None:  # EDGE V4, V5
    assert_ended(lines[reports_alone], MAXIMUM_DURATION)


def test_a_call_on_hold_may_be_silent_for_longer(lines: dict[Speech, Line]) -> None:
    # EDGE V4, D9
    line = lines[hold]
    assert line.near_call.reoffers.statuses == [200]
    assert_ended(line, MEDIA_TIMEOUT)
    assert line.ended_ms - int(line.record.members["EndTime"]) >= 1_000 * HOLD_TIMEOUT_S - CLOCKS_MS


def test_nothing_is_left_of_them(lab: Lab, lines: dict[Speech, Line]) -> None:  # EDGE Q1, X9
    lab.await_idle(but=("transactions", "timers"))
