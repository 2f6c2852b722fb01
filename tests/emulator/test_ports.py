"""Ports are looked at before anything is started."""

import re
import socket
from dataclasses import replace

import pytest

from emulator.ports import HOST, PortProblemError, Ports, check
from tests.e2e.running import free_port

pytestmark = pytest.mark.sockets


@pytest.fixture
def ports() -> Ports:
    names = ("api", "aws", "sip", "tls", "pstn", "pbx")
    return Ports(**{name: free_port() for name in names})


def problem(ports: Ports, *, listen: str = HOST, with_pbx: bool = True) -> str:
    with pytest.raises(PortProblemError) as refused:
        check(ports, listen=listen, with_pbx=with_pbx)
    return str(refused.value)


def test_free_ports_are_no_problem_and_stay_free(ports: Ports) -> None:
    check(ports, listen=HOST, with_pbx=True)
    check(ports, listen=HOST, with_pbx=True)


@pytest.mark.parametrize(
    ("name", "kind", "protocol"),
    [
        ("api", socket.SOCK_STREAM, "TCP"),
        ("aws", socket.SOCK_STREAM, "TCP"),
        ("sip", socket.SOCK_DGRAM, "UDP"),
        ("sip", socket.SOCK_STREAM, "TCP"),
        ("tls", socket.SOCK_STREAM, "TCP"),
        ("pstn", socket.SOCK_DGRAM, "UDP"),
        ("pstn", socket.SOCK_STREAM, "TCP"),
        ("pbx", socket.SOCK_DGRAM, "UDP"),
    ],
)
def test_a_port_in_use_is_named_with_its_option(
    ports: Ports, name: str, kind: socket.SocketKind, protocol: str
) -> None:
    port = getattr(ports, name)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, port))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        told = problem(ports)
    assert told.startswith(f"{protocol} port {port} on {HOST} is in use; ")
    assert f"--{name}-port N" in told
    assert ("--no-pbx" in told) == (name == "pbx")


def test_the_pbxs_port_does_not_matter_without_the_demo_pbx(ports: Ports) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, ports.pbx))
        check(ports, listen=HOST, with_pbx=False)


@pytest.mark.parametrize(
    ("first", "second", "protocol"), [("api", "aws", "TCP"), ("sip", "pbx", "UDP")]
)
def test_two_options_cannot_name_the_same_port(
    ports: Ports, first: str, second: str, protocol: str
) -> None:
    port = getattr(ports, first)
    told = problem(replace(ports, **{second: port}))
    assert told.startswith(f"{protocol} port {port} on {HOST} is in use; ")
    assert f"--{second}-port N" in told


def test_an_address_of_another_machine_is_told_apart(ports: Ports) -> None:
    told = problem(ports, listen="192.0.2.1")
    assert re.fullmatch(rf"UDP port {ports.sip} on 192\.0\.2\.1: .* --listen .*", told)
