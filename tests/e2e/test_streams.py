"""Calls over TCP, with SIPp, and over TLS, with our own agent; what strangers meet there."""

import socket
import ssl
import time

import pytest

from edge.flow import Transport
from tests.e2e.lab import CALLER, PSTN, TALK, Lab, Route, Trunk
from tests.e2e.records import window
from tests.e2e.sipp import free_address, free_host
from tests.support.agent import Agent, CallerPlan
from tests.support.stream_wire import StreamWire

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("streams")]


def test_a_pbx_calls_over_tcp(lab: Lab, trunk: Trunk) -> None:
    # EDGE W1, W5, B3
    with (
        window() as during,
        trunk.call("uac_call", f"{PSTN}0100", options=TALK, transport=Transport.TCP) as pbx,
    ):
        pbx.succeed()
        answer = pbx.received("SIP/2.0 200")
        assert answer.header("Contact") == f"<sip:127.0.0.1:{lab.edge[1]};transport=tcp>"
    trunk.assert_recorded(pbx.call_id(), f"{PSTN}0100", during)


def test_the_called_side_hangs_up_a_call_over_tcp(trunk: Trunk) -> None:
    # EDGE W6: the BYE comes over the connection that the PBX has opened.
    with trunk.call("uac_hung_up", f"{PSTN}0109", transport=Transport.TCP) as pbx:
        pbx.succeed()
        assert pbx.received("BYE ").header("Via").startswith("SIP/2.0/TCP ")  # type: ignore[union-attr]  # else it fails


def test_a_call_to_a_pbx_whose_route_says_tcp(lab: Lab) -> None:
    # EDGE W1, W6: the edge opens the connection.
    pbx = free_address(free_host())
    trunk = lab.new_trunk()
    trunk.route(Route(pbx, transport=Transport.TCP))
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    with lab.answer("uas_answer", pbx, transport=Transport.TCP) as sipp:
        report = lab.stand.call(number)
        assert report["exit_code"] in (0, 6), report  # SIPp answers without audio
        sipp.succeed()
        invite = sipp.received("INVITE ")
        assert str(invite.header("Via")).startswith("SIP/2.0/TCP 127.0.0.1:")
        assert str(invite.header("Contact")).endswith(";transport=tcp>")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_pbx_calls_over_tls(lab: Lab, trunk: Trunk, version: ssl.TLSVersion) -> None:
    # EDGE W1, W7, W8: by its name, with the CA that `ovc env` names.
    offered = lab.stand.offered()
    tls = ssl.create_default_context(cafile=offered["OVC_CA_FILE"])
    tls.minimum_version = tls.maximum_version = version
    host, _, port = offered["OVC_TLS_ADDRESS"].rpartition(":")
    edge = (host, int(port))
    agent = Agent(version.name, (trunk.pbx, 5061), transport=Transport.TLS)
    with window() as during, StreamWire(agent, edge, tls=tls, name=trunk.host) as wire:
        uri = f"sip:{PSTN}0100@{trunk.host}"
        plan = CallerPlan(bye_after_s=0.3)
        call = agent.call(uri, edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: call.finals == [200], "the call over TLS")
        assert call.final is not None and call.final.status == 200
        contact = call.final.get("contact")
        assert contact == f"<sip:{host}:{port};transport=tls>"
    trunk.assert_recorded(call.invite.call_id, f"{PSTN}0100", during)


def test_a_stranger_is_closed_after_three_bad_requests_and_kept_out(lab: Lab) -> None:
    # EDGE S2
    stranger = free_host()
    with socket.create_connection(lab.edge, 5.0, source_address=(stranger, 0)) as phone:
        for _ in range(3):
            phone.sendall(b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert phone.recv(100) == b""
    with socket.create_connection(lab.edge, 5.0, source_address=(stranger, 0)) as phone:
        assert closes(phone)
    with socket.create_connection(lab.edge, 5.0, source_address=(free_host(), 0)) as phone:
        phone.sendall(b"\r\n\r\n")
        assert phone.recv(100) == b"\r\n"


def closes(phone: socket.socket) -> bool:
    try:
        return phone.recv(100) == b""
    except ConnectionResetError:
        return True


def test_certs_and_doctor_speak_of_the_running_edge(lab: Lab) -> None:
    offered = lab.stand.offered()
    assert lab.stand.run("certs").stdout.strip() == offered["OVC_CA_FILE"]
    report = lab.stand.run("doctor").stdout
    assert f"ok       SIP over TLS: {offered['OVC_TLS_ADDRESS']} speaks TLSv1.3" in report
