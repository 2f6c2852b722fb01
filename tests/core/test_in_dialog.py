"""Requests inside a dialog, and those that race with its beginning or end (EDGE 1.6, 1.7)."""

from dataclasses import replace

import pytest

from edge.seam import HangUp
from edge.sip.exchange import ClientTransaction, Fields
from edge.sip.message import Request, Response, parse_datagram
from model.connector import Origination, Route
from tests.core.stand import (
    EDGE,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    OWNED,
    PBX,
    Node,
    Stage,
    connector,
    ladder,
    moments,
    responses,
)
from tests.support.agent import SDP, Agent, CalleePlan, CallerPlan, PlacedCall, Step, TakenCall
from tests.support.link import LossyLink, lossy_link
from tests.support.sdp import audio

RINGS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180)))
ANSWERS_AT_ONCE = CalleePlan(steps=(Step(0.0, 200),))


class Asker:
    """Sends a request inside a dialog and keeps what comes back."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.heard: list[Response] = []

    def trusts(self, remote: tuple[str, int]) -> bool:
        return False

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.heard.append(response)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        raise AssertionError("the edge is silent")

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        raise AssertionError("the edge is away")

    def ask(
        self,
        call: PlacedCall | TakenCall,
        method: str,
        now: float,
        *,
        fields: Fields = (),
        body: bytes = b"",
        cseq: int | None = None,
    ) -> None:
        assert call.dialog is not None
        request = call.dialog.request(method, (self.agent.contact, *fields), body)
        if cseq is not None:
            request = request._replace(cseq=cseq)
        self.agent.endpoint.request(request, call.flow, self, now)

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.heard]


def an_answered_call(link: LossyLink, stage: Stage) -> tuple[PlacedCall, Asker]:
    call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=60.0), 0.0)
    link.run(5.0)
    assert call.answered
    return call, Asker(stage.pbx)


@pytest.mark.parametrize(("cseq", "status"), [(0, 500), (1, 500), (2, 200), (900, 200)])
def test_sequence_numbers_must_grow_and_may_leap(cseq: int, status: int) -> None:  # EDGE D4
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        asker.ask(call, "OPTIONS", link.now, cseq=cseq)
        link.run(6.0)
        assert asker.statuses == [status]


@pytest.mark.parametrize(
    "method",
    ["UPDATE", "INFO", "REFER", "MESSAGE", "NOTIFY", "SUBSCRIBE", "PRACK", "PUBLISH"],
)
def test_other_methods_inside_a_dialog_are_refused(method: str) -> None:  # EDGE D10
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        asker.ask(call, method, link.now)
        link.run()
        assert asker.statuses == [405]
        assert asker.heard[0].get("allow") == "INVITE, ACK, CANCEL, BYE, OPTIONS"
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_cancel_inside_a_dialog_matches_nothing() -> None:  # EDGE E2
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        asker.ask(call, "CANCEL", link.now, cseq=7)
        link.run(6.0)
        asker.ask(call, "OPTIONS", link.now, cseq=3)
        link.run()
        assert asker.statuses == [481, 200]
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_reinvite_before_the_first_answer_has_to_wait() -> None:  # EDGE D5: two offers
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.1, 180), Step(3.0, 200))))
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=60.0), 0.0)
        link.run(1.0)
        (ringing,) = responses(link, "180")
        early = parse_datagram(link.sent("A", "E", "INVITE")[0].data)
        again = link.sent("A", "E", "INVITE")[0].data
        again = again.replace(
            f"To: {early.get('to')}".encode(), f"To: {ringing.get('to')}".encode()
        )
        again = again.replace(b"CSeq: 1 ", b"CSeq: 2 ").replace(b"branch-A-", b"branch-again-")
        link.at(1.0, lambda now: stage.pbx.endpoint.resend(again, call.flow))
        link.run(2.0)
        refusal = responses(link, "500")[0]
        assert refusal.cseq.number == 2
        assert 0 <= int(refusal.require("retry-after")) <= 10
        link.run(10.0)
        assert call.answered


def test_a_reinvite_that_crosses_our_bye_finds_no_dialog() -> None:  # EDGE D1, D5
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        stage.node.core.handle(HangUp("Service shutdown"), link.now)
        stage.node.tick(link.now)
        asker.ask(call, "INVITE", link.now, fields=(SDP,), body=audio(PBX[0]))
        link.run()
        assert asker.statuses == [481]
        stage.assert_quiet()


def test_the_100_to_a_reinvite_copies_the_timestamp() -> None:  # EDGE B7
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        fields = (SDP, ("Timestamp", "54.2"))
        asker.ask(call, "INVITE", link.now, fields=fields, body=audio(PBX[0], 9_000))
        link.run(5.1)
        assert [it.status for it in asker.heard] == [100, 200]
        assert asker.heard[0].get("timestamp") == "54.2"


def test_a_reinvite_may_wrap_its_description() -> None:  # EDGE R20, D6
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        part = b"\r\nContent-Type: application/sdp\r\n\r\n" + audio(PBX[0], 9_000)
        kind = ("Content-Type", "multipart/mixed;boundary=b")
        asker.ask(call, "INVITE", link.now, fields=(kind,), body=b"--b" + part + b"\r\n--b--\r\n")
        link.run(5.1)
        assert asker.statuses == [100, 200]


@pytest.mark.parametrize(
    ("body", "status", "reason", "code"),
    [
        (audio(PBX[0], formats="8"), 488, "Not Acceptable Here", "305"),
        (audio(PBX[0], profile="RTP/SAVP"), 488, "Not Acceptable Here", "302"),
        (b"v=0\r\n", 400, "Bad Request", "399"),
    ],
)
def test_a_reinvite_that_cannot_be_used_says_why(  # EDGE D7, R17
    body: bytes, status: int, reason: str, code: str
) -> None:
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        asker.ask(call, "INVITE", link.now, fields=(SDP,), body=body)
        link.run()
        assert asker.statuses == [100, status]
        assert asker.heard[1].reason == reason
        assert asker.heard[1].require("warning").startswith(f'{code} {HOST} "')
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_what_a_reinvite_requires_is_refused_whole() -> None:  # EDGE R22
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call, asker = an_answered_call(link, stage)
        fields = (SDP, ("Require", "timer"), ("Require", "100rel, gruu"))
        asker.ask(call, "INVITE", link.now, fields=fields, body=audio(PBX[0]))
        link.run(5.1)
        assert asker.statuses == [420]
        assert asker.heard[0].get("unsupported") == "100rel, gruu"


@pytest.mark.parametrize("late_s", [1.0, 2.5])
def test_a_late_or_repeated_100_changes_nothing(late_s: float) -> None:  # EDGE F5
    with lossy_link(1) as link:
        steps = (Step(0.0, 100), Step(2.0, 180), Step(20.0, 200))
        stage = Stage(link, carrier=CalleePlan(steps=steps))
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run(0.1)
        trying = link.sent("B", "E", "100")[0].data
        carrier = stage.carrier
        link.at(late_s, lambda now: carrier.endpoint.resend(trying, carrier.flow(EDGE)))
        link.run()
        assert call.answered
        stage.assert_quiet()


def test_100_again_and_again_does_not_hold_a_call() -> None:  # EDGE F5
    with lossy_link(1) as link:
        again = tuple(Step(at, 100) for at in (0.0, 3.0, 6.0, 7.9))
        stage = Stage(link, carrier=CalleePlan(steps=again))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        assert moments(link, "E", "B2", "INVITE") == [8.03]


def test_a_bye_that_had_to_wait_says_why() -> None:  # EDGE E8, 1.11
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(0.035)
        (taken,) = stage.carrier.taken
        Asker(stage.carrier).ask(taken, "BYE", link.now, fields=(("Reason", "Q.850;cause=31"),))
        link.silent.add(EDGE)  # the PBX's ACK gets lost, but the carrier's BYE arrives
        link.run(0.045)
        link.silent.clear()
        link.run(2.0)
        bye = parse_datagram(link.sent("E", "A", "BYE")[0].data)
        assert bye.get("reason") == "Q.850;cause=31"


def test_a_contact_with_the_name_of_a_route_is_reached_by_address() -> None:  # EDGE D12, S12
    named = Origination(routes=(Route(host=PBX[0], priority=1), Route(host="pbx.example.net")))
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(replace(connector(), origination=named)))
        stage.pbx.contact = ("Contact", "<sip:A@pbx.example.net:5060>")
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        assert stage.pbx.taken[0].ack is not None
        assert ladder(link).endswith("B>E BYE  E>B 200(BYE)  E>A BYE  A>E 200(BYE)")
        stage.assert_quiet()


@pytest.mark.parametrize(("formats", "port"), [("0 101", 5099), ("8", 5060)])
def test_only_an_accepted_reinvite_moves_the_peer(formats: str, port: int) -> None:  # EDGE D7, D12
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        link.join(stage.pbx, (PBX[0], 5099))
        call, asker = an_answered_call(link, stage)
        stage.pbx.contact = ("Contact", f"<sip:A@{PBX[0]}:5099>")
        body = audio(PBX[0], 9_000, formats=formats)
        asker.ask(call, "INVITE", link.now, fields=(SDP,), body=body)
        link.run(6.0)
        if asker.statuses[-1] == 200:  # its ACK, for the asker sends none
            ack = parse_datagram(link.sent("A", "E", "ACK")[0].data)
            again = link.sent("A", "E", "ACK")[0].data.replace(b"CSeq: 1 ", b"CSeq: 2 ")
            assert ack.cseq.number == 1
            link.at(6.0, lambda now: stage.pbx.endpoint.resend(again, call.flow))
        link.run(7.0)
        stage.node.core.handle(HangUp("Service shutdown"), link.now)
        stage.node.tick(link.now)
        link.run(7.1)
        assert [it.remote for it in link.sent("E", "A", "BYE")] == [(PBX[0], port)]


@pytest.mark.parametrize(
    "uri", ["sip:A @192.0.2.7", "<sip:A@192.0.2.7", "*", "nothing", 'sip:"A"@x']
)
def test_a_contact_that_is_no_uri_stands_in_no_request(uri: str) -> None:  # EDGE S8, D12
    with lossy_link(1) as link:
        answers = ANSWERS_AT_ONCE._replace(bye_after_s=5.0)
        stage = Stage(link, carrier=answers, pbx=answers)
        stage.pbx.contact = ("Contact", f"<{uri}>")
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(reinvite_after_s=1.0), 0.0)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=2.0), 0.0)
        link.run()  # an agent fails at a request that it cannot read
        byes = [parse_datagram(it.data) for it in link.sent("E", "A", "BYE")]
        assert [it.uri for it in byes if isinstance(it, Request)] == [
            f"sip:{OWNED}@{HOST}",
            "sip:192.0.2.7:5060",
        ]
        assert len(stage.node.records) == 2
        stage.assert_quiet()
