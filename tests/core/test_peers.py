"""What a node does toward its peers apart from calls: probes, registrations (EDGE F10, F13)."""

from dataclasses import replace

import pytest

from edge.routing.credentials import Credentials
from edge.seam import CredentialsChanged, Drain, Resolved, Resume
from edge.sip.digest import Algorithm, DigestChallenge, expected_response, ha1, parse_credentials
from edge.sip.exchange import Fields
from edge.sip.message import Request
from model.cdr import CallStatus
from model.peers import PeerTransport
from model.settings import Carrier, RoutingSettings, Settings
from tests.core.stand import (
    CARRIER,
    EDGE,
    OUTBOUND_URI,
    OWNED,
    SECOND_CARRIER,
    SETTINGS,
    Node,
    Stage,
    moments,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link
from tests.support.reoffers import Offer, Reply

REFUSES = CalleePlan(steps=(Step(0.0, 503, fields=(("Retry-After", "200"),)),))
USER, PASSWORD = "trunk1", "a password of the carrier's"
ASKS = DigestChallenge(realm="carrier.example", nonce="n1", algorithm=Algorithm.SHA256)


def call_at(link: LossyLink, stage: Stage, *at: float) -> None:
    for moment in at:
        link.at(
            moment,
            lambda now: stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), now),
        )


def pings(link: LossyLink) -> list[float]:
    return moments(link, "E", "B", "OPTIONS")


def test_an_out_target_that_answers_is_back_before_its_time() -> None:  # EDGE F10
    with lossy_link(1) as link:
        stage = Stage(link, carrier=REFUSES)
        call_at(link, stage, 0.0, 29.0, 31.0)
        link.run()
        assert pings(link)[0] == 30.03
        # Not at 29 s, for it was out; at 31 s, for it had answered.
        assert moments(link, "E", "B", "INVITE") == [0.01, 31.01]
        stage.assert_quiet()


@pytest.mark.parametrize("answer", [408, 503, None])
def test_an_out_target_that_does_not_answer_well_stays_out(answer: int | None) -> None:
    # EDGE F10
    with lossy_link(1) as link:
        stage = Stage(link, carrier=REFUSES)
        stage.carrier.ping_answer = answer
        call_at(link, stage, 0.0, 190.0, 201.0)
        link.run(205.0)
        starts = pings(link) if answer else [30.03, 60.03, 90.03, 120.03, 150.03, 180.03]
        assert set(starts) <= set(pings(link))
        assert moments(link, "E", "B", "INVITE") == [0.01, 201.01]
        link.run()
        # Nobody is asked for ever: the time of a target that is left alone ends.
        assert pings(link)[-1] < 450.0
        stage.assert_quiet()


def test_probing_can_be_switched_off() -> None:  # EDGE F10
    with lossy_link(1) as link:
        settings = replace(SETTINGS, routing=RoutingSettings(probe_s=0.0, probe_routes=True))
        stage = Stage(link, node=Node(settings=settings), carrier=REFUSES)
        call_at(link, stage, 0.0)
        link.run()
        assert pings(link) == []
        stage.assert_quiet()


def test_routes_that_work_are_asked_where_the_operator_wants_it() -> None:  # EDGE F10
    with lossy_link(1) as link:
        settings = replace(SETTINGS, routing=RoutingSettings(probe_routes=True))
        stage = Stage(link, node=Node(settings=settings))
        stage.pbx.ping_answer = None
        link.run(100.0)
        assert moments(link, "E", "A2", "OPTIONS") == [30.0, 60.0, 90.0]
        assert link.sent("E", "B", "OPTIONS") == []
        # The silent one is out before any call meets it.
        stage.carrier.call(f"sip:{OWNED}@{EDGE[0]}", EDGE, CallerPlan(bye_after_s=1.0), 100.0)
        link.run(110.0)
        assert link.sent("E", "A", "INVITE") == []
        assert len(stage.second_pbx.taken) == 1


def test_an_options_of_ours_shows_nothing_but_the_node() -> None:  # EDGE B2, F10
    with lossy_link(1) as link:
        stage = Stage(link, carrier=REFUSES)
        call_at(link, stage, 0.0)
        link.run()
        (sent, *_) = link.sent("E", "B", "OPTIONS")
        assert sent.data.startswith(f"OPTIONS sip:{CARRIER[0]} SIP/2.0\r\n".encode())
        assert f"From: <sip:{EDGE[0]}>;tag=".encode() in sent.data


