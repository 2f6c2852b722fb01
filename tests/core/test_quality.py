"""What a node tells of the media of its calls: every minute, at the end, and afterwards.

EDGE X2, X4, X5, X10
"""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from edge.media.session import (
    LegStatistics,
    MediaSilent,
    SessionClosed,
    SessionId,
    SessionMeasured,
)
from edge.quality import LAST_WORD_S
from edge.records import LogFields
from edge.seam import HangUp, MediaReported, WriteLog
from model.calls import LiveCall
from model.cdr import CallDetailRecord
from model.configurations import Logging
from model.connector import Connector
from model.connector_logs import ConnectorLog, LogSettings, LogTarget
from model.cqr import CallRoute
from model.settings import RecordSettings, Settings
from tests.core.stand import (
    CALLER,
    CONNECTOR_ID,
    DIALED,
    EDGE,
    EPOCH,
    INBOUND_URI,
    OUTBOUND_URI,
    OWNED,
    SETTINGS,
    Node,
    Stage,
    connector,
    number,
)
from tests.core.test_meetings import BRIDGE, JOIN_URI, MEETINGS
from tests.core.test_on_net import ON_NET_URI, OTHER_ID, callee_side, caller_side, of
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link

ANSWERS = CalleePlan(steps=(Step(0.0, 200),))
WITH_RECORDS = replace(SETTINGS, records=RecordSettings(quality=True))
MEDIA_LOGS = Logging(media_metrics=True)

CUSTOMER = LegStatistics(
    packets=1_500,
    bytes=258_000,
    rtcp_packets=6,
    rtcp_bytes=300,
    lost=3,
    jitter_us=250,
    sent_packets=1_490,
    sent_bytes=256_280,
    sent_rtcp_packets=5,
    sent_rtcp_bytes=250,
    peer_lost=1,
    peer_jitter_us=500,
    rtt_us=20_000,
)
REMOTE = LegStatistics(packets=1_490, bytes=256_280, sent_packets=1_500, sent_bytes=258_000)


def logging(made: Connector) -> Connector:
    return replace(made, logging=MEDIA_LOGS)


def doubled(leg: LegStatistics) -> LegStatistics:
    """Return what a leg has had after another minute like the first."""
    return leg._replace(
        packets=2 * leg.packets,
        bytes=2 * leg.bytes,
        lost=2 * leg.lost,
        sent_packets=2 * leg.sent_packets,
        sent_bytes=2 * leg.sent_bytes,
    )


def stage_of(
    link: LossyLink, settings: Settings = SETTINGS, *, answers: CalleePlan = ANSWERS
) -> Stage:
    """Return a stage whose connector wants media logs, and whom everybody answers."""
    node = Node(logging(connector()), settings=settings)
    return Stage(link, node=node, pbx=answers, carrier=answers)


def hear(stage: Stage, a: LegStatistics, b: LegStatistics, now: float) -> None:
    """Let the worker report a minute of the only call."""
    (session,) = stage.node.worker.open
    stage.node.worker.heard[session] = (a, b)
    stage.node.measure(now)


def lines(stage: Stage) -> list[LogFields]:
    return [it.record for it in stage.node.media_logs]


