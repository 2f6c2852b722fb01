"""What a customer sees of its SIP: its own leg, both ways, without secrets (EDGE X3, S14)."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.flow import Address
from edge.runtime.log_sink import OVERHEAD_BYTES
from edge.seam import Counted, PeersSeen, WriteLog
from edge.sip_log import FADES_S, LONGEST_MESSAGE_BYTES, MESSAGES_AT_ONCE, MOST_FADING
from model.configurations import Logging
from model.connector import Connector
from model.connector_logs import ConnectorLog, LogSettings, LogTarget
from tests.core.stand import (
    CARRIER,
    CONNECTOR_ID,
    EDGE,
    EPOCH,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    SECOND_PBX,
    SETTINGS,
    Node,
    Stage,
    connector,
    number,
)
from tests.core.test_on_net import ON_NET_URI, OTHER_ID, callee_side, caller_side, of
from tests.policy.world import OFFER, datagram
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link

ANSWERS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180), Step(1.0, 200)))
BUSY = CalleePlan(steps=(Step(0.0, 486),))
OUT_OF_SERVICE = CalleePlan(steps=(Step(0.0, 503),))
STRANGER: Address = ("192.0.2.200", 5060)


def request(
    method: str = "INVITE",
    uri: str = OUTBOUND_URI,
    call_id: str = "1",
    *,
    body: bytes = OFFER,
    more: tuple[str, ...] = (),
) -> bytes:
    """Return a request of the PBX outside any dialog."""
    via = f"SIP/2.0/UDP {PBX[0]}:5060;branch=z9hG4bK{call_id}{len(uri)};rport"
    return datagram(method, uri, via=via, fields=(f"Call-ID: {call_id}", *more), body=body)


def logging(made: Connector) -> Connector:
    return replace(made, logging=Logging(sip_messages=True))


def firsts(node: Node, connector_id: str = CONNECTOR_ID) -> list[str]:
    """Return method or status of what a connector's log holds, in its order."""
    return [_first(it) for it in node.sip_logs if it.connector_id == connector_id]


def _first(entry: WriteLog) -> str:
    word, second, _ = str(entry.record["sip_message"]).split(" ", 2)
    return second if word == "SIP/2.0" else word


def of_call(node: Node, entry: WriteLog) -> list[str]:
    """Return what the log holds of the same Call-ID."""
    call_id = entry.record["call_id"]
    return [_first(it) for it in node.sip_logs if it.record["call_id"] == call_id]


def messages(node: Node) -> str:
    return "".join(str(it.record["sip_message"]) for it in node.sip_logs)


def test_a_call_out_is_told_message_by_message_both_ways() -> None:  # EDGE X3
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(logging(connector())), carrier=ANSWERS)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run()
        node = stage.node
        assert firsts(node) == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]
        for entry in node.sip_logs:
            assert entry.log is ConnectorLog.SIP_MESSAGES
            assert list(entry.record) == [
                *("voice_connector_id", "aws_region", "event_timestamp", "call_id"),
                "sip_message",
            ]
            assert entry.record["voice_connector_id"] == CONNECTOR_ID
            assert entry.record["aws_region"] == "us-east-1"
            assert entry.record["call_id"] == call.invite.call_id == stage.record.call_id
            assert entry.record["event_timestamp"] == round(1000 * entry.at.timestamp())
        began = node.sip_logs[0]
        assert began.at >= EPOCH and str(began.record["sip_message"]).endswith("\r\n")
        # Nothing of the leg toward the carrier.
        assert CARRIER[0] not in messages(node)
        stage.assert_quiet()


