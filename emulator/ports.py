"""The ports of the local run, looked at before anything is started."""

import errno
import socket
from dataclasses import dataclass

HOST = "127.0.0.1"


class PortProblemError(Exception):
    """A port that cannot be had: the text says which one and what to type instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everything listens; a port of 0 is replaced by a free one."""

    api: int = 4080
    aws: int = 4081
    sip: int = 5060
    pstn: int = 5070
    """UDP for SIP; orders to call come over TCP on the same number."""
    pbx: int = 5080


def check(ports: Ports, *, listen: str, with_pbx: bool) -> None:
    """Raise PortProblemError for the first port that is in use or not to be had."""
    wanted = [
        ("--api-port", HOST, ports.api, socket.SOCK_STREAM, "management API"),
        ("--aws-port", HOST, ports.aws, socket.SOCK_STREAM, "embedded AWS"),
        ("--sip-port", listen, ports.sip, socket.SOCK_DGRAM, "SIP edge"),
        ("--pstn-port", HOST, ports.pstn, socket.SOCK_DGRAM, "simulated phone network"),
        ("--pstn-port", HOST, ports.pstn, socket.SOCK_STREAM, "simulated phone network"),
    ]
    if with_pbx:
        wanted.append(("--pbx-port", HOST, ports.pbx, socket.SOCK_DGRAM, "demo PBX"))
    for option, host, port, kind, what in wanted:
        _check(option, host, port, kind, what)


def _check(option: str, host: str, port: int, kind: socket.SocketKind, what: str) -> None:
    name = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortProblemError(
                _problem(error, option, f"{name} port {port} on {host}", what)
            ) from error


def _problem(error: OSError, option: str, where: str, what: str) -> str:
    if error.errno == errno.EADDRINUSE:
        remedy = " or leave the demo PBX out with --no-pbx" if option == "--pbx-port" else ""
        return f"{where} is in use; the {what} needs it. Choose another: {option} N{remedy}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address; --listen takes one that it has"
    if error.errno == errno.EACCES:
        return f"{where} needs privileges; choose one from 1024 up: {option} N"
    return f"{where}: {error.strerror}"
