"""The whole process: `python -m edge` against a local AWS, spoken to over real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import IO, Any
from uuid import uuid4

import pytest

from edge.runtime.liveness_probe import is_alive
from tests.e2e.running import free_port
from tests.runtime.local_aws import Deployment, a_connector
from tests.runtime.processes import children_of, is_running
from tests.runtime.scripted import wait_for, within

pytestmark = pytest.mark.sockets

CONNECTOR = "abcdef1ghij2klmno3pqr4"
HOST = f"{CONNECTOR}.voiceconnector.localhost"


def free_ports(count: int) -> int:
    """Return the first of `count` UDP ports in a row that nobody has now, for media."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return min(port + port % 2, 65_000 - count)


class Edge:
    """A running edge and the lines it has printed."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process, self.port = process, port
        self.lines: list[dict[str, Any]] = []
        assert process.stdout is not None
        self._reader = Thread(target=self._read, args=(process.stdout,))
        self._reader.start()

    def _read(self, stdout: IO[bytes]) -> None:
        self.lines.extend(json.loads(line) for line in stdout)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if line["event"] == event]

    def until(self, event: str, within_s: float = 15.0) -> dict[str, Any]:
        wait_for(lambda: self.of(event), within_s)
        return self.of(event)[0]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()


def environment(deployment: Deployment, port: int, **more: str) -> dict[str, str]:
    media_port = free_ports(400)
    media = {"first_port": media_port, "last_port": media_port + 399}
    return deployment.aws.environment | {
        "OVC_SETTINGS": json.dumps({"lab_mode": True, "media": media}),
        "OVC_TABLE_PREFIX": deployment.prefix,
        "OVC_SIP_LISTEN": f"127.0.0.1:{port}",
        "OVC_JOURNAL_DIRECTORY": str(deployment.journals),
        **more,
    }


@contextmanager
def edge(variables: Mapping[str, str], port: int) -> Iterator[Edge]:
    process = subprocess.Popen(
        [sys.executable, "-m", "edge"], env=dict(variables), stdout=subprocess.PIPE
    )
    running = Edge(process, port)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture
def running(deployment: Deployment) -> Iterator[Edge]:
    deployment.put_connector(a_connector(CONNECTOR))
    deployment.use_bucket()
    port = free_port()
    with edge(environment(deployment, port), port) as process:
        process.until("ready", 10.0)
        yield process


def request(method: str, uri: str, local: tuple[str, int], **more: str) -> bytes:
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {local[0]}:{local[1]};branch=z9hG4bK{time.monotonic_ns():x};rport",
        f"From: <sip:+15105550199@{HOST}>;tag={time.monotonic_ns():x}",
        f"To: <{uri}>",
        f"Call-ID: {time.monotonic_ns():x}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{local[0]}:{local[1]}>",
        "Max-Forwards: 70",
        *(f"{name}: {value}" for name, value in more.items()),
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def asked(edge: Edge, method: str, uri: str) -> bytes:
    """Send a request, as often as it takes, and return the first final response.

    An edge whose machine is busy may be ready before it has heard of the connector, and silent.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(0.5)
        message = request(method, uri, phone.getsockname())
        for _ in range(30):
            phone.sendto(message, ("127.0.0.1", edge.port))
            with suppress(TimeoutError):
                while (answer := phone.recv(65_535)).startswith(b"SIP/2.0 1"):
                    pass
                return answer
    raise AssertionError(f"no answer to {method} {uri}")


def test_a_listed_source_is_answered(running: Edge) -> None:
    assert asked(running, "OPTIONS", f"sip:{HOST}").startswith(b"SIP/2.0 200 ")


def test_ready_comes_within_two_seconds_and_once(deployment: Deployment) -> None:
    deployment.put_connector(a_connector(CONNECTOR))
    port = free_port()
    with within(4.0), edge(environment(deployment, port), port) as process:
        ready = process.until("ready")
        assert ready["sip"] == f"127.0.0.1:{port}"
        assert process.of("configuration-missing") == []


def test_the_record_of_a_refused_call_lands_in_the_bucket(
    running: Edge, deployment: Deployment
) -> None:
    # EDGE C7: an INVITE to a number that is none is refused and recorded.
    answer = asked(running, "INVITE", f"sip:12@{HOST}")
    assert answer.startswith(b"SIP/2.0 4")
    wait_for(deployment.objects)
    ((key, body),) = deployment.objects().items()
    record = json.loads(body)
    assert key.endswith(record["TransactionId"]) and f"/{CONNECTOR}/" in key
    assert record["Status"] == "Rejected" and record["BillableDuration"] == 0
    assert running.until("record-stored")["key"] == key


def test_a_connector_changed_in_the_database_counts_within_two_seconds(
    running: Edge, deployment: Deployment
) -> None:
    # A9
    other = "zzzzzz1ghij2klmno3pqr4"
    deployment.put_connector(a_connector(other))
    uri = f"sip:{other}.voiceconnector.localhost"
    deadline = time.monotonic() + 2.0
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            phone.settimeout(0.1)
            message = request("OPTIONS", uri, phone.getsockname()).replace(
                HOST.encode(), uri[4:].encode()
            )
            phone.sendto(message, ("127.0.0.1", running.port))
            try:
                if phone.recv(65_535).startswith(b"SIP/2.0 200 "):
                    break
            except TimeoutError:
                pass
        assert time.monotonic() < deadline


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_two_seconds_and_leaves_no_process(
    running: Edge, number: signal.Signals
) -> None:
    children = children_of(running.process.pid)
    assert len(children) == 2
    with within(2.0):
        running.process.send_signal(number)
        assert running.process.wait(5.0) == 0
    assert running.until("stopped")["records_lost"] == 0
    assert not any(is_running(child) for child in children)