def trunk(**changes: object) -> Settings:
    """Return settings whose first carrier challenges or wants a registration."""
    wanted = {"name": "first", "host": CARRIER[0], "username": USER, "password": "env:X"}
    carrier = Carrier(**{**wanted, **changes})  # type: ignore[arg-type]  # members of many types
    return replace(SETTINGS, carriers=(carrier, SETTINGS.carriers[1]))


def node_of(settings: Settings) -> Node:
    return Node(settings=settings, carrier_passwords={"first": PASSWORD})


def proves(request: Request, header: str = "proxy-authorization") -> bool:
    """Tell whether a request carries the right answer to ASKS."""
    value = request.get(header)
    if value is None:
        return False
    shown = parse_credentials(value)
    secret = ha1(Algorithm.SHA256, USER, ASKS.realm, PASSWORD)
    right = expected_response(Algorithm.SHA256, secret, request.method, shown)
    return (shown.username, shown.uri, shown.response) == (USER, request.uri, right)


CHALLENGES: Fields = (("Proxy-Authenticate", str(ASKS)),)


def challenging(request: Request) -> CalleePlan:
    """Challenge an INVITE without credentials, answer one with the right ones."""
    if proves(request):
        return CalleePlan()
    return CalleePlan(steps=(Step(0.0, 100), Step(0.1, 407, fields=CHALLENGES)))


def test_a_carriers_challenge_of_an_invite_is_answered_once() -> None:  # EDGE F13, E5
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(trunk()))
        stage.carrier.plan_of = challenging
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert call.answered
        first, second = (taken.request for taken in stage.carrier.taken)
        assert (first.call_id, first.from_.tag) == (second.call_id, second.from_.tag)
        assert (first.cseq.number, second.cseq.number) == (1, 2)
        assert first.via.branch != second.via.branch
        ack = stage.carrier.taken[1].ack
        assert ack is not None and ack.cseq.number == 2
        # RFC 3261 §22.1: the ACK repeats what the INVITE has proved.
        assert ack.get("proxy-authorization") == second.get("proxy-authorization")
        assert not link.sent("E", "B2", "INVITE")
        assert PASSWORD.encode() not in b"".join(it.data for it in link.sent("E", "B", "INVITE"))
        assert stage.record.status is CallStatus.COMPLETED
        stage.assert_quiet()


def test_a_second_challenge_sends_the_call_on() -> None:  # EDGE F4, F13
    with lossy_link(1) as link:
        refuses = CalleePlan(steps=(Step(0.0, 407, fields=CHALLENGES),))
        stage = Stage(link, node=node_of(trunk()), carrier=refuses)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert len(stage.carrier.taken) == 2
        assert call.answered and len(stage.second_carrier.taken) == 1
        stage.assert_quiet()


def test_a_cancel_after_the_answered_challenge_is_that_invites() -> None:  # EDGE E4, F13
    def slow(request: Request) -> CalleePlan:
        return CalleePlan(steps=(Step(0.0, 180),)) if proves(request) else challenging(request)

    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(trunk()))
        stage.carrier.plan_of = slow
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=3.0), 0.0)
        link.run()
        challenged, ringing = stage.carrier.taken
        assert (challenged.cancelled, ringing.cancelled) == (False, True)
        stage.assert_quiet()


@pytest.mark.parametrize("challenges", [1, 2])
def test_a_carriers_challenge_of_a_reinvite_is_answered_once(challenges: int) -> None:
    # EDGE F13, D6
    with lossy_link(1) as link:
        asks = Reply(407, fields=CHALLENGES)
        plan = CalleePlan(steps=(Step(0.0, 200),), replies=(*[asks] * challenges, Reply()))
        stage = Stage(link, node=node_of(trunk()), carrier=plan)
        hold = CallerPlan(offers=(Offer(5.0, "sendonly"),), bye_after_s=20.0)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, hold, 0.0)
        link.run()
        taken = stage.carrier.taken[0].reoffers
        first, second = taken.taken
        assert second.cseq.number == first.cseq.number + 1
        assert proves(second) and not proves(first)
        assert first.body == second.body
        # A second challenge is a refusal like any other: the hold is local then.
        assert call.reoffers.statuses == [200]
        if challenges == 1:
            (ack,) = taken.acks
            assert ack.get("proxy-authorization") == second.get("proxy-authorization")
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_challenge_of_a_reinvite_that_was_cancelled_is_not_answered() -> None:  # EDGE F13
    with lossy_link(1) as link:
        asks = Reply(407, after_s=0.985, fields=CHALLENGES)
        plan = CalleePlan(steps=(Step(0.0, 200),), replies=(asks, Reply()))
        stage = Stage(link, node=node_of(trunk()), carrier=plan)
        hold = Offer(5.0, "sendonly", cancel_after_s=1.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(offers=(hold,), bye_after_s=20.0), 0.0)
        link.run()
        assert len(stage.carrier.taken[0].reoffers.taken) == 1
        stage.assert_quiet()


