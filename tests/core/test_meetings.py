"""Dial-in numbers of meetings lead to a bridge (EDGE M1, M2); B3 is the bridge."""

from dataclasses import replace

import pytest

from edge.flow import Address
from edge.media.session import Side
from edge.sip.message import Request
from model.cdr import Disposition
from model.settings import MeetingBridge
from tests.core.stand import CARRIER, EDGE, HOST, SETTINGS, Node, Stage
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link

BRIDGE: Address = ("10.9.0.9", 5080)
JOIN = "+17035550122"
JOIN_URI = f"sip:{JOIN}@{HOST}"
TOKEN = "X-chime-join-token=abc.DEF-123_%2B;X-chime-meeting-id=1234567890"

MEETINGS = replace(
    SETTINGS,
    meetings=(
        MeetingBridge(
            numbers=(JOIN,), host=BRIDGE[0], port=BRIDGE[1], media_networks=("10.9.0.0/24",)
        ),
    ),
)


class Meeting:
    """A stage with a bridge."""

    def __init__(self, link: LossyLink, plan: CalleePlan = CalleePlan()) -> None:  # noqa: B008 - immutable
        self.stage = Stage(link, node=Node(settings=MEETINGS))
        self.bridge = Agent("B3", BRIDGE, plan_of=lambda _: plan)
        link.join(self.bridge, BRIDGE)

    @property
    def joined(self) -> Request:
        (taken,) = self.bridge.taken
        return taken.request


def test_a_dial_in_number_leads_to_its_bridge() -> None:  # EDGE M1, O5
    with lossy_link(1) as link:
        meeting = Meeting(link)
        call = meeting.stage.pbx.call(JOIN_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        assert call.answered
        assert meeting.joined.uri == f"sip:{JOIN}@{BRIDGE[0]}:{BRIDGE[1]}"
        assert meeting.joined.get("x-voiceconnector-id") is None
        assert not link.sent("E", "B", "INVITE")
        record = meeting.stage.record
        assert (record.disposition, record.to_number) == (Disposition.TERMINATION, JOIN)
        meeting.stage.assert_quiet()


@pytest.mark.parametrize("where", ["Request-URI", "To"])
def test_a_join_token_reaches_the_bridge(where: str) -> None:  # EDGE M2
    with lossy_link(1) as link:
        meeting = Meeting(link)
        uri = f"{JOIN_URI};{TOKEN};other=1" if where == "Request-URI" else JOIN_URI
        to = f"<{JOIN_URI};{TOKEN}>" if where == "To" else None
        plan = CallerPlan(bye_after_s=1.0, fields=(("X-Meeting", "7"), ("X-Amzn-Id", "1")))
        meeting.stage.pbx.call(uri, EDGE, plan, 0.0, to=to)
        link.run()
        assert meeting.joined.uri == f"sip:{JOIN}@{BRIDGE[0]}:{BRIDGE[1]};{TOKEN}"
        assert meeting.joined.get("x-meeting") == "7"
        assert meeting.joined.get("x-amzn-id") is None
        # A token is a secret (S14).
        assert "abc.DEF" not in str(meeting.stage.node.logs) + str(meeting.stage.node.records)
        meeting.stage.assert_quiet()


def test_a_join_token_reaches_nobody_else() -> None:  # EDGE M2
    with lossy_link(1) as link:
        meeting = Meeting(link)
        uri = f"sip:+13125550142@{HOST};{TOKEN}"
        meeting.stage.pbx.call(uri, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        (sent,) = link.sent("E", "B", "INVITE")
        assert b"abc.DEF" not in sent.data and b"hime" not in sent.data


@pytest.mark.parametrize("status", [403, 404])
def test_the_bridges_refusal_is_passed_on(status: int) -> None:  # EDGE M2
    with lossy_link(1) as link:
        meeting = Meeting(link, CalleePlan(steps=(Step(0.0, status),)))
        call = meeting.stage.pbx.call(JOIN_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == status
        meeting.stage.assert_quiet()


def test_a_bridge_that_is_away_is_480() -> None:  # EDGE M1, R35
    with lossy_link(1) as link:
        meeting = Meeting(link)
        link.refusing.add(BRIDGE)
        call = meeting.stage.pbx.call(JOIN_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 480
        meeting.stage.assert_quiet()


def test_a_bridge_brings_its_own_media_networks() -> None:  # EDGE M1, S11
    with lossy_link(1) as link:
        meeting = Meeting(link)
        meeting.stage.pbx.call(JOIN_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run(4.0)
        legs = meeting.stage.node.worker.legs
        (bridge,) = [media for (_, side), media in legs.items() if side is Side.B]
        assert bridge.remote is not None and bridge.remote[0] == BRIDGE[0]
        assert "10.9.0.0/24" in bridge.sources
        (caller,) = [media for (_, side), media in legs.items() if side is Side.A]
        assert "10.9.0.0/24" not in caller.sources


def test_a_carrier_may_not_dial_in() -> None:  # EDGE M1, I4
    with lossy_link(1) as link:
        meeting = Meeting(link)
        call = meeting.stage.carrier.call(f"sip:{JOIN}@{EDGE[0]}", EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 404
        assert meeting.stage.carrier.address == CARRIER and not meeting.bridge.taken