def test_killing_it_leaves_no_process(running: Edge) -> None:
    children = children_of(running.process.pid)
    assert len(children) == 2
    running.process.kill()
    wait_for(lambda: not any(is_running(child) for child in children), 3.0)


def test_a_child_that_dies_is_replaced(running: Edge) -> None:
    pid = running.process.pid
    before = set(children_of(pid))
    for child in before:
        os.kill(child, signal.SIGKILL)
    running.until("aws-worker-lost")
    running.until("media-worker-lost")
    wait_for(lambda: len(set(children_of(pid)) - before) == 2)
    # The new media worker has to bind its ports before calls are taken again (EDGE R30).
    ask = partial(asked, running, "OPTIONS", f"sip:{HOST}")
    wait_for(lambda: ask().startswith(b"SIP/2.0 200 "))


def test_without_a_database_it_becomes_ready_and_says_so(deployment: Deployment) -> None:
    port, nowhere = free_port(), free_port()
    away = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{nowhere}"}
    with edge(environment(deployment, port, **away), port) as process:
        process.until("ready", 8.0)
        process.until("configuration-missing")
        assert len(process.of("database-away")) == 1


def test_health_checks_are_answered_once_there_is_a_configuration(
    deployment: Deployment,
) -> None:
    port, name = free_port(), f"ovc-test-{uuid4().hex}"
    variables = environment(deployment, port, OVC_HEALTH_SOCKET=name)
    with edge(variables, port):
        wait_for(lambda: is_alive(name))
        second = run_to_end(environment(deployment, free_port(), OVC_HEALTH_SOCKET=name))
    assert second.returncode == 3
    assert f"the health socket {name}: another edge has it; set OVC_HEALTH" in second.stderr
    port, away = free_port(), {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    with edge(environment(deployment, port, OVC_HEALTH_SOCKET=name, **away), port) as process:
        process.until("configuration-missing", 8.0)
        assert not is_alive(name)


def run_to_end(variables: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edge", *arguments],
        env=dict(variables),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("protocol", "kind"), [("UDP", socket.SOCK_DGRAM), ("TCP", socket.SOCK_STREAM)]
)
def test_a_port_in_use_is_exit_code_3_and_a_remedy(
    deployment: Deployment, protocol: str, kind: socket.SocketKind
) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        ended = run_to_end(environment(deployment, port))
    assert ended.returncode == 3
    for wanted in (f"{protocol} port {port} of 127.0.0.1 is in use", "OVC_SIP_LISTEN"):
        assert wanted in ended.stderr
    (line,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert line["event"] == "port-refused"


def test_a_wrong_setting_is_exit_code_2_and_a_remedy(deployment: Deployment) -> None:
    ended = run_to_end(environment(deployment, 5060) | {"OVC_MEDIA_WORKERS": "many"})
    assert ended.returncode == 2
    assert "OVC_MEDIA_WORKERS is 'many'; a whole number from 1 to 64 is wanted" in ended.stderr


def test_a_journal_that_cannot_be_kept_is_exit_code_2_and_a_remedy(
    deployment: Deployment, tmp_path: Path
) -> None:
    # EDGE C9
    no_directory = tmp_path / "file"
    no_directory.write_text("")
    settings = environment(deployment, free_port(), OVC_JOURNAL_DIRECTORY=str(no_directory))
    ended = run_to_end(settings)
    assert ended.returncode == 2
    for wanted in (f"no journal can be kept in {no_directory}", "Set OVC_JOURNAL_DIRECTORY to"):
        assert wanted in ended.stderr
    assert json.loads(ended.stdout)["event"] == "journal-refused"


def test_arguments_are_answered_with_what_can_be_set(deployment: Deployment) -> None:
    ended = run_to_end(environment(deployment, 5060), "--help")
    assert ended.returncode == 2 and "OVC_SIP_LISTEN" in ended.stderr and ended.stdout == ""


def test_core_dumps_are_off(running: Edge) -> None:
    # EDGE S15
    for pid in (running.process.pid, *children_of(running.process.pid)):
        with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
            (line,) = [line for line in limits if line.startswith("Max core file size")]
        assert line.split()[4:6] in (["0", "0"], ["1", "1"]), "no core file is made at either"


_BLOCKS = """
import ctypes
from edge.__main__ import LARGE_BLOCK_BYTES, keep_large_blocks_apart

class Statistics(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abc"] + [("mapped", ctypes.c_size_t)]
    _fields_ += [(name, ctypes.c_size_t) for name in "efghij"]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Statistics
keep_large_blocks_apart()
bytes(64 * LARGE_BLOCK_BYTES)  # freed: from here on glibc would keep smaller ones in its heap
before = mallinfo().mapped
blocks = [bytes(LARGE_BLOCK_BYTES) for _ in range(200)]
print(mallinfo().mapped - before)
"""


def test_large_blocks_of_memory_are_the_kernels() -> None:  # EDGE X9: they leave no holes
    done = subprocess.run([sys.executable, "-c", _BLOCKS], capture_output=True, check=True)
    assert int(done.stdout) > 100, "the others fit into holes that were there already"
