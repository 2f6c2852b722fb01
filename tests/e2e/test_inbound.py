"""Calls from the public network through a connector to a PBX, with SIPp as the PBX."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from edge.flow import Address
from model.settings import RoutingSettings
from tests.e2e.lab import CALLER, Lab, Route, Trunk
from tests.e2e.records import Window, assert_record, window
from tests.e2e.sipp import Sipp, free_address, free_host

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("inbound")]

FIRST_RESPONSE_S = RoutingSettings().first_response_s
OVC_CALLER = "+12125552001"
"""What `ovc call` shows unless it is told otherwise."""


def pbx_address() -> Address:
    """Return where a PBX may listen."""
    return free_address(free_host())


@contextmanager
def black_hole() -> Iterator[socket.socket]:
    """Hold a port that takes everything and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind((free_host(), 0))
        yield held


def trunk_to(lab: Lab, *routes: Route) -> tuple[Trunk, str]:
    """Return a connector with these routes, in effect, and its number."""
    trunk = lab.new_trunk()
    trunk.route(*routes)
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    return trunk, number


def assert_inbound_record(
    trunk: Trunk,
    number: str,
    call_id: str,
    during: Window,
    *,
    caller: str = OVC_CALLER,
    **members: Any,
) -> None:
    """Compare the only record of a connector that had one call."""
    (record,) = trunk.records()
    assert_record(
        record,
        during,
        connector_id=trunk.connector_id,
        call_id=call_id,
        from_number=caller,
        to_number=number,
        disposition="Origination",
        **members,
    )


def test_a_call_reaches_the_pbx_and_the_caller_hangs_up(lab: Lab) -> None:
    # EDGE I1-I3, C1-C7
    at = pbx_address()
    trunk, number = trunk_to(lab, Route(at))
    with window() as during, lab.answer("uas_answer", at) as pbx:
        report = lab.stand.call(number, duration_s=0.3)
        pbx.succeed()
        invite = pbx.received("INVITE")
        call_id = invite.header("Call-ID")
        assert call_id is not None
        trunk.record_of(call_id)
    assert (report["answered"], report["status"], report["ended_by"]) == (True, 200, "us")
    assert invite.start_line == f"INVITE sip:{number}@{trunk.host} SIP/2.0"
    assert invite.header("X-VoiceConnector-ID") == trunk.connector_id
    assert invite.header("P-Asserted-Identity") == f"<sip:{OVC_CALLER}@127.0.0.1>"
    assert invite.header("Via") is not None and "User-Agent: Simulated" not in invite.text
    assert_inbound_record(trunk, number, call_id, during)


def test_the_pbx_hangs_up(lab: Lab) -> None:
    # EDGE D1
    at = pbx_address()
    trunk, number = trunk_to(lab, Route(at))
    with window() as during, lab.answer("uas_hangs_up", at, options=("-d", "300")) as pbx:
        report = lab.stand.call(number, duration_s=20.0)
        pbx.succeed()
        call_id = pbx.received("INVITE").header("Call-ID")
        assert call_id is not None
        trunk.record_of(call_id)
    assert (report["answered"], report["ended_by"]) == (True, "them")
    assert_inbound_record(trunk, number, call_id, during)


def test_a_caller_who_gives_up_cancels_the_pbx(lab: Lab) -> None:
    # EDGE E1, with SIPp as the carrier too.
    at = pbx_address()
    trunk, number = trunk_to(lab, Route(at))
    with window() as during, lab.answer("uas_cancelled", at) as pbx:
        with lab.call_in("uac_cancel", number) as carrier:
            carrier.succeed()
        pbx.succeed()
        call_id = pbx.received("INVITE").header("Call-ID")
        assert call_id is not None
        trunk.record_of(call_id)
    assert_inbound_record(
        trunk,
        number,
        call_id,
        during,
        caller=CALLER,
        status="Rejected",
        status_message="487 Request Terminated",
    )


@pytest.mark.parametrize(
    ("status", "phrase"), [(486, "Busy Here"), (603, "Decline"), (404, "Not Found")]
)
def test_a_refusal_of_the_pbx_reaches_the_caller(lab: Lab, status: int, phrase: str) -> None:
    # EDGE E5, F6: these end the search, so the second route hears nothing.
    at = pbx_address()
    with black_hole() as spare:
        trunk, number = trunk_to(lab, Route(at, priority=1), Route(spare.getsockname(), priority=2))
        words = {"STATUS": status, "PHRASE": phrase}
        with window() as during, lab.answer("uas_refuse", at, words=words) as pbx:
            report = lab.stand.call(number)
            pbx.succeed()
            call_id = pbx.received("INVITE").header("Call-ID")
            assert call_id is not None
            trunk.record_of(call_id)
        assert (report["answered"], report["status"]) == (False, status)
        assert report["reason"] == phrase
        assert_inbound_record(
            trunk,
            number,
            call_id,
            during,
            status="Rejected",
            status_message=f"{status} {phrase}",
        )
        spare.setblocking(False)
        with pytest.raises(BlockingIOError):
            spare.recv(1)


