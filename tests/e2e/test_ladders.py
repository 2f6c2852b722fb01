"""What the other SIPp tests leave of the ladders of EDGE 1.12: early media, hold, late offers, ...

Each over every transport; of TLS Debian's SIPp has none, so that it speaks through a tunnel.
"""

from collections.abc import Iterator

import pytest

from edge.flow import Transport
from tests.e2e.lab import TALK, Lab, Route, Trunk
from tests.e2e.records import window
from tests.e2e.sipp import Sipp, free_address, free_host

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("ladders")]

NO_ANSWER_S = 3.0
"""More than the 2 s of the number that plays early media before it answers."""
TO_SECOND_CARRIER = "+12125550106"
"""The simulated network answers 503, and the call goes to the carrier that the test plays."""
RINGS_FOR_EVER = "+12125550103"

over_each_transport = pytest.mark.parametrize("transport", Transport, ids=str)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a stand that waits for nobody very long; SIPp knows MD5 only (EDGE G2)."""
    settings = {
        "call": {"no_answer_s": NO_ANSWER_S},
        "admission": {"digest_algorithms": "md5"},
    }
    with Lab(tmp_path_factory.mktemp("ladders"), settings) as running:
        yield running


def body(sipp: Sipp, start: str) -> str:
    """Return the description in the first message that begins so."""
    return sipp.received(start).text.partition("\n\n")[2]


@over_each_transport
def test_late_offer(lab: Lab, trunk: Trunk, transport: Transport) -> None:  # EDGE A1, B2
    with lab.answer("uas_answer", lab.second_carrier) as carrier:
        with trunk.call(
            "uac_late_offer", TO_SECOND_CARRIER, options=TALK, transport=transport
        ) as pbx:
            pbx.succeed()
        carrier.succeed()
        offer = body(carrier, "INVITE")
        ack = carrier.received("ACK")
    assert "RTP/AVP 0 101" in offer, "the edge makes an offer of its own"
    assert not ack.text.partition("\n\n")[2].strip(), (
        "the callee's ACK carries nothing: it has answered"
    )
    assert trunk.pbx not in offer
    record = trunk.record_of(pbx.call_id())
    assert record.members["Status"] == "Completed"


@over_each_transport
def test_hold_resume_and_refresh(lab: Lab, trunk: Trunk, transport: Transport) -> None:
    # EDGE D6, D8: SIPp checks each answer's direction itself.
    with lab.answer("uas_reinvited", lab.second_carrier) as carrier:
        with trunk.call("uac_hold", TO_SECOND_CARRIER, options=TALK, transport=transport) as pbx:
            pbx.succeed()
        carrier.succeed()
        record = trunk.record_of(pbx.call_id())
    assert record.members["Status"] == "Completed"
    assert record.members["StatusMessage"] == "Normal Call Clearing"


def test_early_media_of_a_pbx(lab: Lab) -> None:  # EDGE A2
    at = free_address(free_host())
    trunk = lab.new_trunk()
    trunk.route(Route(at))
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    with lab.answer("uas_early", at, options=TALK) as pbx:
        with lab.call_in("uac_call", number, options=TALK) as carrier:
            carrier.succeed()
        pbx.succeed()
        early, answer = body(carrier, "SIP/2.0 183"), body(carrier, "SIP/2.0 200")
    assert early.startswith("v=0")
    assert early == answer, "an answer once given may not change"
    assert at[0] not in early, "EDGE B2: the PBX shows through"


@over_each_transport
def test_no_answer(trunk: Trunk, transport: Transport) -> None:  # EDGE E6, C7
    words = {"STATUS": 480}
    with (
        window() as during,
        trunk.call("uac_refused", RINGS_FOR_EVER, words=words, transport=transport) as pbx,
    ):
        pbx.succeed()
        reason = pbx.received("SIP/2.0 480").header("Reason")
    assert reason is not None and reason.startswith("SIP;cause=408")
    record = trunk.assert_recorded(
        pbx.call_id(), RINGS_FOR_EVER, during, status="Rejected", status_message="480 No answer"
    )
    waited_ms = int(record.members["EndTime"]) - int(record.members["StartTime"])
    assert waited_ms >= NO_ANSWER_S * 1_000


@over_each_transport
@pytest.mark.parametrize(
    ("scenario", "number", "words", "status"),
    [
        ("uac_call", "+12125550107", {}, "Completed"),  # EDGE A2: early media
        ("uac_cancel", RINGS_FOR_EVER, {}, "Rejected"),  # EDGE E1
        ("uac_refused", "+12125550102", {"STATUS": 486}, "Rejected"),  # EDGE E5: busy
        ("uac_hung_up", "+12125550109", {}, "Completed"),  # EDGE D1
    ],
)
def test_ordinary_ladders(
    trunk: Trunk,
    transport: Transport,
    scenario: str,
    number: str,
    words: dict[str, str | int],
    status: str,
) -> None:
    with trunk.call(scenario, number, words=words, options=TALK, transport=transport) as pbx:
        pbx.succeed()
        record = trunk.record_of(pbx.call_id())
    assert record.members["Status"] == status


@over_each_transport
def test_digest(lab: Lab, transport: Transport) -> None:  # EDGE G1, G6
    trunk = lab.new_trunk()
    trunk.protect("pbx", "secret")
    trunk.permit()
    trunk.await_effect()
    number = "+12125550100"
    words = {"USER": "pbx", "PASSWORD": "secret"}
    # Else SIPp hashes the address that it sends to, which is not the Request-URI.
    options = (*TALK, "-auth_uri", f"{number}@{trunk.host}")
    with trunk.call("uac_digest", number, words=words, options=options, transport=transport) as pbx:
        pbx.succeed()
        record = trunk.record_of(pbx.call_id())
    assert record.members["SipAuthUser"] == "pbx"


@over_each_transport
@pytest.mark.parametrize("first", [503, 500])
def test_failover(lab: Lab, transport: Transport, first: int) -> None:  # EDGE F4, R34: 503
    """The caller hears nothing of the carrier that fails, over any transport of its own."""
    trunk = lab.new_trunk()
    trunk.permit()
    trunk.await_effect()
    words = {"STATUS": first, "PHRASE": "Failure"}
    with lab.answer("uas_refuse", lab.second_carrier, words=words) as carrier:
        with trunk.call(
            "uac_refused", TO_SECOND_CARRIER, words={"STATUS": 503}, transport=transport
        ) as pbx:
            pbx.succeed()
            record = trunk.record_of(pbx.call_id())
        carrier.succeed()
    assert pbx.received("SIP/2.0 503").header("Retry-After") is None
    assert str(record.members["StatusMessage"]).startswith("503 ")
