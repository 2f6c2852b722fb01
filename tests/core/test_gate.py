"""The answer waits for the rows: whatever happens meanwhile, and if nobody ever says a word.

EDGE C9. A and A2 are PBXs, B the carrier, E the edge.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.call.gate import PATIENCE_S
from edge.seam import CallJournalled, Drain, HangUp, JournalPlace, MediaLost
from edge.sip.dialog import Dialog
from model.cdr import CallDetailRecord, CallStatus
from model.settings import AdmissionSettings
from tests.core.stand import (
    CONNECTOR_ID,
    EDGE,
    EPOCH,
    INBOUND_URI,
    OUTBOUND_URI,
    SETTINGS,
    Node,
    Stage,
    connector,
    ladder,
    moments,
    responses,
)
from tests.core.test_on_net import ON_NET_URI, two
from tests.support.agent import CalleePlan, CallerPlan, PlacedCall, Step
from tests.support.link import LossyLink, lossy_link
from tests.support.reoffers import Offer

RINGS_AND_ANSWERS = (Step(0.0, 180), Step(1.0, 200))
ANSWERED_AT = 1.03
"""When the callee's 200 reaches the edge: each message takes 10 ms."""
JOURNALLED_AT = 1.5


def held(
    link: LossyLink,
    *,
    node: Node | None = None,
    callee: CalleePlan = CalleePlan(steps=RINGS_AND_ANSWERS),  # noqa: B008 - immutable
    caller: CallerPlan = CallerPlan(bye_after_s=5.0),  # noqa: B008 - as above
) -> tuple[Stage, PlacedCall]:
    """Let the PBX call a carrier that answers, while rows are as safe as `journal` says."""
    stage = Stage(link, node=node, carrier=callee)
    stage.node.is_journal_prompt = False
    return stage, stage.pbx.call(OUTBOUND_URI, EDGE, caller, 0.0)


def journal_at(link: LossyLink, stage: Stage, moment: float = JOURNALLED_AT) -> None:
    """Let all rows be safe at a moment."""

    def journal(now: float) -> None:
        for call in stage.node.journalled:
            stage.node.journal(call, now)

    link.at(moment, journal)


def seconds(record: CallDetailRecord) -> tuple[float, float]:
    """Return when a call began and ended, in simulated seconds to the millisecond."""
    return tuple(  # type: ignore[return-value]  # two of them
        round((it - EPOCH).total_seconds(), 3) for it in (record.started_at, record.ended_at)
    )


def test_the_caller_hears_the_answer_once_the_row_is_safe_and_pays_from_the_answer_on() -> None:
    # EDGE C6
    with lossy_link(1) as link:
        stage, call = held(link)
        journal_at(link, stage)
        link.run(JOURNALLED_AT - 0.001)
        assert link.sent("E", "B", "ACK"), "the callee does not wait"
        assert not link.sent("E", "A", "200") and stage.node.core.active_calls == 1
        (noted,) = stage.node.journalled
        link.run()
        assert moments(link, "E", "A", "200") == [JOURNALLED_AT]
        assert call.answered
        assert seconds(stage.record)[0] == pytest.approx(ANSWERED_AT, abs=0.001)
        assert stage.record.started_at == noted.answered_at
        assert stage.record.status is CallStatus.COMPLETED
        stage.assert_quiet()


def test_the_order_holds_on_inbound_calls() -> None:
    with lossy_link(1) as link:
        stage = Stage(link, pbx=CalleePlan(steps=RINGS_AND_ANSWERS))
        stage.node.is_journal_prompt = False
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        journal_at(link, stage)
        link.run()
        assert moments(link, "E", "B", "200") == [JOURNALLED_AT]
        stage.assert_quiet()


def test_an_on_net_call_waits_for_both_rows() -> None:
    # EDGE N1
    with lossy_link(1) as link:
        stage = Stage(link, node=two(), second_pbx=CalleePlan(steps=RINGS_AND_ANSWERS))
        stage.node.is_journal_prompt = False
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run(1.2)
        first, second = stage.node.journalled
        for _ in range(2):
            stage.node.journal(first, 1.2)  # said twice: as good as once
        link.at(1.4, lambda now: stage.node.journal(second, now))
        link.run()
        assert moments(link, "E", "A", "200") == [1.4]
        assert len({it.started_at for it in stage.node.records}) == 1
        stage.assert_quiet()


def test_what_is_said_of_a_row_that_nobody_waits_for_changes_nothing() -> None:
    with lossy_link(1) as link:
        stage, _ = held(link)
        journal_at(link, stage)
        journal_at(link, stage, 2.0)
        unknown = CallJournalled("unknown", JournalPlace.TABLE)
        link.at(0.5, lambda now: stage.node.core.handle(unknown, now))
        link.run()
        assert len(moments(link, "E", "A", "200")) == 1
        stage.assert_quiet()