def test_a_carriers_challenge_of_a_bye_is_answered_once() -> None:  # EDGE F13, D1
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(trunk()))
        stage.carrier.bye_challenge = lambda bye: () if proves(bye) else CHALLENGES
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert len(link.sent("E", "B", "BYE")) == 2
        assert stage.carrier.taken[0].hung_up
        stage.assert_quiet()
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(trunk()))
        stage.carrier.bye_challenge = lambda bye: CHALLENGES
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert len(link.sent("E", "B", "BYE")) == 2
        assert stage.node.is_empty()


def test_a_carrier_without_credentials_is_not_answered() -> None:  # EDGE E5, R34
    with lossy_link(1) as link:
        refuses = CalleePlan(steps=(Step(0.0, 407, fields=CHALLENGES),))
        stage = Stage(link, carrier=refuses, second_carrier=refuses)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 503
        assert [len(it.taken) for it in (stage.carrier, stage.second_carrier)] == [1, 1]
        stage.assert_quiet()


def registering(**changes: object) -> Settings:
    return trunk(register=True, **changes)


def asks_for_proof(request: Request) -> tuple[int, Fields]:
    if not proves(request, "authorization"):
        return 401, (("WWW-Authenticate", str(ASKS)),)
    return 200, (("Contact", request.require("contact")), ("Expires", "600"))


def sent_at(link: LossyLink) -> list[float]:
    """Return when REGISTERs went out; the first one waits until the node has its sockets."""
    return [round(it.at, 2) for it in link.sent("E", "B", "REGISTER")]


def test_a_node_registers_proves_itself_and_refreshes_at_half_time() -> None:  # EDGE F13
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering(register_expires_s=600)))
        stage.carrier.register_answer = asks_for_proof
        link.run(700.0)
        # 600 s were granted: every 300 s, each time challenged.
        assert sent_at(link) == [3.0, 3.02, 303.04, 303.06, 603.08, 603.1]
        first, second = stage.carrier.registered[:2]
        assert first.uri == f"sip:{CARRIER[0]}"
        assert first.require("to") == f"<sip:{USER}@{CARRIER[0]}>"
        contact = f"<sip:{USER}@{EDGE[0]}:{EDGE[1]};transport=udp>;expires=600"
        assert first.require("contact") == contact
        assert {it.call_id for it in stage.carrier.registered} == {first.call_id}
        numbers = [it.cseq.number for it in stage.carrier.registered]
        assert numbers == sorted(set(numbers))
        (told,) = [log for log in stage.node.logs if log.event.startswith("carrier-")]
        assert (told.event, told.fields) == (
            "carrier-registered",
            {"carrier": "first", "status": 200},
        )
        assert second.get("authorization") is not None
        assert PASSWORD not in str(stage.node.logs)


def test_another_password_counts_for_the_next_registration_and_the_next_call() -> None:
    # EDGE F13: without a restart
    with lossy_link(1) as link:
        node = Node(settings=registering(), carrier_passwords={"first": "the one before"})
        stage = Stage(link, node=node)
        stage.carrier.register_answer = asks_for_proof
        stage.carrier.plan_of = challenging
        changed = CredentialsChanged("first", Credentials(USER, PASSWORD))
        link.at(5.0, lambda now: stage.node.core.handle(changed, now))
        call_at(link, stage, 30.0)
        link.run(40.0)
        told = [log.event for log in stage.node.logs if log.event.startswith("carrier-")]
        assert told == ["carrier-registration-refused", "carrier-registered"]
        # The call is taken by the carrier that challenges, not by the next one.
        assert [proves(it.request) for it in stage.carrier.taken] == [False, True]
        assert stage.carrier.taken[1].ack is not None and not stage.second_carrier.taken
        assert PASSWORD not in repr(changed)


