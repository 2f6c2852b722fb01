"""Two simulated phone systems call each other over loopback."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable

import pytest

from edge.flow import Address
from emulator.audio import SILENCE, TONE
from emulator.phone_media import PhoneMedia
from emulator.pstn_plan import ANSWER_AND_ECHO, Plan, Sound, plan_of
from emulator.user_agent import CallResult, PhoneCall, UserAgent

pytestmark = pytest.mark.sockets


def free_address() -> Address:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1", int(probe.getsockname()[1])


class Phones:
    """A caller and a callee, and what the caller's media hears."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.callee_at = free_address()
        self.caller = UserAgent(free_address(), lambda number: ANSWER_AND_ECHO, "Caller")
        self.callee = UserAgent(self.callee_at, plan_of, "Callee")
        self.heard: list[bytes] = []
        self.media: list[PhoneMedia] = []
        phones = self

        class ListeningCall(PhoneCall):
            def __init__(self, agent: UserAgent, media: PhoneMedia, plan: Plan) -> None:
                super().__init__(agent, media, plan)
                if agent is phones.caller:
                    media.heard = phones.heard.append
                    phones.media.append(media)

        monkeypatch.setattr("emulator.user_agent.PhoneCall", ListeningCall)

    async def call(self, number: str, plan: Plan, patience_s: float = 5.0) -> CallResult:
        return await self.caller.call(
            from_number="+12065550199",
            to_number=number,
            edge=self.callee_at,
            plan=plan,
            patience_s=patience_s,
        )


@pytest.fixture
def phones(monkeypatch: pytest.MonkeyPatch) -> Phones:
    return Phones(monkeypatch)


def run(phones: Phones, scenario: Callable[[], Awaitable[CallResult]]) -> CallResult:
    async def body() -> CallResult:
        await phones.caller.open()
        await phones.callee.open()
        return await asyncio.wait_for(scenario(), 20)

    return asyncio.run(body())


def test_echo_returns_every_byte(phones: Phones) -> None:
    plan = Plan(sound=Sound.TONE, hang_up_after_s=0.5)
    result = run(phones, lambda: phones.call("+12125550100", plan))
    assert result.answered and result.ended_by == "us" and result.status == 200
    assert 20 <= len(phones.heard) <= result.packets_sent
    assert set(phones.heard) == {TONE}


def test_the_tone_number_plays_one_kilohertz(phones: Phones) -> None:
    plan = Plan(sound=Sound.SILENCE, hang_up_after_s=0.3)
    run(phones, lambda: phones.call("+12125550101", plan))
    assert set(phones.heard) == {TONE}


def test_early_media_comes_before_the_answer(phones: Phones) -> None:
    plan = Plan(sound=Sound.SILENCE, hang_up_after_s=0.2)
    result = run(phones, lambda: phones.call("+12125550107", plan))
    assert result.answered
    # Two seconds of tone before the answer, of which the caller learns the address in its 183.
    early = [payload for payload in phones.heard if payload == TONE]
    assert len(early) > 80
    # After the answer only what the caller itself says comes back.
    assert set(phones.heard[len(early) :]) == {SILENCE}
    assert len(phones.heard) - len(early) <= result.packets_sent


def test_a_late_answer_comes_when_it_was_promised(phones: Phones) -> None:
    began = time.monotonic()
    result = run(phones, lambda: phones.call("+12125550108", Plan(hang_up_after_s=0.0)))
    assert result.answered
    assert 3.0 <= time.monotonic() - began < 4.5


@pytest.mark.parametrize(
    ("number", "status"),
    [("+12125550102", 486), ("+12125550104", 404), ("+12125550105", 603), ("+12125550106", 503)],
)
def test_refusals_carry_their_status(phones: Phones, number: str, status: int) -> None:
    result = run(phones, lambda: phones.call(number, ANSWER_AND_ECHO))
    assert (result.answered, result.status) == (False, status)


def test_a_phone_that_rings_for_ever_is_given_up(phones: Phones) -> None:
    result = run(phones, lambda: phones.call("+12125550103", ANSWER_AND_ECHO, patience_s=0.3))
    assert (result.answered, result.status) == (False, 487)


def test_the_network_hangs_up_after_two_seconds(phones: Phones) -> None:
    result = run(phones, lambda: phones.call("+12125550109", ANSWER_AND_ECHO))
    assert result.answered and result.ended_by == "them"
    assert 1_900 <= result.duration_ms <= 4_000


def test_digits_come_back(phones: Phones) -> None:
    async def scenario() -> CallResult:
        plan = Plan(sound=Sound.SILENCE, hang_up_after_s=2.5)
        calling = asyncio.ensure_future(phones.call("+12125550110", plan))
        while not phones.media or not phones.heard:
            await asyncio.sleep(0.01)
        phones.media[0].press("19#")
        return await calling

    run(phones, scenario)
    assert phones.media[0].digits == "19#"
    assert set(phones.heard) == {SILENCE}


def test_behind_a_nat_the_public_address_is_told() -> None:
    asked: list[bytes] = []

    class Overheard(UserAgent):
        def datagram_received(self, data: bytes, addr: Address) -> None:
            asked.append(data)
            super().datagram_received(data, addr)

    async def body() -> CallResult:
        at = free_address()
        callee = Overheard(at, plan_of, "Callee")
        caller = UserAgent(free_address(), plan_of, "Caller", shown_as="127.0.0.9")
        await callee.open()
        await caller.open()
        plan = Plan(sound=Sound.TONE, hang_up_after_s=0.2)
        try:
            return await asyncio.wait_for(
                caller.call(
                    from_number="+12065550199",
                    to_number="+12125550101",
                    edge=at,
                    plan=plan,
                    patience_s=5.0,
                    domain="vc.example.com",
                ),
                20,
            )
        finally:
            caller.close()
            callee.close()

    result = asyncio.run(body())
    invite = asked[0].decode()
    assert invite.startswith("INVITE sip:+12125550101@vc.example.com SIP/2.0")
    assert "Contact: <sip:127.0.0.9:" in invite and "c=IN IP4 127.0.0.9" in invite
    assert "Via: SIP/2.0/UDP 127.0.0.1:" in invite and ";rport" in invite
    assert result.answered and result.packets_sent > 0
    assert result.packets_received == 0, "this callee does not latch, and 127.0.0.9 is nobody"


def test_a_call_that_is_cancelled_is_hung_up_first(phones: Phones) -> None:
    async def body() -> bool:
        await phones.caller.open()
        await phones.callee.open()
        calling = asyncio.ensure_future(
            phones.call("+12125550101", Plan(sound=Sound.SILENCE, hang_up_after_s=60.0))
        )
        while not phones.heard:
            await asyncio.sleep(0.02)
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calling
        return phones.callee.is_idle

    assert asyncio.run(asyncio.wait_for(body(), 20))


def test_a_report_counts_what_the_other_side_sent(phones: Phones) -> None:
    plan = Plan(sound=Sound.SILENCE, hang_up_after_s=0.5)
    result = run(phones, lambda: phones.call("+12125550101", plan))
    assert result.packets_lost == 0
    assert 0 <= result.jitter_us < 1_000_000
