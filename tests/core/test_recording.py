"""Calls that are recorded for debugging: begun, ended, limited, refused (docs/recording.md)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from edge.flow import Address, Flow, Transport
from edge.media import pcap
from edge.media.session import Captured, SessionId
from edge.recording import FADES_S
from edge.seam import (
    EndRecording,
    HangUp,
    MediaLost,
    MediaReported,
    RecordCall,
    RecordingBegun,
    RecordingGrew,
    RecordingOver,
    RecordingRefused,
)
from model.recordings import RecordingEnd, RecordingOrder, RecordingSettings, object_key
from tests.core.stand import (
    BUCKET,
    CARRIER,
    CONNECTOR_ID,
    DIALED,
    EDGE,
    EPOCH,
    HOST,
    OUTBOUND_URI,
    OWNED,
    PBX,
    SECOND_PBX,
    SETTINGS,
    Node,
    Stage,
    connector,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link
from tests.support.pcap import Packet, records_in

ANSWERS = CalleePlan(steps=(Step(0.0, 200),))
RINGS = CalleePlan(steps=(Step(0.0, 180),))
TALKS = CallerPlan(bye_after_s=10.0)
PACKET = pcap.record(EPOCH.timestamp(), (PBX[0], 30_000), (EDGE[0], 10_000), b"audio")


def node(**limits: int) -> Node:
    """Return a node whose operator allows recording."""
    recording = RecordingSettings(allowed=True, **limits)
    return Node(settings=replace(SETTINGS, recording=recording))


class Take:
    """A call, and what is recorded of it."""

    def __init__(
        self,
        link: LossyLink,
        *,
        recorder: Node | None = None,
        plan: CallerPlan = TALKS,
        carrier: CalleePlan = ANSWERS,
        transport: Transport = Transport.UDP,
    ) -> None:
        self.link = link
        self.stage = Stage(link, node=recorder or node(), carrier=carrier, transport=transport)
        self.stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run(1.0)

    @property
    def node(self) -> Node:
        return self.stage.node

    @property
    def transaction_id(self) -> str:
        return self.node.journalled[0].transaction_id

    def order(self, transaction_id: str | None = None, seconds: int = 600) -> RecordingOrder:
        """Order a recording."""
        order = RecordingOrder(
            transaction_id=transaction_id or self.transaction_id,
            node_id="node",
            seconds=seconds,
            ordered_by="AKIA",
            ordered_at=EPOCH,
        )
        self.node.hear(RecordCall(order), self.link.now)
        return order

    def hear_audio(self, records: bytes = PACKET, session: int = 1) -> None:
        """Let the media worker report packets."""
        report = MediaReported(0, Captured(SessionId(session), records))
        self.node.hear(report, self.link.now)

    def packets(self) -> list[Packet]:
        """Return what was recorded."""
        steps = [it.records for it in self.node.recording if isinstance(it, RecordingGrew)]
        return records_in(b"".join(steps))

    def lines(self) -> list[tuple[Address, Address, str]]:
        """Return the first line of each recorded message, with its way."""
        found = self.packets()
        return [(it.source, it.destination, it.data.split(b"\r\n")[0].decode()) for it in found]

    def over(self) -> RecordingEnd:
        """Return why the only recording ended."""
        (over,) = [it for it in self.node.recording if isinstance(it, RecordingOver)]
        return over.why

    def refusal(self) -> str:
        """Return why the last order was refused."""
        refused = self.node.recording[-1]
        assert isinstance(refused, RecordingRefused)
        return refused.reason


def test_a_recording_has_every_message_of_both_legs_and_ends_with_the_call() -> None:  # EDGE X11
    with lossy_link(1) as link:
        take = Take(link)
        order = take.order()
        assert take.node.worker.recorded == {SessionId(1)}
        take.hear_audio()
        link.run()
        began_at = EPOCH + timedelta(seconds=1)
        key = object_key(CONNECTOR_ID, order.transaction_id, began_at)
        assert take.node.recording[0] == RecordingBegun(order, BUCKET, key)
        assert take.node.recording[-1] == RecordingOver(order, RecordingEnd.CALL_ENDED)
        audio, *messages = take.lines()
        assert audio == ((PBX[0], 30_000), (EDGE[0], 10_000), "audio")
        said = {
            (source, destination, line.split(" sip:")[0]) for source, destination, line in messages
        }
        assert said == {
            (PBX, EDGE, "BYE"),
            (EDGE, PBX, "SIP/2.0 200 OK"),
            (EDGE, CARRIER, "BYE"),
            (CARRIER, EDGE, "SIP/2.0 200 OK"),
        }
        bye = take.packets()[1]
        assert bye.data == next(it.data for it in link.sent("A", "E", "BYE"))
        assert bye.at == pytest.approx(EPOCH.timestamp() + 10, abs=1.0)
        take.stage.assert_quiet()


def test_where_and_when_an_object_lies_can_be_told_from_its_key() -> None:
    key = object_key(CONNECTOR_ID, "tid", EPOCH + timedelta(milliseconds=7))
    assert key == (
        f"Amazon-Chime-Voice-Connector-Recordings/pcap/{CONNECTOR_ID}/2026/01/01/12.00.00.007_tid.pcap"
    )


def test_other_calls_of_the_same_peers_are_not_recorded() -> None:
    with lossy_link(1) as link:
        take = Take(link)
        take.order()
        take.stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), link.now)
        link.run(5.0)
        assert len(take.node.records) == 1, "the other call is over"
        assert take.lines() == []
        take.hear_audio(session=2)
        assert take.packets() == []
        link.run()


def options(take: Take, sent_by: str, more: str = "") -> bytes:
    """Return an OPTIONS with the Call-ID of the recorded call; `more` are further header lines."""
    call_id = take.node.journalled[0].call_id
    return (
        f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {sent_by};branch=z9hG4bK1\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:{HOST}>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: 1 OPTIONS\r\n{more}Content-Length: 0\r\n\r\n"
    ).encode()


def test_a_message_of_another_peer_with_the_same_call_id_is_not_recorded() -> None:
    with lossy_link(1) as link:
        take = Take(link)
        take.order()
        message = options(take, "192.0.2.99")
        for host, count in (("192.0.2.99", 0), (PBX[0], 2)):
            flow = Flow(Transport.UDP, EDGE, (host, 5060))
            take.node.take(message, flow, link.now)
            assert len(take.lines()) == count, "with its answer"
        link.run()


def test_what_could_be_used_is_masked_in_what_is_recorded() -> None:  # EDGE S14
    with lossy_link(1) as link:
        take = Take(link)
        take.order()
        secret = 'Proxy-Authorization: Digest username="pbx", response="5ec2e7"\r\n'
        message = options(take, PBX[0], secret)
        take.node.take(message, Flow(Transport.UDP, EDGE, PBX), link.now)
        assert take.packets()[0].data == message.replace(b"5ec2e7", b"******")
        link.run()


def test_what_comes_over_a_stream_is_shown_as_udp_with_the_true_addresses() -> None:
    with lossy_link(1) as link:
        take = Take(link, transport=Transport.TCP)
        take.order()
        link.run()
        assert (PBX, EDGE) in [line[:2] for line in take.lines()]


def test_an_order_to_end_leaves_the_call_alone() -> None:
    with lossy_link(1) as link:
        take = Take(link)
        order = take.order()
        take.node.hear(EndRecording(order.transaction_id), link.now)
        assert take.node.worker.recorded == set()
        take.hear_audio()
        link.run(2.0)
        assert take.over() is RecordingEnd.ORDERED
        assert len(take.packets()) == 1, "what was on its way counts"
        take.node.hear(EndRecording(order.transaction_id), link.now)
        link.run()
        assert len(take.packets()) == 1
        assert take.stage.record.status_message == "Normal Call Clearing"
        take.stage.assert_quiet()


@pytest.mark.parametrize(
    ("seconds", "limit_minutes", "expected_s"), [(3, 1, 3), (600, 1, 60)], ids=["order", "operator"]
)
def test_a_recording_ends_when_its_time_is_over(
    seconds: int, limit_minutes: int, expected_s: int
) -> None:
    with lossy_link(1) as link:
        recorder = node(longest_minutes=limit_minutes)
        take = Take(link, recorder=recorder, plan=CallerPlan(bye_after_s=100.0))
        take.order(seconds=seconds)
        link.run(1.0 + expected_s - 0.01)
        assert take.node.worker.recorded == {SessionId(1)}
        link.run(1.0 + expected_s + FADES_S + 0.01)
        assert take.node.worker.recorded == set()
        assert take.over() is RecordingEnd.TIME
        link.run()
        take.stage.assert_quiet()


def test_a_recording_ends_before_it_is_larger_than_the_operator_allows() -> None:
    with lossy_link(1) as link:
        take = Take(link, recorder=node(most_mib=1))
        take.order()
        fits = PACKET * ((1 << 20) // len(PACKET))
        take.hear_audio(fits)
        assert take.node.worker.recorded == {SessionId(1)}
        take.hear_audio()
        assert take.node.worker.recorded == set()
        link.run(3.0)
        assert take.over() is RecordingEnd.SIZE
        assert sum(
            len(it.records) for it in take.node.recording if isinstance(it, RecordingGrew)
        ) == len(fits)
        link.run()
        take.stage.assert_quiet()


def hang_up(take: Take) -> None:
    take.node.hear(HangUp("Service shutdown"), take.link.now)


def lose_media(take: Take) -> None:
    take.node.hear(MediaLost(0), take.link.now)


@pytest.mark.parametrize("end", [hang_up, lose_media])
def test_whatever_ends_the_call_ends_the_recording(end: Callable[[Take], None]) -> None:
    with lossy_link(1) as link:
        take = Take(link)
        take.order()
        end(take)
        assert take.node.core.pending["recordings"] == 1
        link.run()
        assert take.over() is RecordingEnd.CALL_ENDED
        assert {line[1] for line in take.lines()} >= {PBX, CARRIER}, "both were told"
        assert take.node.core.pending["recordings"] == 0


def not_allowed(link: LossyLink) -> Take:
    take = Take(link, recorder=Node())
    take.order()
    return take


def unknown(link: LossyLink) -> Take:
    take = Take(link)
    take.order("0f0e0d0c-0000-4000-8000-000000000000")
    return take


def ended(link: LossyLink) -> Take:
    take = Take(link)
    link.run(60.0)
    take.order()
    return take


def ringing(link: LossyLink) -> Take:
    take = Take(link, carrier=RINGS, plan=CallerPlan(cancel_after_s=5.0))
    started = next(it for it in take.node.logs if it.event == "call-started")
    take.order(str(started.fields["transaction_id"]))
    return take


def no_bucket(link: LossyLink) -> Take:
    take = Take(link)
    take.node.load(connector(), bucket=None)
    take.order()
    return take


def twice(link: LossyLink) -> Take:
    take = Take(link)
    take.order()
    take.order()
    return take


def too_many(link: LossyLink) -> Take:
    take = Take(link, recorder=node(at_once=1))
    take.stage.pbx.call(OUTBOUND_URI, EDGE, TALKS, link.now)
    link.run(2.0)
    take.order(take.node.journalled[1].transaction_id)
    take.order()
    return take


REFUSALS = {
    "not allowed": (not_allowed, "the operator's settings do not allow it (recording.allowed)"),
    "unknown": (unknown, "the call is not up on this node"),
    "ended": (ended, "the call is not up on this node"),
    "ringing": (ringing, "the call is not up on this node"),
    "no bucket": (no_bucket, "no bucket is set for detail records (UpdateGlobalSettings)"),
    "twice": (twice, "the call is being recorded already"),
    "too many": (too_many, "1 calls are being recorded on this node (recording.at_once)"),
}


@pytest.mark.parametrize(("refused", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_recorded_is_refused_and_told(
    refused: Callable[[LossyLink], Take], reason: str
) -> None:
    with lossy_link(1) as link:
        take = refused(link)
        assert take.refusal() == reason
        line = next(it for it in take.node.logs if it.event == "recording-refused")
        assert (line.fields["ordered_by"], line.fields["reason"]) == ("AKIA", reason)
        link.run()
        take.stage.assert_quiet()


def test_the_log_tells_who_had_which_call_recorded() -> None:
    with lossy_link(1) as link:
        take = Take(link)
        take.order()
        link.run()
        told = [it for it in take.node.logs if it.event.startswith("recording-")]
        assert [it.event for it in told] == ["recording-begun", "recording-over"]
        for line in told:
            assert line.fields["transaction_id"] == take.transaction_id
            assert line.fields["ordered_by"] == "AKIA"


def test_a_call_on_net_can_be_recorded_by_either_of_its_ids() -> None:  # EDGE N1
    for party in (0, 1):
        with lossy_link(1) as link:
            stage = Stage(link, node=node(), pbx=ANSWERS, second_pbx=ANSWERS)
            stage.second_pbx.call(f"sip:{OWNED}@{HOST}", EDGE, TALKS, 0.0)
            link.run(1.0)
            transaction_id = stage.node.journalled[party].transaction_id
            order = RecordingOrder(
                transaction_id=transaction_id,
                node_id="node",
                seconds=60,
                ordered_by="AKIA",
                ordered_at=EPOCH,
            )
            stage.node.hear(RecordCall(order), link.now)
            link.run()
            over = [it for it in stage.node.recording if isinstance(it, RecordingOver)]
            assert [it.order for it in over] == [order]
            grown = [it for it in stage.node.recording if isinstance(it, RecordingGrew)]
            packets = records_in(b"".join(it.records for it in grown))
            assert {it.source for it in packets} == {PBX, SECOND_PBX, EDGE}
            stage.assert_quiet()


def test_a_node_says_how_long_recordings_may_be() -> None:
    assert Node().core.report(0.0).longest_recording_s is None
    assert node(longest_minutes=3).core.report(0.0).longest_recording_s == 180


def test_an_unknown_recording_ends_without_a_word() -> None:
    recorder = node()
    recorder.hear(EndRecording(DIALED), 1.0)
    assert recorder.recording == []
