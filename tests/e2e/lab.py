"""A running `ovc up` as a customer has it: everything is made with boto3, calls come over SIP."""

import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import boto3
from botocore.config import Config

from bench.signalling.tls_tunnel import TlsTunnel
from edge.flow import Address, Transport
from emulator.ca import LocalCa
from emulator.probe import options_request
from tests.e2e.records import StoredRecord, Window, assert_record
from tests.e2e.running import PATIENCE_S, RunningStand
from tests.e2e.sipp import Sipp, free_address, free_host

T = TypeVar("T")

CALLER = "+12065550100"
"""A valid US number, as EDGE O2 wants the caller id."""
_AREA_CODE = "312"
IDLE_WITHIN_S = 75.0
"""Timer B of an attempt, then the BYE or CANCEL that came of it: 64 s (EDGE B8, F7)."""


PSTN = "+1212555"
"""The last four digits of a number tell the simulated network what to do."""
TALK = ("-d", "300")
"""Milliseconds between answer and BYE."""
UNHURRIED = {"overload_lag_ms": 5_000, "drop_lag_ms": 10_000}
"""Other tests run on this machine, too: that a loop is late is no overload of the edge here."""


class Route(NamedTuple):
    """Where an inbound call is tried."""

    address: Address
    priority: int = 1
    weight: int = 1
    transport: Transport = Transport.UDP


def eventually(
    look: Callable[[], T | None],
    what: str,
    within_s: float = PATIENCE_S,
    look_every_s: float = 0.02,
) -> T:
    """Return what a look finds, once it finds anything."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s"
        time.sleep(look_every_s)


class Trunk:
    """A connector that boto3 has made, with the host that its PBX calls from."""

    def __init__(self, lab: "Lab", connector_id: str, host: str) -> None:
        self._lab = lab
        self.connector_id = connector_id
        self.host = host
        """Connector host, of every Request-URI."""
        self.pbx = free_host()
        """The one address in the allow list."""

    def permit(self, **members: Any) -> None:
        """Put the termination: the PBX may call the United States."""
        termination = {
            "CallingRegions": ["US"],
            "CidrAllowedList": [f"{self.pbx}/32"],
            "CpsLimit": 100,
        }
        self._lab.voice.put_voice_connector_termination(
            VoiceConnectorId=self.connector_id, Termination=termination | members
        )

    def route(self, *routes: Route) -> None:
        """Put the origination: where calls to its numbers go."""
        entries = [
            {
                "Host": route.address[0],
                "Port": route.address[1],
                "Protocol": "UDP" if route.transport is Transport.UDP else "TCP",
                "Priority": route.priority,
                "Weight": route.weight,
            }
            for route in routes
        ]
        self._lab.voice.put_voice_connector_origination(
            VoiceConnectorId=self.connector_id, Origination={"Routes": entries}
        )

    def protect(self, username: str, password: str) -> None:
        """Put a SIP user: calls need a digest from now on."""
        self._lab.voice.put_voice_connector_termination_credentials(
            VoiceConnectorId=self.connector_id,
            Credentials=[{"Username": username, "Password": password}],
        )

    def number(self) -> str:
        """Order a number, give it to the connector and return it."""
        voice = self._lab.voice
        found = voice.search_available_phone_numbers(AreaCode=_AREA_CODE, MaxResults=1)
        numbers = found["E164PhoneNumbers"]
        order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers}
        order_id = voice.create_phone_number_order(**order)["PhoneNumberOrder"][
            "PhoneNumberOrderId"
        ]

        def acquired() -> bool | None:
            placed = voice.get_phone_number_order(PhoneNumberOrderId=order_id)["PhoneNumberOrder"]
            assert placed["Status"] in ("Processing", "Successful"), placed
            return placed["Status"] == "Successful" or None

        eventually(acquired, "the order")
        voice.associate_phone_numbers_with_voice_connector(
            VoiceConnectorId=self.connector_id, E164PhoneNumbers=numbers
        )
        return str(numbers[0])

    def await_effect(self) -> None:
        """Wait until the edge knows this allow list, and so everything that was put before it;
        what is put after it may come later.

        An OPTIONS from a listed address gets its 200; one from a stranger gets silence (EDGE R36)
        or, once the connector is known, a 403 (R7).
        """
        self._lab.await_status(200, self.host, self.pbx)

    def call(self, scenario: str, number: str, *, caller: str = CALLER, **more: Any) -> Sipp:
        """Let SIPp call out from the PBX; `more` are SIPp's other arguments."""
        keys = {"number": number, "connector": self.host, "caller": caller}
        at, to = free_address(self.pbx), self._lab.edge
        if more.get("transport") is Transport.TLS:
            # SIPp speaks TCP to a tunnel at its own address, which speaks TLS to the edge.
            to, more["transport"] = self._tunnel().address, Transport.TCP
        return Sipp(scenario, self._lab.folder, at=at, to=to, keys=keys, **more)

    def _tunnel(self) -> TlsTunnel:
        if self.pbx not in self._lab.tunnels:
            self._lab.tunnels[self.pbx] = TlsTunnel(
                self.pbx, self._lab.tls, self._lab.tls_context, self.host
            )
        return self._lab.tunnels[self.pbx]

    def records(self) -> list[StoredRecord]:
        """Return every detail record of the connector."""
        return list(self._lab.records(self.connector_id))

    def record_of(self, call_id: str) -> StoredRecord:
        """Wait for the only record of a call and return it."""

        def find() -> StoredRecord | None:
            found = [it for it in self.records() if it.members["CallId"] == call_id]
            assert len(found) <= 1, f"{len(found)} records of one call"
            return found[0] if found else None

        return eventually(find, f"the record of {call_id}")

    def assert_recorded(
        self, call_id: str, number: str, during: Window, *, caller: str = CALLER, **members: Any
    ) -> StoredRecord:
        """Wait for the only record of a call to a number and compare it whole; return it."""
        record = self.record_of(call_id)
        assert_record(
            record,
            during,
            connector_id=self.connector_id,
            call_id=call_id,
            from_number=caller,
            to_number=number,
            disposition="Termination",
            **members,
        )
        return record


