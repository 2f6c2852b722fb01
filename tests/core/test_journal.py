"""What the Core tells of a call while it is up, and of the node."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from edge.seam import Drain, HangUp, JournalCall, MediaLost, Send
from model.call_items import live_call_from, live_members
from model.calls import LiveCall
from model.cdr import Disposition
from model.codec import encode_item
from model.node import CarrierState
from tests.core.stand import (
    CALLER,
    CARRIER,
    CONNECTOR_ID,
    DIALED,
    EDGE,
    EPOCH,
    INBOUND_URI,
    OUTBOUND_URI,
    OWNED,
    SECOND_CARRIER,
    Node,
    Stage,
    connector,
    responses,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link

ANSWERS = CalleePlan(steps=(Step(0.0, 200),))
BUSY = CalleePlan(steps=(Step(0.0, 486),))


def test_an_answered_call_is_noted_with_what_its_record_will_say() -> None:  # EDGE C6, C9
    with lossy_link(1) as link:
        node = Node(connector(user=("pbx", "secret")))
        stage = Stage(link, node=node, carrier=ANSWERS)
        plan = CallerPlan(bye_after_s=5.0, credentials=("pbx", "secret"))
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run(4.0)
        (call,) = stage.node.journalled
        assert stage.node.records == []
        link.run()
        record = stage.record
        assert call == LiveCall(
            transaction_id=record.transaction_id,
            call_id=record.call_id,
            connector_id=CONNECTOR_ID,
            from_number=CALLER,
            to_number=DIALED,
            disposition=Disposition.TERMINATION,
            sip_auth_user="pbx",
            answered_at=record.started_at,
        )
        assert live_call_from(encode_item(live_members(call, "node"))).call_id == record.call_id
        assert stage.node.forgotten == []
        stage.assert_quiet()


def test_an_inbound_call_is_noted_as_the_pbx_knows_it() -> None:  # EDGE C2
    with lossy_link(1) as link:
        stage = Stage(link, pbx=ANSWERS)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        (call,) = stage.node.journalled
        assert (call.disposition, call.to_number) == (Disposition.ORIGINATION, OWNED)
        assert call.call_id == stage.pbx.taken[0].request.call_id == stage.record.call_id
        stage.assert_quiet()


def test_a_call_is_noted_before_its_caller_hears_the_answer() -> None:  # EDGE C9
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        outputs: list[str] = []
        poll = stage.node.core.poll

        def watched() -> object:
            output = poll()
            if isinstance(output, JournalCall):
                outputs.append("noted")
            elif isinstance(output, Send) and output.data.startswith(b"SIP/2.0 200"):
                outputs.append("answered")
            return output

        stage.node.core.poll = watched  # type: ignore[method-assign,assignment]  # a spy
        link.run(0.5)
        assert outputs == ["noted", "answered"]


def bye_of_caller(stage: Stage, link: LossyLink) -> None:
    stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=2.0), 0.0)


def no_ack(stage: Stage, link: LossyLink) -> None:
    stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(acknowledges=False), 0.0)


def shutdown(stage: Stage, link: LossyLink) -> None:
    stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
    link.run(1.0)
    stage.node.core.handle(HangUp("Service shutdown"), link.now)
    stage.node.tick(link.now)


def media_lost(stage: Stage, link: LossyLink) -> None:
    stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
    link.run(1.0)
    stage.node.core.handle(MediaLost(0), link.now)
    stage.node.tick(link.now)


def too_long(stage: Stage, link: LossyLink) -> None:
    stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)


ENDINGS = {
    "the caller hangs up": (bye_of_caller, "Normal Call Clearing"),
    "no ACK": (no_ack, "ACK timeout"),
    "the node stops": (shutdown, "Service shutdown"),
    "a media worker dies": (media_lost, "Media lost"),
    "the longest call": (too_long, "Maximum duration"),
}


@pytest.mark.parametrize("bucket", ["records", None], ids=["recorded", "not recorded"])
@pytest.mark.parametrize(("end", "message"), ENDINGS.values(), ids=ENDINGS.keys())
def test_every_ending_follows_a_note_exactly_once(
    end: Callable[[Stage, LossyLink], None], message: str, bucket: str | None
) -> None:  # EDGE C9, C11
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        stage.node.load(connector(), bucket=bucket)
        end(stage, link)
        link.run()
        (call,) = stage.node.journalled
        if bucket is None:
            assert (stage.node.records, stage.node.forgotten) == ([], [call.transaction_id])
        else:
            assert (stage.record.status_message, stage.node.forgotten) == (message, [])
            assert stage.record.transaction_id == call.transaction_id
        stage.node.assert_journal_is_even()


@pytest.mark.parametrize("bucket", ["records", None])
def test_a_call_without_an_answer_is_not_noted(bucket: str | None) -> None:  # EDGE C7, C11
    with lossy_link(1) as link:
        stage = Stage(link, carrier=BUSY, second_carrier=BUSY)
        stage.node.load(connector(), bucket=bucket)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert responses(link, "486")
        assert (stage.node.journalled, stage.node.forgotten) == ([], [])
        assert len(stage.node.records) == (0 if bucket is None else 1)


def test_a_bucket_named_during_a_call_gets_its_record() -> None:  # EDGE C11
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        stage.node.load(connector(), bucket=None)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run(2.0)
        stage.node.load(connector())
        link.run()
        assert stage.record.transaction_id == stage.node.journalled[0].transaction_id
        stage.assert_quiet()


def test_the_node_tells_its_calls_its_carriers_and_its_lease() -> None:  # EDGE C9, F9
    with lossy_link(1) as link:
        stage = Stage(link, second_carrier=ANSWERS)
        link.refusing = {CARRIER}
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        report = stage.node.core.report(link.now)
        assert (report.active_calls, report.draining) == (1, False)
        # EDGE C9: the lease is by the clock that StartTime and EndTime come from.
        assert report.renewed_at == EPOCH + timedelta(seconds=link.now)
        first, second = report.carriers
        assert (first.name, first.host, first.port) == ("first", *CARRIER)
        assert first.out_until is not None
        assert timedelta(seconds=30) <= first.out_until - EPOCH <= timedelta(seconds=31)
        healthy = CarrierState(
            name="second",
            host=SECOND_CARRIER[0],
            port=SECOND_CARRIER[1],
            priority=2,
            weight=1,
            out_until=None,
        )
        assert second == healthy
        later = stage.node.core.report(40.0).carriers[0]
        assert later == replace(first, out_until=None)
        stage.node.core.handle(Drain(), link.now)
        assert stage.node.core.report(link.now).draining