def test_without_a_word_the_caller_hears_it_after_a_second_and_somebody_hears_why() -> None:
    with lossy_link(1) as link:
        stage, call = held(link)
        journal_at(link, stage, 3.0)
        link.run()
        (at,) = moments(link, "E", "A", "200")
        assert at == pytest.approx(ANSWERED_AT + PATIENCE_S, abs=0.001)
        assert call.answered and stage.record.answered
        (alarm,) = [it for it in stage.node.logs if it.event == "call-not-journalled"]
        assert alarm.fields["transaction_id"] == stage.record.transaction_id
        stage.assert_quiet()


def cancels(link: LossyLink, stage: Stage, call: PlacedCall) -> None:
    link.at(1.2, call.cancel)


def hangs_up_early(link: LossyLink, stage: Stage, call: PlacedCall) -> None:
    # RFC 3261 §15: a caller may send BYE on an early dialog (EDGE E8)
    def bye(now: float) -> None:
        call.dialog = Dialog.of_uac(call.invite, call.tag, call.provisionals[-1])
        call.hang_up(now)

    link.at(1.2, bye)


@pytest.mark.parametrize("gives_up", [cancels, hangs_up_early])
@pytest.mark.parametrize("journalled_at", [JOURNALLED_AT, None], ids=["late", "never"])
def test_a_caller_may_still_give_up_and_pays_nothing(
    gives_up: Callable[[LossyLink, Stage, PlacedCall], None], journalled_at: float | None
) -> None:
    # RFC 3261 §9.2: no final response has been sent; EDGE E1, E8, C7
    with lossy_link(1) as link:
        stage, call = held(link)
        gives_up(link, stage, call)
        if journalled_at is not None:
            journal_at(link, stage, journalled_at)
        link.run()
        assert responses(link, "487") and not link.sent("E", "A", "200")
        assert stage.carrier.taken[0].bye is not None, "the callee had answered"
        record = stage.record
        assert (record.status, record.status_message) == (
            CallStatus.REJECTED,
            "487 Request Terminated",
        )
        assert not record.answered and record.billable_duration == 0
        assert stage.node.recorded_rows == [record.transaction_id], "the row knows of the end"
        stage.assert_quiet()


def test_without_a_bucket_the_row_of_a_call_that_was_given_up_is_forgotten() -> None:
    # EDGE C11
    with lossy_link(1) as link:
        stage, call = held(link)
        stage.node.load(connector(), bucket=None)
        cancels(link, stage, call)
        link.run()
        assert stage.node.records == []
        assert stage.node.forgotten == [stage.node.journalled[0].transaction_id]
        stage.assert_quiet()


def test_a_callee_that_hangs_up_at_once_is_heard_of_after_its_answer() -> None:
    # EDGE C7: its 200 counts; RFC 3261 §15: our BYE waits for the ACK
    with lossy_link(1) as link:
        stage, call = held(link, callee=CalleePlan(steps=RINGS_AND_ANSWERS, bye_after_s=0.1))
        journal_at(link, stage)
        link.run()
        assert ladder(link).endswith(
            "E>B ACK  B>E BYE  E>B 200(BYE)  E>A 200  A>E ACK  E>A BYE  A>E 200(BYE)"
        )
        assert call.answered and call.bye is not None
        record = stage.record
        began, ended = seconds(record)
        assert (record.status, record.status_message) == (
            CallStatus.COMPLETED,
            "Normal Call Clearing",
        )
        assert ended - began == pytest.approx(0.12, abs=0.001), "not until the caller heard of it"
        assert record.billable_duration == 6
        stage.assert_quiet()


@pytest.mark.parametrize("gives_up", [cancels, hangs_up_early])
def test_both_sides_may_hang_up_before_the_caller_hears_of_the_answer(
    gives_up: Callable[[LossyLink, Stage, PlacedCall], None],
) -> None:
    with lossy_link(1) as link:
        stage, call = held(link, callee=CalleePlan(steps=RINGS_AND_ANSWERS, bye_after_s=0.05))
        gives_up(link, stage, call)
        journal_at(link, stage)
        link.run()
        assert responses(link, "487") and not link.sent("E", "A", "200")
        assert stage.record.status is CallStatus.REJECTED
        stage.assert_quiet()


def shut_down(link: LossyLink, stage: Stage) -> None:
    stage.node.hear(Drain(), link.now)
    stage.node.hear(HangUp("Service shutdown"), link.now)


def lose_media(link: LossyLink, stage: Stage) -> None:
    stage.node.hear(MediaLost(0), link.now)


