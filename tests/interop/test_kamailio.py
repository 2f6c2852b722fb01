"""kamailio between the edge and SIPp, once in front of a PBX and once as the carrier's proxy.

Both ends are reached through its Record-Route alone, in both directions.
"""

import pytest

from edge.flow import Address, Transport
from tests.e2e.lab import CALLER, TALK, Lab, Route, Trunk
from tests.e2e.sipp import Sipp, free_address, free_host
from tests.interop.conftest import TO_SECURE_CARRIER
from tests.interop.kamailio import Secure, kamailio

pytestmark = [
    pytest.mark.sockets,
    pytest.mark.sipp,
    pytest.mark.interop,
    pytest.mark.xdist_group("interop"),
]

TO_SECOND_CARRIER = "+12125550106"
"""The simulated network answers 503: the call goes to the carrier that kamailio stands before."""
ANSWERS, HANGS_UP = "+12125550100", "+12125550109"
over_what_sipp_speaks = pytest.mark.parametrize(
    "transport", [Transport.UDP, Transport.TCP], ids=str
)
over_each_transport = pytest.mark.parametrize("transport", Transport, ids=str)


def elsewhere() -> Address:
    """Return an address that no allow list and no carrier knows."""
    return free_address(free_host())


def called(sipp: Sipp) -> str:
    """Return the Call-ID of the only call that came in, which must have come through a proxy."""
    invite = sipp.received("INVITE")
    assert (invite.header("Record-Route") or "").startswith("<sip:127.")
    call_id = invite.header("Call-ID")
    assert call_id is not None
    return call_id


def assert_completed(trunk: Trunk, call_id: str) -> None:
    record = trunk.record_of(call_id)
    assert record.members["Status"] == "Completed"
    assert record.members["StatusMessage"] == "Normal Call Clearing"


@over_each_transport
@pytest.mark.parametrize(
    ("caller", "number"), [("uac_routed", ANSWERS), ("uac_routed_hung_up", HANGS_UP)]
)
def test_a_pbx_calls_through_its_sbc(
    lab: Lab, transport: Transport, caller: str, number: str
) -> None:
    # EDGE S16, D3, W7: the edge knows the SBC alone; ACK and BYE come along its route, over TLS
    # along both of its addresses.
    trunk, pbx_at = lab.new_trunk(), elsewhere()
    trunk.permit()
    trunk.await_effect()
    at, secure = free_address(trunk.pbx), None
    if transport is Transport.TLS:
        secure = Secure(free_address(trunk.pbx), lab.certificate(trunk.pbx), lab.ca_file)
    inside = Transport.TCP if secure else transport
    edge = lab.tls if secure else lab.edge
    keys = {"number": number, "connector": trunk.host, "caller": CALLER}
    with (
        kamailio(lab.folder, at=at, edge=edge, behind=pbx_at, transport=inside, secure=secure),
        Sipp(
            caller, lab.folder, at=pbx_at, to=at, keys=keys, options=TALK, transport=inside
        ) as pbx,
    ):
        pbx.succeed()
        assert_completed(trunk, pbx.call_id())


@over_what_sipp_speaks
@pytest.mark.parametrize("callee", ["uas_routed_answer", "uas_routed_hangs_up"])
def test_a_pbx_is_called_through_its_sbc(lab: Lab, transport: Transport, callee: str) -> None:
    # EDGE I1, S12: the PBX's Contact is at an address that the edge may not send to.
    trunk, pbx_at = lab.new_trunk(), elsewhere()
    at = free_address(trunk.pbx)
    trunk.route(Route(at, transport=transport))
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    with (
        kamailio(lab.folder, at=at, edge=lab.edge, behind=pbx_at, transport=transport),
        lab.answer(callee, pbx_at, options=TALK, transport=transport) as pbx,
    ):
        report = lab.stand.call(number, duration_s=0.3 if callee == "uas_routed_answer" else 20.0)
        assert report["answered"], report
        pbx.succeed()
        assert_completed(trunk, called(pbx))


def test_a_pbx_that_wants_encryption_is_called_through_its_sbc(lab: Lab) -> None:
    # EDGE W9, W12, R12: TLS to the SBC, which shows a certificate for the address of the route
    trunk, pbx_at = lab.new_trunk(encrypted=True), elsewhere()
    secure = Secure(free_address(trunk.pbx), lab.certificate(trunk.pbx), lab.ca_file)
    trunk.route(Route(secure.at))
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    at, inside = free_address(trunk.pbx), Transport.TCP
    with (
        kamailio(lab.folder, at=at, edge=lab.tls, behind=pbx_at, transport=inside, secure=secure),
        lab.answer("uas_routed_secure", pbx_at, options=TALK, transport=inside) as pbx,
    ):
        report = lab.stand.call(number, duration_s=0.3)
        assert report["answered"], report
        pbx.succeed()
        assert_completed(trunk, called(pbx))
        assert "RTP/SAVP 0 101" in pbx.received("INVITE").text


each_hangs_up = pytest.mark.parametrize(
    ("caller", "callee"),
    [("uac_call", "uas_routed_answer"), ("uac_hung_up", "uas_routed_hangs_up")],
)


@over_what_sipp_speaks
@each_hangs_up
def test_a_carrier_is_reached_through_its_proxy(
    lab: Lab, transport: Transport, caller: str, callee: str
) -> None:  # EDGE F13, S12
    trunk, carrier_at = lab.new_trunk(), elsewhere()
    trunk.permit()
    trunk.await_effect()
    with (
        kamailio(lab.folder, at=lab.second_carrier, edge=lab.edge, behind=carrier_at),
        lab.answer(callee, carrier_at, options=TALK) as carrier,
        trunk.call(caller, TO_SECOND_CARRIER, options=TALK, transport=transport) as pbx,
    ):
        pbx.succeed()
        carrier.succeed()
        called(carrier)
        assert_completed(trunk, pbx.call_id())


@each_hangs_up
def test_a_carrier_is_reached_over_tls(
    lab: Lab, secure_carrier: Address, caller: str, callee: str
) -> None:  # EDGE F13, W7, W9: the proxy shows a certificate for the address in the settings
    trunk, carrier_at = lab.new_trunk(), elsewhere()
    trunk.permit()
    trunk.await_effect()
    host = secure_carrier[0]
    secure = Secure(secure_carrier, lab.certificate(host), lab.ca_file)
    number = f"{TO_SECURE_CARRIER}5550100"
    with (
        kamailio(
            lab.folder,
            at=free_address(host),
            edge=lab.tls,
            behind=carrier_at,
            transport=Transport.TCP,
            secure=secure,
        ),
        lab.answer(callee, carrier_at, options=TALK, transport=Transport.TCP) as carrier,
        trunk.call(caller, number, options=TALK, transport=Transport.TLS) as pbx,
    ):
        pbx.succeed()
        carrier.succeed()
        called(carrier)
        assert_completed(trunk, pbx.call_id())
