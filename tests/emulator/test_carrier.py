"""The simulated network and the demo PBX as processes."""

import json
import os
import queue
import signal
import socket
from collections.abc import Iterator

import pytest

from emulator.child import Child, ChildEnded, ChildLine, News
from tests.e2e.running import free_port

pytestmark = pytest.mark.sockets

PATIENCE_S = 10.0
LINE_LIMIT = 4_096


class Network:
    """A running simulated network, whose edge is a socket of the test."""

    def __init__(self) -> None:
        self.edge = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.edge.bind(("127.0.0.1", 0))
        self.edge.settimeout(PATIENCE_S)
        self.address = ("127.0.0.1", free_port())
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        where = f"{self.address[0]}:{self.address[1]}"
        edge_at = "{}:{}".format(*self.edge.getsockname())
        arguments = [f"--sip={where}", f"--control={where}", f"--edge={edge_at}"]
        self.child = Child(
            "pstn", "emulator.carrier", arguments, tell=self._news.put, environment=os.environ
        )
        assert self.next() == ChildLine("pstn", {"event": "ready", "process": "pstn"})

    def next(self) -> News:
        return self._news.get(timeout=PATIENCE_S)

    def order(self, line: bytes) -> bytes:
        with socket.create_connection(self.address, timeout=PATIENCE_S) as connection:
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                return answers.readline()

    def close(self) -> None:
        self.child.stop()
        self.child.wait(PATIENCE_S)
        self.edge.close()


@pytest.fixture
def network() -> Iterator[Network]:
    running = Network()
    yield running
    running.close()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"call me\n",
        b"POST / HTTP/1.1\r\n",
        b"[]\n",
        b"{}\n",
        b'{"from": "+1", "to": "+1", "duration_s": "long"}\n',
        b"\xff\xfe\n",
    ],
)
def test_an_order_that_cannot_be_read_is_refused(network: Network, line: bytes) -> None:
    assert json.loads(network.order(line))["error"].startswith("the order cannot be read: ")


def test_an_order_without_end_is_dropped_and_the_next_one_heard(network: Network) -> None:
    try:
        assert network.order(b"x" * (LINE_LIMIT + 1)) == b""
    except ConnectionResetError:
        pass  # closed with octets unread: as good a refusal
    assert b"error" in network.order(b"{}\n")


def test_a_call_goes_to_the_edge_with_both_numbers_and_pcmu(network: Network) -> None:
    # EDGE I1, I5
    with socket.create_connection(network.address, timeout=PATIENCE_S) as connection:
        connection.sendall(b'{"from": "+12125552001", "to": "+12065552001", "duration_s": 1}\n')
        invite, source = network.edge.recvfrom(65_536)
        head, _, body = invite.partition(b"\r\n\r\n")
        edge = "{}:{}".format(*network.edge.getsockname()).encode()
        assert head.startswith(b"INVITE sip:+12065552001@" + edge + b" SIP/2.0\r\n")
        assert b"P-Asserted-Identity: <sip:+12125552001@127.0.0.1>" in head
        assert b"m=audio " in body and b" 0 101" in body
        copied = [
            line + (b";tag=1" if line.startswith(b"To:") else b"")
            for line in head.split(b"\r\n")
            if line.startswith((b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:"))
        ]
        answer = [b"SIP/2.0 486 Busy Here", *copied, b"Content-Length: 0", b"", b""]
        network.edge.sendto(b"\r\n".join(answer), source)
        with connection.makefile("rb") as answers:
            report = json.loads(answers.readline())
    assert source == network.address
    assert (report["answered"], report["status"], report["reason"]) == (False, 486, "Busy Here")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_parent_decides_what_ctrl_c_means(network: Network, number: signal.Signals) -> None:
    os.kill(network.child.pid, number)
    if number is signal.SIGINT:
        assert b"error" in network.order(b"{}\n"), "it goes on"
    else:
        assert network.next() == ChildEnded("pstn", 0, ())


def test_it_ends_with_its_parent(network: Network) -> None:
    # The parent's end of standard input closes, however the parent dies.
    network.child.release()
    assert network.next() == ChildEnded("pstn", 0, ())


@pytest.mark.parametrize(
    ("module", "what"),
    [("emulator.carrier", "the simulated network"), ("emulator.pbx", "the demo PBX")],
)
def test_a_port_in_use_is_exit_code_three(network: Network, module: str, what: str) -> None:
    news: queue.SimpleQueue[News] = queue.SimpleQueue()
    where = f"{network.address[0]}:{network.address[1]}"
    arguments = [f"--sip={where}"]
    if module == "emulator.carrier":
        arguments += [f"--control={where}", f"--edge={where}"]
    child = Child("second", module, arguments, tell=news.put, environment=os.environ)
    ended = news.get(timeout=PATIENCE_S)
    child.wait(PATIENCE_S)
    assert isinstance(ended, ChildEnded)
    assert ended.exit_code == 3
    assert ended.last_lines[-1].startswith(f"{what} cannot start: ")
    assert str(network.address[1]) in ended.last_lines[-1]