def test_each_minute_and_the_end_of_a_call_have_a_record() -> None:  # EDGE X4
    with lossy_link(1) as link:
        stage = stage_of(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=130.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        link.run(120.0)
        hear(stage, doubled(CUSTOMER), doubled(REMOTE), 120.0)
        assert len(stage.node.media_logs) == 2
        link.run()
        first, second, last = stage.node.media_logs
        assert first == WriteLog(
            ConnectorLog.MEDIA_METRICS, CONNECTOR_ID, EPOCH + timedelta(seconds=60), first.record
        )
        # Packets are those of the minute, losses those of the call.
        for record, lost in ((first.record, 3), (second.record, 6)):
            assert record["cust2vc_rtp_packets"] == 1_500
            assert record["cust2vc_packets_lost"] == lost
        assert last.record["cust2vc_rtp_packets"] == 0
        assert last.record["cust2vc_packets_lost"] == 6
        assert last.at - EPOCH > timedelta(seconds=130)
        stage.assert_quiet()


def test_a_record_has_amazons_members_in_its_order() -> None:  # EDGE X4
    with lossy_link(1) as link:
        stage = stage_of(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=70.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        link.run()
        record = lines(stage)[0]
    assert list(record.items()) == [
        ("voice_connector_id", CONNECTOR_ID),
        ("event_timestamp", "2026-01-01T12:01:00Z"),
        ("call_id", stage.record.transaction_id),
        ("from_sip_user", f"sip:{CALLER}"),
        ("from_country", "US"),
        ("to_sip_user", f"sip:{DIALED}"),
        ("to_country", "US"),
        ("endpoint_id", record["endpoint_id"]),
        ("aws_region", "us-east-1"),
        ("cust2vc_rtp_packets", 1_500),
        ("cust2vc_rtp_bytes", 258_000),
        ("cust2vc_rtcp_packets", 6),
        ("cust2vc_rtcp_bytes", 300),
        ("cust2vc_packets_lost", 3),
        ("cust2vc_jitter", 250),
        ("vc2cust_rtp_packets", 1_490),
        ("vc2cust_rtp_bytes", 256_280),
        ("vc2cust_rtcp_packets", 5),
        ("vc2cust_rtcp_bytes", 250),
        ("vc2cust_packets_lost", 1),
        ("vc2cust_jitter", 500),
        ("rtt_btwn_vc_and_cust", 20_000),
        ("mos_btwn_vc_and_cust", 4.39),
        ("rem2vc_rtp_packets", 1_490),
        ("rem2vc_rtp_bytes", 256_280),
        ("rem2vc_rtcp_packets", 0),
        ("rem2vc_rtcp_bytes", 0),
        ("rem2vc_packets_lost", 0),
        ("rem2vc_jitter", 0),
        ("vc2rem_rtp_packets", 1_500),
        ("vc2rem_rtp_bytes", 258_000),
        ("vc2rem_rtcp_packets", 0),
        ("vc2rem_rtcp_bytes", 0),
        # The far end sends no RTCP.
        ("vc2rem_packets_lost", None),
        ("vc2rem_jitter", None),
        ("rtt_btwn_vc_and_rem", None),
        ("mos_btwn_vc_and_rem", 4.4),
    ]


def test_the_other_endpoint_has_the_same_name_in_every_call() -> None:  # EDGE X4
    names = []
    for uri in (OUTBOUND_URI, OUTBOUND_URI, INBOUND_URI):
        with lossy_link(1) as link:
            stage = stage_of(link)
            caller = stage.carrier if uri == INBOUND_URI else stage.pbx
            caller.call(uri, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
            link.run()
            (record,) = lines(stage)
            names.append(record["endpoint_id"])
    assert names[0] == names[1] != names[2]
    assert all(isinstance(it, str) and len(it) == 27 for it in names)


def test_the_customer_of_an_inbound_call_is_the_called_side() -> None:  # EDGE X2
    with lossy_link(1) as link:
        stage = stage_of(link)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=90.0), 0.0)
        link.run(60.0)
        hear(stage, REMOTE, CUSTOMER, 60.0)
        link.run()
        record, *_ = lines(stage)
        assert (record["cust2vc_packets_lost"], record["to_sip_user"]) == (3, f"sip:{OWNED}")
        assert record["rtt_btwn_vc_and_cust"] == 20_000


def test_metrics_have_amazons_names_and_leave_out_what_is_not_known() -> None:  # EDGE X2, X6
    with lossy_link(1) as link:
        stage = stage_of(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=90.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        (metrics,) = stage.node.metrics
        assert metrics.dimensions == {"VoiceConnectorId": CONNECTOR_ID, "Region": "us-east-1"}
        assert set(metrics.figures) == {
            *("CustomerToVcRtpPackets", "CustomerToVcRtpBytes", "CustomerToVcRtcpPackets"),
            *("CustomerToVcRtcpBytes", "CustomerToVcPacketsLost", "CustomerToVcJitter"),
            *("VcToCustomerRtpPackets", "VcToCustomerRtpBytes", "VcToCustomerRtcpPackets"),
            *("VcToCustomerRtcpBytes", "VcToCustomerPacketsLost", "VcToCustomerJitter"),
            *("RemoteToVcRtpPackets", "RemoteToVcRtpBytes", "RemoteToVcRtcpPackets"),
            *("RemoteToVcRtcpBytes", "RemoteToVcPacketsLost", "RemoteToVcJitter"),
            *("VcToRemoteRtpPackets", "VcToRemoteRtpBytes", "VcToRemoteRtcpPackets"),
            *("VcToRemoteRtcpBytes", "RTTBetweenVcAndCustomer"),
            *("MOSBetweenVcAndCustomer", "MOSBetweenVcAndRemote"),
        }
        assert metrics.figures["RTTBetweenVcAndCustomer"] == 20_000
        link.run()
        assert len(stage.node.metrics) == 2


@pytest.mark.parametrize(
    ("target", "wants"),
    [
        (LogTarget.NONE, MEDIA_LOGS),
        (LogTarget.CLOUDWATCH, Logging(sip_messages=True)),
        (LogTarget.STDOUT, Logging()),
    ],
)
def test_nothing_is_logged_for_who_does_not_want_it(target: LogTarget, wants: Logging) -> None:
    # EDGE X4, API LG1
    with lossy_link(1) as link:
        node = Node(
            replace(connector(), logging=wants),
            settings=replace(SETTINGS, logs=LogSettings(target=target)),
        )
        stage = Stage(link, node=node, carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=61.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        link.run()
        assert (node.media_logs, node.metrics) == ([], [])
        assert "media-metrics" not in {it.event for it in node.logs}
        assert len(node.qualities) == 2, "rows are written all the same"


def test_the_records_may_go_to_standard_output() -> None:  # EDGE X4
    with lossy_link(1) as link:
        stage = stage_of(link, replace(SETTINGS, logs=LogSettings(target=LogTarget.STDOUT)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert (stage.node.media_logs, stage.node.metrics) == ([], [])
        (line,) = [it for it in stage.node.logs if it.event == "media-metrics"]
        assert line.fields["call_id"] == stage.record.transaction_id


def test_logging_that_is_switched_on_during_a_call_counts_from_the_last_minute() -> None:
    # EDGE X4
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=125.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        stage.node.load(logging(connector()))
        link.run(120.0)
        hear(stage, doubled(CUSTOMER), doubled(REMOTE), 120.0)
        (record,) = lines(stage)
        assert (record["cust2vc_rtp_packets"], record["cust2vc_packets_lost"]) == (1_500, 6)


def test_a_ringing_call_tells_nothing() -> None:  # EDGE X4
    with lossy_link(1) as link:
        plan = CalleePlan(steps=(Step(0.0, 183), Step(70.0, 486)))
        stage = stage_of(link, answers=plan)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        link.run()
        assert stage.record.answered is False
        assert (lines(stage), stage.node.qualities, stage.node.quality_records) == ([], [], [])
        stage.assert_quiet()


def test_the_rows_of_a_call_show_all_of_it_so_far() -> None:  # EDGE X5
    with lossy_link(1) as link:
        stage = stage_of(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=130.0), 0.0)
        for minute, legs in enumerate(((CUSTOMER, REMOTE), (doubled(CUSTOMER), doubled(REMOTE)))):
            link.run(60.0 * (minute + 1))
            hear(stage, *legs, link.now)
        link.run()
        one, two, last = stage.node.qualities
        assert isinstance(one.call, LiveCall) and one.call == two.call == stage.node.journalled[0]
        assert last.call is stage.record
        packets = [it.quality.customer.received.rtp_packets for it in (one, two, last)]
        assert packets == [1_500, 3_000, 3_000]
        assert last.quality.remote.sent.packets_lost is None


def test_both_customers_of_an_on_net_call_see_themselves_as_the_customer() -> None:
    # EDGE N1, X2
    with lossy_link(1) as link:
        node = Node(
            logging(caller_side()),
            logging(callee_side()),
            settings=WITH_RECORDS,
            numbers=(number(), of(OTHER_ID)),
        )
        stage = Stage(link, node=node, second_pbx=ANSWERS)
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=61.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        link.run()
        records = {it.connector_id: it for it in node.records}
        assert records.keys() == {CONNECTOR_ID, OTHER_ID}
        assert len(lines(stage)) == 4
        for record in lines(stage)[:2]:
            is_caller = record["voice_connector_id"] == CONNECTOR_ID
            owner = records[CONNECTOR_ID if is_caller else OTHER_ID]
            assert record["call_id"] == owner.transaction_id
            assert record["cust2vc_packets_lost" if is_caller else "rem2vc_packets_lost"] == 3
        for of_quality in node.quality_records:
            assert of_quality.route is CallRoute.ON_NET
            assert of_quality.call is records[of_quality.call.connector_id]
        assert len(node.quality_records) == 2
        stage.assert_quiet()


def test_the_quality_of_an_answered_call_is_an_object_beside_its_record() -> None:  # EDGE X10
    with lossy_link(1) as link:
        stage = stage_of(link, WITH_RECORDS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=65.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        (session,) = stage.node.worker.open
        stage.node.worker.heard[session] = (CUSTOMER._replace(packets=1_600), REMOTE)
        link.run()
        (of_quality,) = stage.node.quality_records
        members = json.loads(of_quality.body())
        assert members["TransactionId"] == stage.record.transaction_id
        assert members["Route"] == "pstn"
        assert members["LastMinute"]["CustomerToVcRtpPackets"] == 100
        assert members["Total"]["CustomerToVcRtpPackets"] == 1_600
        assert "RTTBetweenVcAndRemote" not in members["Total"]
        cdr, cqr = stage.record.key(), of_quality.key()
        assert cqr == cdr.replace("-CDRs/", "-CQRs/") != cdr
        stage.assert_quiet()


def test_a_call_into_a_meeting_is_a_conference() -> None:  # EDGE X10
    with lossy_link(1) as link:
        node = Node(settings=replace(MEETINGS, records=RecordSettings(quality=True)))
        stage = Stage(link, node=node)
        link.join(Agent("B3", BRIDGE, plan_of=lambda _: ANSWERS), BRIDGE)
        stage.pbx.call(JOIN_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        (of_quality,) = node.quality_records
        assert of_quality.route is CallRoute.CONFERENCE


def test_without_a_bucket_nothing_is_kept_of_an_ended_call() -> None:  # EDGE C11
    with lossy_link(1) as link:
        stage = stage_of(link, WITH_RECORDS)
        stage.node.load(connector(), bucket=None)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=61.0), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        assert len(stage.node.qualities) == 1
        link.run()
        assert len(stage.node.qualities) == 1, "the row is gone, and stays so"
        assert stage.node.quality_records == []
        stage.assert_quiet()


def test_a_lost_worker_takes_the_figures_with_it_but_not_the_records() -> None:  # EDGE X10
    with lossy_link(1) as link:
        stage = stage_of(link, WITH_RECORDS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        stage.node.worker.is_mute = True
        stage.node.replace_worker(61.0)
        (of_quality,) = stage.node.quality_records
        assert (of_quality.last_minute, of_quality.total) == (None, None)
        assert of_quality.members().keys().isdisjoint({"LastMinute", "Total"})
        assert of_quality.members()["Route"] == "pstn"
        assert len(lines(stage)) == 1
        link.run()
        assert len(stage.node.quality_records) == 1
        stage.node.assert_journal_is_even()


def test_what_was_dropped_is_logged_with_its_reasons() -> None:  # EDGE Q6
    with lossy_link(1) as link:
        stage = stage_of(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=70.0), 0.0)
        link.run(60.0)
        attacked = CUSTOMER._replace(foreign=20, unauthentic=3)
        hear(stage, attacked, REMOTE, 60.0)
        link.run()
        (line,) = [it for it in stage.node.logs if it.event == "media-dropped"]
        assert line.fields == {
            "transaction_id": stage.record.transaction_id,
            "leg": "a",
            "foreign": 20,
            "unauthentic": 3,
        }


def test_a_worker_that_never_has_its_last_word_is_not_waited_for() -> None:  # EDGE X10
    with lossy_link(1) as link:
        stage = stage_of(link, WITH_RECORDS)
        stage.node.worker.is_mute = True
        for at in (0.0, 1.0):
            stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), at)
        link.run(7.0)
        assert stage.node.core.pending["calls"] == 2
        link.run()
        first, second = stage.node.quality_records
        assert first.total is second.total is None
        assert lines(stage) == []
        assert stage.node.core.pending["calls"] == 0
        late = SessionClosed(SessionId(1), CUSTOMER, REMOTE)
        stage.node.hear(MediaReported(0, late), link.now + LAST_WORD_S)
        assert len(stage.node.quality_records) == 2
        stage.assert_quiet()


def test_a_call_whose_media_stopped_long_ago_still_hears_its_worker() -> None:  # EDGE V4
    with lossy_link(1) as link:
        stage = stage_of(link, WITH_RECORDS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(60.0)
        hear(stage, CUSTOMER, REMOTE, 60.0)
        (session,) = stage.node.worker.open
        stage.node.hear(MediaReported(0, MediaSilent(session, 2.0)), 62.0)
        (of_quality,) = stage.node.quality_records
        assert of_quality.total is not None
        assert of_quality.call.ended_at < EPOCH + timedelta(seconds=3)


def test_measures_of_a_call_that_has_ended_meanwhile_are_nobodys() -> None:
    with lossy_link(1) as link:
        stage = stage_of(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        told = len(stage.node.media_logs), len(stage.node.qualities)
        stage.node.hear(MediaReported(0, SessionMeasured(SessionId(1), CUSTOMER, REMOTE)), 99.0)
        assert (len(stage.node.media_logs), len(stage.node.qualities)) == told


def test_calls_that_the_stop_of_the_node_ends_have_their_quality() -> None:  # EDGE C9
    with lossy_link(1) as link:
        stage = stage_of(link, WITH_RECORDS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(1.0)
        stage.node.hear(HangUp("Service shutdown"), link.now)
        (of_quality,) = stage.node.quality_records
        assert of_quality.call.status_message == "Service shutdown"
        assert isinstance(stage.node.qualities[0].call, CallDetailRecord)
