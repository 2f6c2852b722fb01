"""Hold and resume by either side of a call, with SIPp as carrier and as PBX."""

from collections.abc import Iterator

import pytest

from edge.flow import Address
from tests.e2e.lab import Lab, Route, Trunk
from tests.e2e.sipp import free_address, free_host

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("inbound")]


@pytest.fixture(scope="module")
def pbx_at() -> Address:
    return free_address(free_host())


@pytest.fixture(scope="module")
def trunk(lab: Lab, pbx_at: Address) -> Iterator[Trunk]:
    made = lab.new_trunk()
    made.route(Route(pbx_at))
    yield made


@pytest.fixture(scope="module")
def number(trunk: Trunk) -> str:
    ordered = trunk.number()
    trunk.permit()
    trunk.await_effect()
    return ordered


def test_a_hold_of_the_caller_reaches_the_pbx_and_a_new_port_does_not(
    lab: Lab, trunk: Trunk, number: str, pbx_at: Address
) -> None:
    # EDGE D6, D8: hold, resume, refresh. The PBX fails at a third re-INVITE.
    with lab.answer("uas_held", pbx_at) as pbx:
        with lab.call_in("uac_holds", number) as carrier:
            carrier.succeed()
        pbx.succeed()
        call_id = pbx.received("INVITE").header("Call-ID")
        assert call_id is not None
        record = trunk.record_of(call_id)
    assert record.members["StatusMessage"] == "Normal Call Clearing"


def test_a_hold_of_the_pbx_reaches_the_caller(
    lab: Lab, trunk: Trunk, number: str, pbx_at: Address
) -> None:
    # EDGE D6, D8: the simulated carrier answers a hold as it should.
    with lab.answer("uas_holds", pbx_at) as pbx:
        report = lab.stand.call(number, duration_s=2.0)
        pbx.succeed()
        answers = [it for it in pbx.messages() if it.start_line == "SIP/2.0 200 OK"]
        assert ["a=recvonly" in it.text for it in answers if not it.sent] == [True, False]
    assert (report["answered"], report["ended_by"]) == (True, "us")
