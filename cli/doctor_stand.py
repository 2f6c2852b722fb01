"""What `ovc doctor` looks at on this machine: packages, ports, and the running stand."""

import importlib
import os
import platform
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from cli.deployment import stand_client
from cli.findings import Finding, checked
from emulator.environment import isolate
from emulator.ports import HOST, PortProblemError, Ports, check
from emulator.probe import ask
from emulator.stand_file import NoStandError, SeveralStandsError, StandFacts, read

_OLDEST, _NEWEST = (3, 11), (3, 13)
_PATIENCE_S = 2.0
_SKEW_S = 300.0
"""SigV4 refuses a signature that is older or younger (API S5)."""
_DAY_S = 86_400.0
_SHORT_DAYS = 7.0
_RESTART = "stop ovc up and start it again"
_PACKAGES = (
    "boto3",
    "moto",
    "obstore",
    "phonenumbers",
    "rich",
    "starlette",
    "trustme",
    "uvicorn",
    "uvloop",
)


def findings(api_port: int | None) -> Iterator[Finding]:
    """Look at everything, the cheapest and most basic first."""
    isolate(os.environ)
    yield python_finding(sys.version_info[:2], sys.platform)
    yield _packages()
    try:
        facts = read(api_port)
    except NoStandError as error:
        yield Finding("stand", None, str(error))
        yield _ports()
        return
    except SeveralStandsError as error:
        yield Finding("stand", str(error))
        return
    yield Finding("stand", None, f"process {facts.pid}")
    yield _api(facts)
    yield _edge(facts)
    yield _tls(facts)
    yield _bucket(facts)


def python_finding(version: tuple[int, int], system: str) -> Finding:
    """Judge the interpreter and the operating system."""
    if not _OLDEST <= version <= _NEWEST:
        found = ".".join(map(str, version))
        return Finding(
            "Python",
            f"{found} is not supported; delete .venv and run: make install PYTHON=python3.11",
        )
    if system != "linux":
        return Finding("Python", f"{system}: the edge needs Linux; run it in a container or VM")
    return Finding("Python", None, f"{platform.python_version()} on {system}")


def _packages() -> Finding:
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            return Finding("packages", f"{name} cannot be imported ({error}); run: make install")
    return Finding("packages", None, "complete")


def _ports() -> Finding:
    try:
        check(Ports(), listen=HOST, with_pbx=True)
    except PortProblemError as error:
        return Finding("ports", str(error))
    return Finding("ports", None, "those that ovc up needs are free")


def _api(facts: StandFacts) -> Finding:
    def look() -> str:
        try:
            # Past any proxy, which could not reach this machine's loopback interface.
            answer = build_opener(ProxyHandler({})).open(facts.api_url, timeout=_PATIENCE_S)
            date = answer.headers["Date"]
        except HTTPError as error:  # unsigned: the refusal shows that it is alive
            date = error.headers["Date"]
        skew = abs(parsedate_to_datetime(date).timestamp() - time.time())
        if skew > _SKEW_S:
            raise ValueError(f"its clock differs by {skew:.0f} s: signatures will be refused")
        return f"{facts.api_url} answers, and its clock is right"

    return checked("management API", look, _RESTART)


def _edge(facts: StandFacts) -> Finding:
    def look() -> str:
        host, _, port = facts.sip_address.rpartition(":")
        status = ask((host, int(port)), facts.connector_host, _PATIENCE_S)
        if " 200 " not in status:
            raise ValueError(f"OPTIONS to {facts.sip_address} was answered {status}")
        return f"{facts.sip_address} answers OPTIONS"

    remedy = "was the demo connector changed? does its allow list hold this host? else "
    return checked("SIP edge", look, remedy + _RESTART)


def _tls(facts: StandFacts) -> Finding:
    def look() -> str:
        host, _, port = facts.tls_address.rpartition(":")
        context = ssl.create_default_context(cafile=facts.ca_file)
        with (
            socket.create_connection((host, int(port)), _PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname=facts.connector_host) as edge,
        ):
            shown = edge.getpeercert()
            ends = ssl.cert_time_to_seconds(str(shown["notAfter"])) if shown else 0.0
            days = (ends - time.time()) / _DAY_S
            if days < _SHORT_DAYS:
                raise ValueError(f"its certificate ends in {days:.0f} days")
            return f"{facts.tls_address} speaks {edge.version()}, certificate for {days:.0f} days"

    return checked("SIP over TLS", look, _RESTART)


def _bucket(facts: StandFacts) -> Finding:
    def look() -> str:
        s3 = stand_client("s3", facts)
        key = f"ovc-doctor/{secrets.token_hex(4)}"
        s3.put_object(Bucket=facts.cdr_bucket, Key=key, Body=b"")
        s3.delete_object(Bucket=facts.cdr_bucket, Key=key)
        return f"{facts.cdr_bucket} can be written"

    return checked("CDR bucket", look, _RESTART)