def test_a_registration_that_fails_is_tried_ever_more_rarely_and_told_once() -> None:
    # EDGE F13
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering()))
        stage.carrier.register_answer = lambda request: (403, ())
        link.run(100.0)
        assert [round(at) for at in sent_at(link)] == [3, 13, 33, 73]
        (told,) = [log for log in stage.node.logs if log.event.startswith("carrier-")]
        assert told.event == "carrier-registration-refused"
        assert told.fields == {"carrier": "first", "status": 403}


def test_a_carrier_that_does_not_answer_is_asked_again() -> None:  # EDGE F13
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering()))
        link.silent.add(CARRIER)
        link.run(50.0)
        assert not stage.carrier.registered
        link.silent.clear()
        link.run(100.0)
        assert "carrier-registered" in [log.event for log in stage.node.logs]


def test_the_carriers_least_time_is_asked_for(  # EDGE F13, RFC 3261 §10.2.8
) -> None:
    def brief(request: Request) -> tuple[int, Fields]:
        if int(request.require("expires")) < 1_800:
            return 423, (("Min-Expires", "1800"),)
        return 200, ()

    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering(register_expires_s=60)))
        stage.carrier.register_answer = brief
        link.run(1_000.0)
        assert [it.require("expires") for it in stage.carrier.registered] == ["60", "1800", "1800"]
        assert [round(at) for at in sent_at(link)] == [3, 3, 903]


def test_a_node_that_drains_takes_its_contact_back() -> None:  # EDGE F13, R31
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering()))
        stage.carrier.register_answer = asks_for_proof
        link.run(4.0)
        stage.node.core.handle(Drain(), 4.0)
        stage.node.tick(4.0)
        link.run()
        assert [it.require("expires") for it in stage.carrier.registered[2:]] == ["0", "0"]
        assert stage.node.is_empty()


def test_a_node_that_serves_again_registers_again() -> None:  # EDGE F13, R31
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering()))
        link.run(4.0)
        stage.node.core.handle(Drain(), 4.0)
        stage.node.tick(4.0)
        link.run(30.0)
        asked = [it.require("expires") for it in stage.carrier.registered]
        assert asked[-1] == "0"
        stage.node.core.handle(Resume(), 30.0)
        stage.node.tick(30.0)
        link.run(34.0)
        again = stage.carrier.registered[len(asked) :]
        assert [it.require("expires") for it in again] == [asked[0]]
        states = {it.registration for it in stage.node.core.report(34.0).carriers}
        assert "registered" in states
        assert "left" not in states


def test_a_carrier_by_name_is_registered_with_once_it_resolves() -> None:  # EDGE F13, W11
    with lossy_link(1) as link:
        settings = registering(host="sip.carrier.example", sources=(f"{CARRIER[0]}/32",))
        stage = Stage(link, node=node_of(settings))
        link.run(5.0)
        assert not stage.carrier.registered
        stage.node.core.handle(Resolved({"sip.carrier.example": (CARRIER[0],)}), 5.0)
        stage.node.tick(5.0)
        link.run(9.0)
        assert stage.carrier.registered[0].uri == "sip:sip.carrier.example"
        # A name that is gone takes nothing away: the refresh goes where the last one went.
        stage.node.core.handle(Resolved({}), 9.0)
        link.run(2_000.0)
        assert len(stage.carrier.registered) == 2


def test_a_call_to_our_contact_is_for_the_number_in_its_to() -> None:  # EDGE F13, I6
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering()))
        call = stage.carrier.call(
            f"sip:{USER}@{EDGE[0]}", EDGE, CallerPlan(bye_after_s=1.0), 0.0, to=f"<sip:{OWNED}@x>"
        )
        link.run(30.0)
        assert call.answered
        assert stage.record.to_number == OWNED


def test_a_tls_carrier_is_written_so() -> None:  # EDGE F13, W10
    node = node_of(registering(transport=PeerTransport.TLS, port=5061))
    node.tick(3.0)
    (sent, *_) = node.sent
    assert sent.data.startswith(f"REGISTER sip:{CARRIER[0]};transport=tls SIP/2.0\r\n".encode())
    assert (sent.flow.transport, sent.flow.remote) == ("TLS", (CARRIER[0], 5061))


def test_carriers_are_reported_with_their_registration() -> None:  # EDGE F9, F13
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(registering()))
        assert stage.node.core.report(1.0).carriers[0].registration == "idle"
        link.run(4.0)
        first, second = stage.node.core.report(4.0).carriers
        assert (first.name, first.registration) == ("first", "registered")
        assert (second.host, second.registration) == (SECOND_CARRIER[0], None)
