"""A call's audio as everybody is told of it afterwards: log, /ext/, object, `ovc explain`."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge.flow import Address
from edge.media.rtcp import sender_time
from edge.media.sdp import read
from tests.e2e.audio import FRAMES, Phone, assert_each_hears_the_other
from tests.e2e.lab import CALLER, Lab, Trunk, eventually
from tests.e2e.logs import logged
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.media.packets import receiver_report, report_block, sender_report
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step
from tests.support.extensions import ext
from tests.support.sdp import audio

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("quality")]

AGENT_RTP_PORT = 30_000
DIALED = "+12125550106"
"""It fails in the simulated network, so the carrier that we play is called."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a stand that keeps the quality of calls."""
    with Lab(tmp_path_factory.mktemp("lab"), {"records": {"quality": True}}) as running:
        yield running


def agent(at: Address) -> Agent:
    answers = CalleePlan(steps=(Step(0.0, 100), Step(0.0, 200)))
    return Agent(f"peer-{secrets.token_hex(4)}", at, plan_of=lambda _: answers)


def reports_to(phone: Phone) -> list[bytes] | None:
    """Return the RTCP that has come to a phone, None while there is none."""
    phone.listen()
    return phone.reports or None


def exchange_reports(caller: Phone, callee: Phone) -> None:
    """Let the callee send a report that the caller answers, having lost two packets."""
    report = sender_report(callee.ssrc, ntp=secrets.randbits(64))
    callee.report(report)
    heard = eventually(lambda: reports_to(caller), "the report comes through")
    named = sender_time(heard[0])
    assert named == sender_time(report)
    block = report_block(callee.ssrc, lost=2, jitter=40, last_report=named or 0)
    caller.report(receiver_report(caller.ssrc, block))
    eventually(lambda: reports_to(callee), "the answer comes through")


def call(lab: Lab, trunk: Trunk) -> str:
    """Let a PBX call the carrier, talk, measure and hang up; return the TransactionId."""
    pbx, carrier = agent(free_address(trunk.pbx)), agent(lab.second_carrier)
    with (
        Wire(pbx, carrier) as wire,
        Phone(pbx.address[0]) as caller,
        Phone(carrier.address[0], AGENT_RTP_PORT) as callee,
    ):
        plan = CallerPlan(body=audio(*caller.address))
        uri = f"sip:{DIALED}@{trunk.host}"
        placed = pbx.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: placed.answered and carrier.taken[0].ack, "the call is up")
        assert placed.final is not None
        caller.edge = read(placed.final.body).rtp
        callee.edge = read(carrier.taken[0].request.body).rtp
        assert_each_hears_the_other(caller, callee)
        exchange_reports(caller, callee)
        placed.hang_up(time.monotonic())
        wire.run_until(lambda: placed.finals and carrier.taken[0].hung_up, "both hang up")
    record = trunk.record_of(placed.invite.call_id)
    return str(record.members["TransactionId"])


def media_log(lab: Lab, connector_id: str) -> list[dict[str, Any]]:
    """Return the records of a connector's media metric log."""
    return logged(lab, f"/aws/ChimeVoiceConnectorLogs/{connector_id}")


def test_log_extension_object_and_story_tell_the_same_of_a_call(lab: Lab) -> None:
    # EDGE X4, X5, X6, X10
    trunk = lab.new_trunk()
    trunk.permit()
    lab.voice.put_voice_connector_logging_configuration(
        VoiceConnectorId=trunk.connector_id,
        LoggingConfiguration={"EnableMediaMetricLogs": True},
    )
    trunk.await_effect()
    transaction_id = call(lab, trunk)
    (record,) = eventually(lambda: media_log(lab, trunk.connector_id) or None, "the log")
    assert record["call_id"] == transaction_id
    assert (record["from_sip_user"], record["to_country"]) == (f"sip:{CALLER}", "US")
    # The first packets may come before the other side is known.
    assert FRAMES < record["vc2rem_rtp_packets"] <= record["cust2vc_rtp_packets"]
    assert FRAMES < record["vc2cust_rtp_packets"] <= record["rem2vc_rtp_packets"]
    assert (record["vc2cust_packets_lost"], record["vc2cust_jitter"]) == (2, 5_000)
    assert record["rtt_btwn_vc_and_cust"] is not None
    assert record["rtt_btwn_vc_and_rem"] is None
    assert 1.0 <= record["mos_btwn_vc_and_cust"] <= 4.4

    def shown() -> dict[str, Any] | None:
        target = f"/ext/cdrs?connector-id={trunk.connector_id}"
        api = f"http://127.0.0.1:{lab.stand.ports['api']}"
        (entry,) = ext(api, target)["CallDetailRecords"]
        quality: dict[str, Any] | None = entry.get("Quality")
        return quality

    quality = eventually(shown, "the row")
    assert quality["CustomerToVcRtpPackets"] == record["cust2vc_rtp_packets"]
    assert quality["RTTBetweenVcAndCustomer"] == record["rtt_btwn_vc_and_cust"]

    key = next(iter(lab.keys(trunk.connector_id))).replace("-CDRs/", "-CQRs/")
    members = json.loads(lab.s3.get_object(Bucket=lab.bucket, Key=key)["Body"].read())
    assert (members["TransactionId"], members["Route"]) == (transaction_id, "pstn")
    assert members["Total"] == {
        name: value for name, value in quality.items() if name != "MeasuredTimestamp"
    }
    story = lab.stand.run("explain", transaction_id).stdout
    assert f"from customer    {quality['CustomerToVcRtpPackets']:,} packets" in story
