"""A node that has run out of something says so, keeps its books and recovers (EDGE R16, R30)."""

from dataclasses import replace

from edge.seam import MediaCongested
from model.cdr import CallStatus
from tests.core.stand import (
    CONNECTOR_ID,
    EDGE,
    HOST,
    OUTBOUND_URI,
    PBX,
    PORTS,
    SETTINGS,
    Node,
    Stage,
    responses,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link


def test_a_call_without_media_ports_leaves_a_record() -> None:  # EDGE R30, C7
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 200),)))
        plan = CallerPlan(bye_after_s=1.0)
        for number in range(len(PORTS) // 2 + 1):
            stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.001 * number)
        link.run()
        assert len(responses(link, "503")) == 1
        assert 5 <= int(responses(link, "503")[0].require("retry-after")) <= 15
        refused = [it for it in stage.node.records if it.status is CallStatus.REJECTED]
        assert [it.status_message for it in refused] == ["503 No media ports left"]
        assert len(stage.node.records) == len(PORTS) // 2 + 1
        stage.assert_quiet()


def test_no_new_call_has_its_media_on_a_worker_that_is_behind() -> None:  # A8, EDGE R30
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 200),)))
        plan = CallerPlan(bye_after_s=1.0)

        def call(now: float) -> None:
            stage.pbx.call(OUTBOUND_URI, EDGE, plan, now)

        def fall_behind(now: float) -> None:
            stage.node.core.handle(MediaCongested(0, True), now)

        def catch_up(now: float) -> None:
            stage.node.core.handle(MediaCongested(0, False), now)

        for moment, happening in enumerate((call, fall_behind, call, call, catch_up, call)):
            link.at(0.1 * moment, happening)
        link.run()
        messages = [it.status_message for it in stage.node.records]
        assert messages.count("503 No media ports left") == 2
        assert messages.count("Normal Call Clearing") == 2, "the call that was up has gone on"
        stage.assert_quiet()


def test_a_call_too_many_is_rate_limited_and_the_next_one_goes_through() -> None:  # EDGE R16
    admission = replace(SETTINGS.admission, concurrent_calls=1)
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(settings=replace(SETTINGS, admission=admission)))
        plan = CallerPlan(bye_after_s=1.0)
        for moment in (0.0, 0.5, 10.0):
            link.at(moment, lambda now: stage.pbx.call(OUTBOUND_URI, EDGE, plan, now))
        link.run()
        assert [it.get("retry-after") for it in responses(link, "503")] == ["5"]
        messages = sorted(it.status_message for it in stage.node.records)
        assert messages == ["Concurrent calls exceeded", *["Normal Call Clearing"] * 2]
        stage.assert_quiet()


def test_a_flood_of_refused_calls_is_no_flood_of_records() -> None:  # EDGE C8
    node = Node()
    for number in range(90):
        node.ask(refused_invite(number), PBX, 0.001 * number)
    assert len(node.records) == 50 + 4  # the bucket fills again by one in 20 ms
    lines = [it.fields for it in node.logs if it.event == "records-suppressed"]
    assert lines == [{"connector_id": CONNECTOR_ID, "total": 1}]
    node.ask(refused_invite(90), PBX, 30.0)
    assert len(node.records) == 50 + 5


def refused_invite(number: int) -> bytes:
    """Return an INVITE that dials no number."""
    return (
        f"INVITE sip:911@{HOST} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {PBX[0]}:5060;branch=z9hG4bK{number};rport\r\n"
        f"From: <sip:+12065550100@{PBX[0]}>;tag=a\r\nTo: <sip:911@{HOST}>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{PBX[0]}>\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()