def test_a_call_in_shows_the_leg_to_the_pbx_and_each_attempt() -> None:  # EDGE X3, X8
    with lossy_link(1) as link:
        node = Node(logging(connector()))
        stage = Stage(link, node=node, pbx=OUT_OF_SERVICE, second_pbx=ANSWERS)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run()
        first, second = [it for it in node.sip_logs if _first(it) == "INVITE"]
        assert first.record["call_id"] != second.record["call_id"] == stage.record.call_id
        assert of_call(node, first) == ["INVITE", "503", "ACK"]
        assert of_call(node, second) == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]
        assert CARRIER[0] not in re.sub(r"P-Asserted-Identity[^\r]*", "", messages(node))
        stage.assert_quiet()


def test_a_challenge_and_the_call_after_it_are_told_without_secrets() -> None:  # EDGE X3, S14
    with lossy_link(1) as link:
        node = Node(logging(connector(user=("pbx", "hunter2"))))
        stage = Stage(link, node=node, carrier=ANSWERS)
        plan = CallerPlan(bye_after_s=1.0, credentials=("pbx", "hunter2"))
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        begin = ["INVITE", "407", "ACK", "INVITE", "100"]
        assert firsts(node)[:5] == begin
        shown = messages(node)
        proofs = re.findall(r'(?:response|nonce|cnonce)="?([^",\r\n]+)', shown)
        assert len(proofs) >= 4 and all(set(it) == {"*"} for it in proofs)
        assert 'username="pbx"' in shown
        stage.assert_quiet()


def test_keys_of_media_are_masked() -> None:  # EDGE S14
    node = Node(logging(connector()))
    key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
    body = OFFER + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n".encode()
    node.ask(request(body=body), PBX, 0.0)
    assert key not in messages(node)
    assert f"inline:{'*' * len(key)}" in messages(node)


def test_a_refused_invite_is_told_once_its_connector_is_known() -> None:  # EDGE X3
    node = Node(logging(connector()))
    node.ask(request(uri=f"sip:+9@{HOST}", call_id="refused"), PBX, 0.0)
    assert firsts(node) == ["INVITE", "403"]
    node.ask(request(uri="sip:+1@elsewhere.example", call_id="nowhere"), PBX, 0.1)
    assert len(node.sip_logs) == 2


def test_repetitions_are_told_as_they_come() -> None:  # EDGE X3
    node = Node(logging(connector()))
    for turn in range(3):
        node.ask(request(uri=f"sip:+9@{HOST}", call_id="refused"), PBX, 0.1 * turn)
    node.tick(0.6)
    assert firsts(node) == [*3 * ["INVITE", "403"], "403"]


@pytest.mark.parametrize("remote", [STRANGER, CARRIER], ids=["a stranger", "a carrier"])
def test_nobody_else_writes_into_a_connectors_log(remote: Address) -> None:  # EDGE X3, S16
    node = Node(logging(connector()))
    node.ask(request(), remote, 0.0)
    assert node.sip_logs == []


def test_a_stranger_that_guesses_a_call_id_is_not_told_of() -> None:  # EDGE X3, S16
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(logging(connector())), carrier=ANSWERS)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        before = len(stage.node.sip_logs)
        bye = request("BYE", call_id=call.invite.call_id)
        stage.node.take(bye, stage.node.all_sent[0][1]._replace(remote=STRANGER), 5.0)
        assert len(stage.node.sip_logs) == before


def test_another_address_of_the_pbx_belongs_to_the_call() -> None:  # EDGE X3, S10
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(logging(connector())), carrier=ANSWERS)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        before = len(stage.node.sip_logs)
        bye = request("BYE", call_id=call.invite.call_id)
        stage.node.take(bye, stage.node.all_sent[0][1]._replace(remote=SECOND_PBX), 5.0)
        assert [_first(it) for it in stage.node.sip_logs[before:]] == ["BYE", "481"]


