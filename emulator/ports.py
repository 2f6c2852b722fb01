"""The ports of the local run, looked at before anything is started."""

import errno
import socket
from contextlib import ExitStack
from dataclasses import dataclass

HOST = "127.0.0.1"


class PortProblemError(Exception):
    """A port that cannot be had: the text says which one and what to type instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everything listens."""

    api: int = 4080
    aws: int = 4081
    sip: int = 5060
    """UDP and TCP."""
    tls: int = 5061
    pstn: int = 5070
    """UDP for SIP; orders to call come over TCP on the same number."""
    pbx: int = 5080


def check(ports: Ports, *, listen: str, with_pbx: bool) -> None:
    """Raise PortProblemError for the first port that is in use or not to be had."""
    wanted = [
        ("--api-port", HOST, ports.api, socket.SOCK_STREAM, "management API"),
        ("--aws-port", HOST, ports.aws, socket.SOCK_STREAM, "embedded AWS"),
        ("--sip-port", listen, ports.sip, socket.SOCK_DGRAM, "SIP edge"),
        ("--sip-port", listen, ports.sip, socket.SOCK_STREAM, "SIP edge"),
        ("--tls-port", listen, ports.tls, socket.SOCK_STREAM, "SIP edge"),
        ("--pstn-port", HOST, ports.pstn, socket.SOCK_DGRAM, "simulated phone network"),
        ("--pstn-port", HOST, ports.pstn, socket.SOCK_STREAM, "simulated phone network"),
    ]
    if with_pbx:
        wanted.append(("--pbx-port", HOST, ports.pbx, socket.SOCK_DGRAM, "demo PBX"))
    # All are held until the last one is known to be free: two options may name the same port.
    with ExitStack() as held:
        for option, host, port, kind, what in wanted:
            name = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
            try:
                _take(held, host, port, kind)
            except OSError as error:
                where = f"{name} port {port} on {host}"
                raise PortProblemError(_problem(error, option, where, what)) from error


def _take(held: ExitStack, host: str, port: int, kind: socket.SocketKind) -> None:
    probe = held.enter_context(socket.socket(socket.AF_INET, kind))
    if kind is socket.SOCK_DGRAM:
        probe.bind((host, port))
        return
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((host, port))
    probe.listen()


def _problem(error: OSError, option: str, where: str, what: str) -> str:
    if error.errno == errno.EADDRINUSE:
        remedy = ", or leave the demo PBX out with --no-pbx" if option == "--pbx-port" else ""
        return f"{where} is in use; the {what} needs it. Choose another one with {option} N{remedy}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address; --listen takes one that it has"
    if error.errno == errno.EACCES:
        return f"{where} needs privileges; choose one from 1024 up with {option} N"
    return f"{where}: {error.strerror}"