def assert_second_route_takes_over(lab: Lab, trunk: Trunk, number: str, second: Address) -> None:
    """Call twice: the second route answers both, the record names its leg (EDGE F7, C7)."""
    with window() as during, lab.answer("uas_answer", second, calls=2) as pbx:
        for _ in range(2):
            report = lab.stand.call(number, duration_s=0.2)
            assert (report["answered"], report["status"]) == (True, 200)
        pbx.succeed()
        invites = {
            it.header("Call-ID"): it for it in pbx.messages() if it.start_line.startswith("INVITE")
        }
        assert len(invites) == 2
        for call_id in invites:
            assert call_id is not None
            record = trunk.record_of(call_id)
    for record in trunk.records():
        assert_record(
            record,
            during,
            connector_id=trunk.connector_id,
            call_id=str(record.members["CallId"]),
            from_number=OVC_CALLER,
            to_number=number,
            disposition="Origination",
        )
    assert {it.members["CallId"] for it in trunk.records()} == set(invites)


def test_a_dead_route_is_passed_over_at_once(lab: Lab) -> None:
    # EDGE F4: ICMP port unreachable. The second call does not even try (F9).
    second = pbx_address()
    trunk, number = trunk_to(lab, Route(pbx_address(), priority=1), Route(second, priority=2))
    began = time.monotonic()
    assert_second_route_takes_over(lab, trunk, number, second)
    assert time.monotonic() - began < FIRST_RESPONSE_S, "it was waited for"


def test_a_silent_route_is_given_up_after_four_seconds(lab: Lab) -> None:
    # EDGE F4, F9: four INVITEs at 0, 0.5, 1.5 and 3.5 s, then the next route; the second call
    # goes there directly.
    second = pbx_address()
    with black_hole() as silent:
        trunk, number = trunk_to(lab, Route(silent.getsockname(), priority=1), Route(second, 2))
        assert_second_route_takes_over(lab, trunk, number, second)
        silent.settimeout(1.0)
        heard = [silent.recv(65_536) for _ in range(4)]
        assert all(it.startswith(f"INVITE sip:{number}@".encode()) for it in heard)
        assert len(set(heard)) == 1, "the repetitions of a request differ"


def test_a_route_that_answers_503_is_passed_over(lab: Lab) -> None:
    # EDGE F4, F9: the caller hears nothing of it, and the second call spares the route.
    first, second = pbx_address(), pbx_address()
    trunk, number = trunk_to(lab, Route(first, priority=1), Route(second, priority=2))
    words = {"STATUS": 503, "PHRASE": "Service Unavailable"}
    with lab.answer("uas_refuse", first, words=words) as broken:
        assert_second_route_takes_over(lab, trunk, number, second)
        broken.succeed()


def test_with_no_route_left_the_caller_hears_480(lab: Lab) -> None:
    # EDGE R35: never 503, which would make a carrier avoid the edge.
    first, second = pbx_address(), pbx_address()
    trunk, number = trunk_to(lab, Route(first, priority=1), Route(second, priority=2))
    with window() as during:
        words = {"STATUS": 503, "PHRASE": "Service Unavailable"}
        with lab.answer("uas_refuse", second, words=words) as pbx:
            report = lab.stand.call(number)
            pbx.succeed()
            call_id = pbx.received("INVITE").header("Call-ID")
            assert call_id is not None
            trunk.record_of(call_id)
    assert (report["answered"], report["status"]) == (False, 480)
    assert_inbound_record(
        trunk,
        number,
        call_id,
        during,
        status="Rejected",
        status_message="480 All routes failed",
    )


def test_equal_priorities_share_the_calls_by_weight(lab: Lab) -> None:
    # EDGE F1-F3: four of twelve calls go to a route of weight 1 beside one of 100 in one of
    # 200,000 runs.
    heavy, light = pbx_address(), pbx_address()
    _, number = trunk_to(lab, Route(light, weight=1), Route(heavy, weight=100))
    busy = {"STATUS": 486, "PHRASE": "Busy Here"}
    calls = 12
    with (
        lab.answer("uas_refuse", heavy, words=busy, calls=calls) as often,
        lab.answer("uas_refuse", light, words=busy, calls=calls) as seldom,
    ):
        for _ in range(calls):
            assert lab.stand.call(number)["status"] == 486

        def heard(pbx: Sipp) -> int:
            return len({it.header("Call-ID") for it in pbx.messages()})

        assert heard(often) + heard(seldom) == calls
        assert heard(seldom) <= 3