def test_each_side_of_a_call_between_customers_sees_its_own_leg() -> None:  # EDGE X3, N1
    with lossy_link(1) as link:
        numbers = (number(), of(OTHER_ID))
        node = Node(logging(caller_side()), logging(callee_side()), numbers=numbers)
        stage = Stage(link, node=node, second_pbx=ANSWERS)
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        for connector_id, address in ((CONNECTOR_ID, PBX), (OTHER_ID, SECOND_PBX)):
            of_one = [it for it in node.sip_logs if it.connector_id == connector_id]
            assert len(of_one) == 7
            ids = {it.record["call_id"] for it in of_one}
            (record,) = [it for it in node.records if it.connector_id == connector_id]
            assert ids == {record.call_id}
            assert any(address[0] in str(it.record["sip_message"]) for it in of_one)


def test_only_the_customer_that_wants_it_is_logged() -> None:  # EDGE X3
    with lossy_link(1) as link:
        numbers = (number(), of(OTHER_ID))
        node = Node(caller_side(), logging(callee_side()), numbers=numbers)
        stage = Stage(link, node=node, second_pbx=ANSWERS)
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        assert {it.connector_id for it in node.sip_logs} == {OTHER_ID}
        assert firsts(node, OTHER_ID)[0] == "INVITE"
        stage.assert_quiet()


def test_pings_that_name_the_connector_are_told() -> None:  # EDGE X3, F11
    node = Node(logging(connector()))
    node.ask(request("OPTIONS", f"sip:{HOST}", "ping"), PBX, 0.0)
    node.ask(request("OPTIONS", f"sip:{EDGE[0]}", "other"), PBX, 0.0)
    assert firsts(node) == ["OPTIONS", "200"]


def test_a_call_that_waits_for_its_count_is_told_from_its_invite_on() -> None:  # EDGE X3, R15
    with lossy_link(1) as link:
        node = Node(logging(connector()))
        stage = Stage(link, node=node, carrier=ANSWERS)
        node.hear(PeersSeen(1, {}), 0.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run(0.05)
        assert firsts(node) == ["INVITE", "100"] and len(node.asked) == 1
        node.hear(Counted(CONNECTOR_ID, 1, 1.0), 0.05)
        link.run()
        assert firsts(node) == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]
        stage.assert_quiet()


def test_it_is_switched_off_while_a_call_is_up_and_on_for_the_next() -> None:  # EDGE X3
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(logging(connector())), carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        stage.node.load(connector())
        told = len(stage.node.sip_logs)
        link.run()
        assert len(stage.node.sip_logs) == told == 5
        stage.assert_quiet()


@pytest.mark.parametrize("target", [LogTarget.STDOUT, LogTarget.NONE])
def test_an_operator_may_want_them_elsewhere_or_not_at_all(target: LogTarget) -> None:  # EDGE X3
    settings = replace(SETTINGS, logs=LogSettings(target=target))
    node = Node(logging(connector()), settings=settings)
    node.ask(request("OPTIONS", f"sip:{HOST}"), PBX, 0.0)
    assert node.sip_logs == []
    lines = [it for it in node.logs if it.event == "sip-message"]
    assert len(lines) == (2 if target is LogTarget.STDOUT else 0)


def test_a_customer_that_wants_none_has_none() -> None:  # EDGE X3
    with lossy_link(1) as link:
        stage = Stage(link, carrier=BUSY)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert stage.node.sip_logs == []
        assert not stage.node.core._sip_log.is_on


@pytest.mark.parametrize("octets", [b"\x01", b"\xff", "\u00e9".encode(), b"x"], ids=repr)
def test_a_message_is_cut_to_what_an_event_holds_whatever_it_is_made_of(octets: bytes) -> None:
    # EDGE X3, S14: even one that is not read any further
    node = Node(logging(connector()))
    node.ask(request("OPTIONS", f"sip:{HOST}"), PBX, 0.0)
    node.ask(request("MESSAGE", f"sip:{HOST}") + 30_000 * octets, PBX, 1.0)
    node.ask(request("MESSAGE", f"sip:{HOST}") + 60_000 * octets[:1], PBX, 2.0)
    for entry in node.sip_logs:
        assert len(json.dumps(entry.record)) + OVERHEAD_BYTES < 256 * 1024
    *_, longest, _ = node.sip_logs
    assert str(longest.record["sip_message"]).endswith("...")
    assert LONGEST_MESSAGE_BYTES < 60_000


