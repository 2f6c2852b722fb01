"""The edge as a process of this machine, with the tables and the bucket of a deployment, and the
simulated carrier and PBX of the local run on both sides of it."""

import json
import os
import socket
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from cli.call import Report, report_of
from edge.flow import Address
from emulator.child import Child, ChildLine, News
from emulator.environment import isolated
from emulator.probe import admits
from tests.e2e.lab import eventually
from tests.e2e.running import PATIENCE_S, free_port
from tests.e2e.sipp import Sipp, free_address, free_host
from tests.localstack.deployment import PREFIX, Deployment
from tests.management.stand import ROOMY
from tests.runtime.test_main import free_ports

HOST = "127.0.0.1"
CALLER = "+12125550123"
_MEDIA_PORTS = 400
_PROBE_S = 0.2
_ENDS_WITHIN_S = 5.0


class Phones:
    """A carrier, an edge and a PBX; the `with` block ends them."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        """Start them; returns when all are ready."""
        self._folder = folder
        self._news: SimpleQueue[News] = SimpleQueue()
        self._children: dict[str, Child] = {}
        self.edge: Address = (HOST, free_port())
        self.pbx: Address = (HOST, free_port())
        self._pstn: Address = (HOST, free_port())
        bare, at = isolated(os.environ), _option
        network = (at("sip", self._pstn), at("control", self._pstn), at("edge", self.edge))
        self._start("emulator.carrier", network, bare)
        self._start("emulator.pbx", (at("sip", self.pbx),), bare)
        variables = deployment.localstack.environment | self._edge_variables()
        self._start("emulator.edge_process", (), variables)
        self._children["emulator.edge_process"].go()
        try:
            self._await_ready(time.monotonic() + PATIENCE_S)
        except BaseException:
            self.close()
            raise

    def await_effect(self, connector_host: str) -> None:
        """Wait until the edge has heard of a connector."""
        ask = partial(admits, self.edge, connector_host, _PROBE_S)
        eventually(lambda: ask() or None, f"the edge knows {connector_host}")

    def call_in(self, number: str, *, duration_s: float) -> Report:
        """Let the carrier call one of our numbers, as `ovc call` does."""
        order = {"from": CALLER, "to": number, "duration_s": duration_s}
        with socket.create_connection(self._pstn, timeout=PATIENCE_S) as control:
            control.sendall(json.dumps(order).encode() + b"\n")
            with control.makefile("rb") as answers:
                return report_of(answers.readline())

    def call_out(self, number: str, connector_host: str, caller: str, *, lasts_ms: int) -> Sipp:
        """Let SIPp call out through a connector."""
        keys = {"number": number, "connector": connector_host, "caller": caller}
        return Sipp(
            "uac_call",
            self._folder,
            at=free_address(free_host()),
            to=self.edge,
            keys=keys,
            options=("-d", str(lasts_ms)),
        )

    def close(self) -> None:
        """End them, the edge first: its last records still need the others."""
        for child in reversed(self._children.values()):
            child.stop()
            child.wait(_ENDS_WITHIN_S)

    def __enter__(self) -> "Phones":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _edge_variables(self) -> dict[str, str]:
        first = free_ports(_MEDIA_PORTS)
        host, port = self._pstn
        settings = {
            "lab_mode": True,
            "domain": ROOMY.domain,
            "carriers": [
                {
                    "name": "pstn",
                    "host": host,
                    "port": port,
                    "sources": [f"{host}:{port}"],
                    "media_networks": [f"{host}/32"],
                }
            ],
            "media": {"first_port": first, "last_port": first + _MEDIA_PORTS - 1},
        }
        return {
            "OVC_SETTINGS": json.dumps(settings),
            "OVC_TABLE_PREFIX": PREFIX,
            "OVC_SIP_LISTEN": f"{HOST}:{self.edge[1]}",
            "OVC_TLS_LISTEN": f"{HOST}:{free_port()}",
            "OVC_JOURNAL_DIRECTORY": str(self._folder / "journal"),
        }

    def _start(
        self, module: str, arguments: tuple[str, ...], environment: Mapping[str, str]
    ) -> None:
        self._children[module] = Child(
            module, module, arguments, tell=self._news.put, environment=environment
        )

    def _await_ready(self, deadline: float) -> None:
        starting = set(self._children)
        while starting:
            try:
                news = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"not ready: {starting}") from None
            assert isinstance(news, ChildLine), str(news)
            if news.event == "ready":
                starting.discard(news.child)


def _option(name: str, address: Address) -> str:
    return f"--{name}={address[0]}:{address[1]}"
