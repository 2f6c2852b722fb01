"""What a node with a large configuration notices when a new AWS worker tells it everything again.

The worker is killed; a PBX meanwhile asks with OPTIONS, one question after the other. The longest
wait for an answer is the longest time for which the node did nothing but take the configuration.
"""

import os
import signal
import socket
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from bench.signalling.kernel import free_address
from bench.signalling.middles import running_edge
from bench.signalling.sink import Sink
from bench.signalling.world import Shape, connectors, host_of, numbers, settings_for
from edge.flow import Address
from emulator.probe import options_request

_EVERY_S = 0.005
_PATIENCE_S = 1.0
_WATCHED_S = 15.0
"""A worker starts, reads 10,000 connectors and tells them in less."""


def report(many: int) -> None:
    """Measure and print what the PBX sees without and with a new worker."""
    shape = Shape(many, numbers_each=1)
    pbx, middle, carrier = [free_address(f"127.0.0.{host}") for host in (1, 2, 3)]
    settings = settings_for(carrier, lab_mode=True)
    sink = Sink(connectors(pbx[0], shape), numbers(shape))
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as asking,
        running_edge(settings, middle, sink.url, Path(folder) / "edge.log", before=()) as processes,
    ):
        host = host_of(0, settings)
        calm = asking.submit(waits_ms, pbx[0], middle, host).result()
        reloading = asking.submit(waits_ms, pbx[0], middle, host)
        os.kill(processes.helpers[0], signal.SIGKILL)
        print(f"{many} connectors with a number each; answers to OPTIONS, ms\n")
        print("| | median | longest |\n|---|---|---|")
        for name, waits in (("calm", calm), ("a new AWS worker", reloading.result())):
            print(f"| {name} | {median(waits):.2f} | {max(waits):.1f} |")
    sink.close()


def waits_ms(source: str, edge: Address, connector_host: str) -> list[float]:
    """Ask for a while, in a process of its own; return how long each answer took."""
    found: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind((source, 0))
        pbx.settimeout(_PATIENCE_S)
        end = time.monotonic() + _WATCHED_S
        while (began := time.monotonic()) < end:
            pbx.sendto(options_request(connector_host, pbx.getsockname()), edge)
            try:
                answer = pbx.recv(65_535)
            except TimeoutError:
                answer = b""
            if answer.startswith(b"SIP/2.0 200 "):
                found.append((time.monotonic() - began) * 1e3)
            elif found:
                raise RuntimeError(f"the edge says {answer[:40]!r}")
            else:  # It does not know its PBX yet.
                end = time.monotonic() + _WATCHED_S
            time.sleep(_EVERY_S)
    return found
