"""Calls between connectors and to groups of them, and the pings of PBXs; SIPp is every PBX."""

from datetime import UTC, datetime, timedelta

import pytest

from edge.flow import Address
from tests.e2e.lab import CALLER, TALK, Lab, Route, Trunk, eventually
from tests.e2e.records import assert_record, window
from tests.e2e.sipp import free_address, free_host

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("on-net")]


def pbx_address() -> Address:
    """Return where a PBX may listen."""
    return free_address(free_host())


def trunk_to(lab: Lab, at: Address) -> Trunk:
    """Return a connector whose calls go to one PBX; the caller awaits its effect."""
    trunk = lab.new_trunk()
    trunk.route(Route(at))
    return trunk


def in_effect(trunk: Trunk) -> Trunk:
    trunk.permit()
    trunk.await_effect()
    return trunk


def test_a_call_between_two_connectors_leaves_a_record_with_each(lab: Lab) -> None:
    # EDGE N1, O5, 1.12: on-net
    at = pbx_address()
    callee = trunk_to(lab, at)
    number = callee.number()
    in_effect(callee)
    caller = in_effect(lab.new_trunk())
    with window() as during, lab.answer("uas_answer", at) as theirs:
        with caller.call("uac_call", number, options=TALK) as ours:
            ours.succeed()
            theirs.succeed()
            invite = theirs.received("INVITE")
            call_id = invite.header("Call-ID")
            assert call_id is not None and call_id != ours.call_id()
            made, taken = caller.record_of(ours.call_id()), callee.record_of(call_id)
    assert invite.start_line == f"INVITE sip:{number}@{callee.host} SIP/2.0"
    assert invite.header("X-VoiceConnector-ID") == callee.connector_id
    assert invite.header("P-Asserted-Identity") == f"<sip:{CALLER}@127.0.0.1>"
    assert caller.host not in invite.text and caller.pbx not in invite.text  # B2
    for record, trunk, of_leg, disposition in (
        (made, caller, ours.call_id(), "Termination"),
        (taken, callee, call_id, "Origination"),
    ):
        assert_record(
            record,
            during,
            connector_id=trunk.connector_id,
            call_id=of_leg,
            from_number=CALLER,
            to_number=number,
            disposition=disposition,
        )
    assert made.members["TransactionId"] != taken.members["TransactionId"]
    assert made.members["BillableDuration"] == taken.members["BillableDuration"] == 6


def test_a_group_goes_on_with_its_next_connector(lab: Lab) -> None:
    # EDGE F12: the first connector's PBX is not there, and its port is closed.
    gone, at = pbx_address(), pbx_address()
    first, second = trunk_to(lab, gone), trunk_to(lab, at)
    number = first.number()
    group = lab.voice.create_voice_connector_group(
        Name="both",
        VoiceConnectorItems=[
            {"VoiceConnectorId": second.connector_id, "Priority": 2},
            {"VoiceConnectorId": first.connector_id, "Priority": 1},
        ],
    )["VoiceConnectorGroup"]
    lab.voice.associate_phone_numbers_with_voice_connector_group(
        VoiceConnectorGroupId=group["VoiceConnectorGroupId"],
        E164PhoneNumbers=[number],
        ForceAssociate=True,
    )
    in_effect(first)
    in_effect(second)
    with window() as during, lab.answer("uas_answer", at) as pbx:
        report = lab.stand.call(number, duration_s=0.3)
        pbx.succeed()
        invite = pbx.received("INVITE")
        call_id = invite.header("Call-ID")
        assert call_id is not None
        record = second.record_of(call_id)
    assert report["answered"] is True
    assert invite.start_line == f"INVITE sip:{number}@{second.host} SIP/2.0"
    assert record.members["VoiceConnectorId"] == second.connector_id
    assert during.holds(record.members["StartTime"], record.members["EndTime"])
    assert first.records() == []


def test_a_ping_is_shown_as_termination_health(lab: Lab) -> None:
    # EDGE F11; API TH1
    before = datetime.now(UTC) - timedelta(seconds=1)
    trunk = in_effect(lab.new_trunk())  # with an OPTIONS from its PBX that gets its 200

    def health() -> dict[str, object] | None:
        told = lab.voice.get_voice_connector_termination_health(
            VoiceConnectorId=trunk.connector_id
        )["TerminationHealth"]
        return told or None

    told = eventually(health, "the connector's health")
    assert told["Source"] == trunk.pbx
    at = told["Timestamp"]
    assert isinstance(at, datetime)
    assert before <= at <= datetime.now(UTC) + timedelta(seconds=1)