@pytest.mark.parametrize(
    ("end", "message"),
    [(shut_down, "480 Service shutdown"), (lose_media, "480 Media lost")],
    ids=["the node stops", "a media worker dies"],
)
@pytest.mark.parametrize("callee_is_gone", [False, True])
def test_a_node_that_ends_the_call_refuses_it(
    end: Callable[[LossyLink, Stage], None], message: str, callee_is_gone: bool
) -> None:
    # EDGE V5
    with lossy_link(1) as link:
        bye_after_s = 0.05 if callee_is_gone else None
        stage, _ = held(link, callee=CalleePlan(RINGS_AND_ANSWERS, bye_after_s))
        link.run(1.3)
        end(link, stage)
        journal_at(link, stage)
        link.run()
        assert responses(link, "480") and not link.sent("E", "A", "200")
        taken = stage.carrier.taken[0]
        assert taken.hung_up and (taken.bye is None) == callee_is_gone
        assert (stage.record.status_message, stage.record.answered) == (message, False)
        assert stage.node.recorded_rows == [stage.record.transaction_id]


def test_a_repeated_200_of_the_callee_is_acknowledged_again() -> None:
    # EDGE D3
    with lossy_link(1) as link:
        stage, _ = held(link)
        link.at(1.05, lambda now: stage.carrier.endpoint.resend(
            stage.carrier.taken[0]._answer, stage.carrier.taken[0].flow
        ))  # fmt: skip
        journal_at(link, stage)
        link.run()
        assert len(link.sent("E", "B", "ACK")) == 2
        assert len(link.sent("E", "A", "200")) == 1 == len(stage.node.journalled)
        stage.assert_quiet()


def test_the_answer_of_another_fork_is_hung_up_as_ever() -> None:
    # EDGE A3
    with lossy_link(1) as link:
        steps = (*RINGS_AND_ANSWERS, Step(1.1, 200, tag="another"))
        stage, call = held(link, callee=CalleePlan(steps))
        journal_at(link, stage)
        link.run(1.4)
        assert len(link.sent("E", "B", "BYE")) == 1
        link.run(10.0)
        assert call.answered and len(stage.node.journalled) == 1


@pytest.mark.parametrize(
    ("offer", "status"),
    [(Offer(0.1, "sendonly"), 491), (Offer(0.1), 200), (Offer(0.1, body=b""), 200)],
    ids=["hold", "refresh", "asks for an offer"],
)
def test_a_reinvite_of_the_callee_is_answered_without_the_caller(offer: Offer, status: int) -> None:
    # RFC 3261 §14.2, EDGE D5: the caller's own INVITE is still pending
    with lossy_link(1) as link:
        stage, call = held(link, callee=CalleePlan(RINGS_AND_ANSWERS, offers=(offer,)))
        journal_at(link, stage)
        link.run(JOURNALLED_AT)
        assert stage.carrier.taken[0].reoffers.statuses[0] == status
        assert not link.sent("E", "A", "INVITE")
        link.run()
        assert call.answered
        stage.assert_quiet()


def test_a_call_that_waits_is_measured_and_shown_as_any_other() -> None:
    # EDGE R16, X4
    with lossy_link(1) as link:
        stage, _ = held(link)
        journal_at(link, stage)
        link.run(1.3)
        stage.node.measure(link.now)
        assert stage.node.core.report(link.now).active_calls == 1
        link.run()
        stage.assert_quiet()


def test_a_call_that_is_too_long_before_the_caller_hears_of_it_ends_when_it_does() -> None:
    # EDGE V5
    with lossy_link(1) as link:
        brief = replace(SETTINGS, call=replace(SETTINGS.call, max_call_s=0.25))
        stage, call = held(link, node=Node(settings=brief), caller=CallerPlan())
        journal_at(link, stage)
        link.run()
        assert call.answered and call.bye is not None
        assert stage.record.status_message == "Maximum duration"
        began, ended = seconds(stage.record)
        assert ended - began == pytest.approx(0.25, abs=0.001)
        stage.assert_quiet()


@pytest.mark.parametrize(("ends", "spent_s"), [(False, 3.5), (True, 0.0)])
def test_what_a_call_spends_counts_from_the_moment_that_the_caller_hears(
    ends: bool, spent_s: float
) -> None:
    # EDGE S6
    with lossy_link(1) as link:
        capped = replace(SETTINGS, admission=AdmissionSettings(minutes_per_day=60))
        stage, call = held(link, node=Node(settings=capped), caller=CallerPlan(bye_after_s=3.48))
        if ends:
            cancels(link, stage, call)
        journal_at(link, stage)
        link.run()
        spent = stage.node.core._admission.spending.seconds_today(CONNECTOR_ID, link.now)
        assert spent == pytest.approx(spent_s, abs=0.01)