def test_control_characters_leave_escaped() -> None:  # EDGE S14
    node = Node(logging(connector()))
    node.ask(request("OPTIONS", f"sip:{HOST}", more=("X-Evil: \x1b[31m\xe9",)), PBX, 0.0)
    line = json.dumps(node.sip_logs[0].record)
    assert line.isascii() and line.isprintable()


def test_a_flood_costs_a_bounded_number_of_entries() -> None:  # EDGE X3
    node = Node(logging(connector()))
    for turn in range(int(MESSAGES_AT_ONCE)):
        node.ask(request("OPTIONS", f"sip:{HOST}", str(turn)), PBX, 0.0)
    assert len(node.sip_logs) == MESSAGES_AT_ONCE
    (line,) = [it for it in node.logs if it.event == "sip-messages-suppressed"]
    assert line.fields["connector_id"] == CONNECTOR_ID


def test_what_is_remembered_of_refused_calls_is_bounded_and_fades() -> None:  # EDGE X3
    node = Node(logging(connector()))
    for turn in range(MOST_FADING + 50):
        node.ask(request("OPTIONS", f"sip:{HOST}", str(turn)), PBX, turn * 1e-4)
    log = node.core._sip_log
    assert len(log._exchanges) == MOST_FADING
    node.tick(FADES_S + 2.0)
    assert len(log._exchanges) == 0 and not log.armed


def test_a_proxy_that_tries_another_connector_shows_its_call_to_that_one_alone() -> None:
    # EDGE X3, S16
    shared = replace(callee_side(), termination=caller_side().termination)
    node = Node(logging(caller_side()), logging(shared))
    node.ask(request(uri=f"sip:+9@{HOST}", call_id="same"), PBX, 0.0)
    others = HOST.replace(CONNECTOR_ID, OTHER_ID)
    again = request(uri=f"sip:+88@{others}", call_id="same", more=("CSeq: 2 INVITE",))
    node.ask(again, PBX, 0.1)
    assert firsts(node) == firsts(node, OTHER_ID) == ["INVITE", "403"]
    assert "+88" not in "".join(
        str(it.record["sip_message"]) for it in node.sip_logs if it.connector_id == CONNECTOR_ID
    )


def test_an_invite_that_cannot_be_read_is_told_if_it_names_the_connector() -> None:  # EDGE X3, R18
    node = Node(logging(connector()))
    node.ask(request(more=("Max-Forwards: many",)), PBX, 0.0)
    assert firsts(node) == ["INVITE", "400"]


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"Call-ID: 1", b"i : 1\r\n", b"\r\nCall-ID: 1"])
)
def test_any_octets_are_told_or_left_alone(octets: bytes, named: bytes) -> None:  # EDGE X3, S14
    node = Node(logging(connector()))
    node.ask(request("OPTIONS", f"sip:{HOST}"), PBX, 0.0)
    node.ask(octets + named + octets, PBX, 1.0)
    for entry in node.sip_logs:
        line = json.dumps(entry.record)
        assert line.isascii() and line.isprintable() and entry.connector_id == CONNECTOR_ID


@pytest.mark.parametrize("written", ["Call-ID: ", "i:", "CALL-ID :  ", "call-id:\t"])
def test_a_call_id_is_found_however_it_is_written(written: str) -> None:  # EDGE X3, W14
    node = Node(logging(connector()))
    options = request("OPTIONS", f"sip:{HOST}", "other").replace(b"Call-ID: ", written.encode())
    node.ask(options, PBX, 0.0)
    assert firsts(node) == ["OPTIONS", "200"]
    assert node.sip_logs[0].record["call_id"] == "other"