class Lab:
    """One stand with clients; the demo connector takes calls from 127.0.0.1 alone."""

    def __init__(self, folder: Path, settings: dict[str, Any] | None = None) -> None:
        """Start it; `settings` are an operator's, whose carriers come behind those of every lab."""
        self.folder = folder
        self.second_carrier = free_address(free_host())
        """A carrier that a test may play; calls go there when the simulated network fails."""
        host, port = self.second_carrier
        carrier = {"name": "second", "host": host, "port": port, "priority": 2}
        file = folder / "settings.json"
        given = settings or {}
        admission = UNHURRIED | given.get("admission", {})
        carriers = [carrier, *given.get("carriers", [])]
        file.write_text(json.dumps(given | {"carriers": carriers, "admission": admission}))
        self.stand = RunningStand(folder, "--no-pbx", "--settings", str(file))
        try:
            self._connect()
        except BaseException:
            self.stand.close()
            raise
        self._names = count(1)
        self.tunnels: dict[str, TlsTunnel] = {}
        """By the address of the PBX that they belong to."""

    def _connect(self) -> None:
        offered = self.stand.offered()
        (self.edge_pid,) = [
            pid for pid in self.stand.processes if _runs(pid, "emulator.edge_process")
        ]
        """Process id of the signalling process."""
        self.edge: Address = ("127.0.0.1", self.stand.ports["sip"])
        self.pstn: Address = ("127.0.0.1", self.stand.ports["pstn"])
        host, _, port = offered["OVC_TLS_ADDRESS"].rpartition(":")
        self.tls: Address = (host, int(port))
        self.ca_file = Path(offered["OVC_CA_FILE"])
        self.tls_context = ssl.create_default_context(cafile=self.ca_file)
        self.bucket = offered["OVC_CDR_BUCKET"]
        session = boto3.session.Session(
            aws_access_key_id=offered["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=offered["AWS_SECRET_ACCESS_KEY"],
            region_name=offered["AWS_DEFAULT_REGION"],
        )
        self.voice: Any = session.client(
            "chime-sdk-voice", endpoint_url=offered["AWS_ENDPOINT_URL_CHIME_SDK_VOICE"]
        )
        pool = Config(max_pool_connections=20)
        self.s3 = session.client("s3", endpoint_url=offered["AWS_ENDPOINT_URL_S3"], config=pool)
        # Else every address of this machine would be a listed one, and none a stranger.
        self.voice.put_voice_connector_termination(
            VoiceConnectorId=offered["OVC_CONNECTOR_ID"],
            Termination={"CallingRegions": ["US"], "CidrAllowedList": ["127.0.0.1/32"]},
        )
        self.await_status(403, offered["OVC_CONNECTOR_HOST"], free_host())

    def new_trunk(self, *, encrypted: bool = False) -> Trunk:
        """Make a connector that can do nothing yet; `encrypted` wants TLS and SRTP."""
        made = self.voice.create_voice_connector(
            Name=f"trunk-{next(self._names)}", RequireEncryption=encrypted
        )["VoiceConnector"]
        return Trunk(self, made["VoiceConnectorId"], made["OutboundHostName"])

    def certificate(self, host: str) -> Path:
        """Return a file with a certificate for a peer at an address, and its key; the edge trusts
        its CA (EDGE W9)."""
        path = self.folder / f"{host}.pem"
        LocalCa(self.ca_file.parent).issue(path, host)
        return path

    def server_context(self, host: str) -> ssl.SSLContext:
        """Return what a peer at an address needs to take TLS connections of the edge."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate(host))
        return context

    def answer(self, scenario: str, at: Address, **more: Any) -> Sipp:
        """Let SIPp take calls at an address, as a PBX or as the second carrier."""
        return Sipp(scenario, self.folder, at=at, **more)

    def call_in(self, scenario: str, number: str, **more: Any) -> Sipp:
        """Let SIPp, as the second carrier, call one of our numbers."""
        at = free_address(self.second_carrier[0])
        keys = {"number": number, "connector": self.edge[0], "caller": CALLER}
        return Sipp(scenario, self.folder, at=at, to=self.edge, keys=keys, **more)

    def await_status(self, status: int, connector_host: str, source: str) -> None:
        """Wait until an OPTIONS from an address to a connector's host has this answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind((source, 0))
            phone.settimeout(0.1)

            def is_answered_so() -> bool | None:
                question = options_request(connector_host, phone.getsockname())
                # An answer to a stranger is never longer than its question (EDGE S2).
                longer = question.replace(b"\r\n\r\n", b"\r\nSubject: %s\r\n\r\n" % (b"-" * 200))
                phone.sendto(longer, self.edge)
                try:
                    line = phone.recv(65_536).split(b"\r\n")[0]
                except TimeoutError:
                    return None
                return True if line.startswith(b"SIP/2.0 %d " % status) else None

            eventually(is_answered_so, f"OPTIONS to {connector_host} gets {status}")

    def keys(self, connector_id: str, bucket: str | None = None) -> Iterable[str]:
        """Return the object keys of a connector's records; without a bucket in the usual one."""
        prefix = f"Amazon-Chime-Voice-Connector-CDRs/json/{connector_id}/"
        lists = self.s3.get_paginator("list_objects_v2")
        pages = lists.paginate(Bucket=bucket or self.bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def records(self, connector_id: str, bucket: str | None = None) -> Iterable[StoredRecord]:
        """Return a connector's records."""
        for key in self.keys(connector_id, bucket):
            body = self.s3.get_object(Bucket=bucket or self.bucket, Key=key)["Body"].read()
            yield StoredRecord(key, body, json.loads(body))

    def pending(self) -> dict[str, int]:
        """Return what the edge holds (EDGE X9), with the sockets of its media workers."""
        os.kill(self.edge_pid, signal.SIGUSR1)
        line = self.stand.await_line("SIP edge: pending")
        told = dict(it.split(" ") for it in line.partition("pending")[2].strip().split(", "))
        return {
            **{name: int(value) for name, value in told.items()},
            "media_sockets": len(self.media_ports()),
        }

    def media_ports(self) -> list[int]:
        """Return every port that the media workers hold, in use or waiting for a call."""
        workers = [pid for pid in self.stand.processes if _runs(pid, "edge.runtime.media_worker")]
        return [port for pid in workers for port in udp_ports(pid)]

    def await_idle(self, *, but: tuple[str, ...] = ()) -> None:
        """Wait until the edge holds nothing: no call, transaction, timer, record or port.

        `but` names what is not looked at: transactions and their timers stay for 32 s after their
        end, for messages that come late (EDGE B8).
        """

        def is_idle() -> bool | None:
            held = self.pending()
            free, sockets = held.pop("free_ports"), held.pop("media_sockets")
            seen.append({**held, "free_ports": free, "media_sockets": sockets})
            # Each free port has its twin for RTCP; any other socket belongs to a call.
            is_empty = not any(number for kind, number in held.items() if kind not in but)
            return True if is_empty and sockets == 2 * free else None

        seen: list[dict[str, int]] = []
        try:
            eventually(is_idle, "the edge is idle", IDLE_WITHIN_S, look_every_s=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen[-1]}") from None

    def close(self) -> None:
        """End the stand."""
        for tunnel in self.tunnels.values():
            tunnel.close()
        self.stand.close()

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def udp_ports(pid: int) -> list[int]:
    """Return the local ports of a process's UDP sockets."""
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    port_of = {row[9]: int(row[1].partition(":")[2], 16) for row in rows}
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inode = os.readlink(descriptor).removeprefix("socket:[").removesuffix("]")
        except FileNotFoundError:  # closed since it was listed
            continue
        if inode in port_of:
            found.append(port_of[inode])
    return found


def _runs(pid: int, module: str) -> bool:
    return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
