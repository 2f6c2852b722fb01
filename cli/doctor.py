"""`ovc doctor`: what is wrong with the set-up, and what to do about it."""

import importlib
import platform
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from emulator.ports import HOST, PortProblemError, Ports, check
from emulator.stand_file import NoStandError, StandFacts, read

_OLDEST, _NEWEST = (3, 11), (3, 13)
_PATIENCE_S = 2.0
_SKEW_S = 300.0
"""SigV4 refuses a signature that is older or younger (API S5)."""


class Finding(NamedTuple):
    """One line of the report."""

    subject: str
    problem: str | None
    """None: all is well."""
    detail: str = ""


def run(*, api_port: int | None) -> None:
    """Print the findings; exit code 1 when one of them is a problem."""
    sick = False
    for finding in findings(api_port):
        sick = sick or finding.problem is not None
        mark = "ok     " if finding.problem is None else "PROBLEM"
        sys.stdout.write(f"{mark}  {finding.subject}: {finding.problem or finding.detail}\n")
    if sick:
        sys.exit(1)


def findings(api_port: int | None) -> Iterator[Finding]:
    """Look at everything, the cheapest and most basic first."""
    yield _python()
    yield _packages()
    try:
        facts = read(api_port)
    except NoStandError as error:
        yield Finding("stand", None, str(error))
        yield _ports()
        return
    yield Finding("stand", None, f"process {facts.pid}")
    yield _api(facts)
    yield _edge(facts)
    yield _bucket(facts)


def options_request(facts: StandFacts, local: tuple[str, int]) -> bytes:
    """Return an OPTIONS to the demo connector, as a PBX's health check would send it."""
    branch = secrets.token_hex(8)
    host, port = local
    return (
        f"OPTIONS sip:{facts.connector_host} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch};rport\r\n"
        f"From: <sip:doctor@{host}>;tag={branch}\r\nTo: <sip:{facts.connector_host}>\r\n"
        f"Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def _python() -> Finding:
    version = sys.version_info[:2]
    if not _OLDEST <= version <= _NEWEST:
        return Finding("Python", f"{platform.python_version()}; 3.11 to 3.13 are supported")
    if sys.platform != "linux":
        return Finding("Python", f"{sys.platform}: the edge needs Linux, e.g. in a container or VM")
    return Finding("Python", None, platform.python_version())


def _packages() -> Finding:
    names = ("boto3", "moto", "obstore", "phonenumbers", "rich", "uvicorn", "uvloop")
    for name in names:
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
    return Finding("ports", None, "the default ports are free")


def _checked(subject: str, look: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(subject, None, look())
    except (OSError, URLError, BotoCoreError, ClientError, ValueError) as error:
        return Finding(subject, f"{error}; {remedy}")


def _api(facts: StandFacts) -> Finding:
    def look() -> str:
        try:
            date = urlopen(facts.api_url, timeout=_PATIENCE_S).headers["Date"]
        except HTTPError as error:  # unsigned: the refusal shows that it is alive
            date = error.headers["Date"]
        skew = abs(parsedate_to_datetime(date).timestamp() - time.time())
        if skew > _SKEW_S:
            raise ValueError(f"its clock differs by {skew:.0f} s; signatures will be refused")
        return f"{facts.api_url} answers"

    return _checked("management API", look, "stop and start ovc up")


def _edge(facts: StandFacts) -> Finding:
    def look() -> str:
        host, _, port = facts.sip_address.rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(_PATIENCE_S)
            phone.bind((host if host != HOST else HOST, 0))
            phone.sendto(options_request(facts, phone.getsockname()), (host, int(port)))
            status = phone.recv(65_536).split(b"\r\n", 1)[0].decode("utf-8", "replace")
        if " 200 " not in status:
            raise ValueError(f"it answered {status}")
        return f"{facts.sip_address} answers OPTIONS"

    return _checked("SIP edge", look, "is this host in the connector's CidrAllowedList?")


def _bucket(facts: StandFacts) -> Finding:
    def look() -> str:
        s3 = boto3.client(
            "s3",
            endpoint_url=facts.aws_url,
            region_name=facts.region,
            aws_access_key_id=facts.access_key_id,
            aws_secret_access_key=facts.secret_access_key,
        )
        key = f"ovc-doctor/{secrets.token_hex(4)}"
        s3.put_object(Bucket=facts.cdr_bucket, Key=key, Body=b"")
        s3.delete_object(Bucket=facts.cdr_bucket, Key=key)
        return f"{facts.cdr_bucket} can be written"

    return _checked("CDR bucket", look, "stop and start ovc up")
