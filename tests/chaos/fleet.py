"""Edges that die and come back: each has a place with an address, a disk, a clock and its own doors
to AWS, and lives there as often as a test wants."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.flow import Address
from emulator.probe import options_request
from model.codec import moment
from model.tables import DEFAULT_PREFIX, NODES
from tests.chaos.clock import SteppedClock
from tests.chaos.exchange import Answer, Request
from tests.chaos.fault_proxy import Door, Proxies
from tests.chaos.ledger import Fate
from tests.chaos.world import World
from tests.e2e.cluster import edge_environment
from tests.e2e.running import free_port
from tests.runtime.processes import children_of
from tests.runtime.scripted import wait_for
from tests.runtime.test_main import Edge

ASK_EVERY_S = 0.5
READY_WITHIN_S = 120.0
"""Seconds on a quiet machine; this is for one with ten times the work that it can do."""

_NODES = NODES.physical_name(DEFAULT_PREFIX)


class Probe:
    """Asks an edge whether it knows its connectors, and waits for no answer."""

    def __init__(self, edge: Address, connector_host: str, source: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((source, 0))
        self._socket.setblocking(False)
        self._socket.connect(edge)
        self._question = options_request(connector_host, self._socket.getsockname())
        self._asked_at = 0.0

    def is_admitted(self) -> bool:
        """Tell whether it has said so; until then it is asked again and again."""
        with suppress(BlockingIOError, ConnectionRefusedError):
            if self._socket.recv(65_536).startswith(b"SIP/2.0 200 "):
                return True
        if time.monotonic() > self._asked_at + ASK_EVERY_S:
            self._asked_at = time.monotonic()
            with suppress(ConnectionRefusedError):
                self._socket.send(self._question)
        return False

    def close(self) -> None:
        """Ask no more."""
        self._socket.close()


class Life:
    """One run of an edge."""

    def __init__(self, edge: Edge, probe: Probe, fate: Fate) -> None:
        self.edge = edge
        self.fate = fate
        self.is_told_to_stop = False
        self._probe = probe
        self._is_configured = False
        self._asked_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Tell whether it takes calls, of connectors that it knows."""
        if self.fate.killed_at is not None or self.is_told_to_stop or self.is_gone:
            return False
        if not self._is_configured and self.edge.of("ready"):
            self._is_configured = self._probe.is_admitted()
        return self._is_configured

    @property
    def is_gone(self) -> bool:
        """Tell whether its process was seen to have ended."""
        return self.fate.gone_at is not None

    def look(self) -> None:
        """See whether its process has ended."""
        if self.fate.gone_at is None and self.edge.process.poll() is not None:
            self.fate.gone_at = time.monotonic()

    def end(self) -> None:
        """End it if it has not ended."""
        self.edge.end()
        self.look()
        self._probe.close()

    def ask_for_pending(self) -> None:
        """Ask what it holds (EDGE X9), at most every half second; only one that is ready can
        hear it."""
        now = time.monotonic()
        if now - self._asked_at > ASK_EVERY_S and not self.is_gone:
            self._asked_at = now
            self.edge.process.send_signal(signal.SIGUSR1)

    @property
    def holds_nothing(self) -> bool:
        """Tell whether it said so when it was asked last: no call and no record."""
        told = self.edge.of("pending")
        return bool(told) and not any(told[-1][name] for name in ("calls", "records"))


class Place:
    """Where an edge lives."""

    def __init__(self, number: int, folder: Path, world: World, proxies: Proxies) -> None:
        self.number = number
        self.address: Address = (f"127.0.0.{number + 1}", free_port())
        self.dynamodb: Door = proxies.door(world.aws.url)
        self.s3: Door = proxies.door(world.aws.url)
        self.clock = SteppedClock(folder / f"clock-{number}")
        self.journal = folder / f"journal-{number}"
        self.journal.mkdir()
        self.lives: list[Life] = []
        self.troubles: list[tuple[float, float]] = []
        self._lock = threading.Lock()
        self._world = world
        self._settings = world.settings()
        self.dynamodb.watchers.append(self._watch)

    @property
    def life(self) -> Life:
        """Return the present life, or the last one."""
        return self.lives[-1]

    def begin(self) -> Life:
        """Start an edge; it is ready a little later."""
        environment = {
            **edge_environment(self.address, self._settings, self.dynamodb.url),
            "AWS_ENDPOINT_URL_S3": self.s3.url,
            "OVC_JOURNAL_DIRECTORY": str(self.journal),
            **self.clock.environment,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "edge"], env=environment, stdout=subprocess.PIPE
        )
        probe = Probe(self.address, self._world.host, self._world.pbx)
        fate = Fate(self.number, self.clock.offset_s, self.troubles)
        life = Life(Edge(process, self.address[1]), probe, fate)
        self.lives.append(life)
        return life

    def kill(self) -> None:
        """End all its processes at once, as a host that loses its power does; from any thread."""
        with self._lock:
            life = self.life
            if life.fate.killed_at is not None or life.edge.process.poll() is not None:
                return
            pid = life.edge.process.pid
            children = children_of(pid)
            life.fate.killed_at = time.monotonic()
            for each in (pid, *children):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)

    def kill_aws_worker(self) -> None:
        """End the process that talks to AWS alone."""
        for pid in children_of(self.life.edge.process.pid):
            if _is_aws_worker(pid):
                os.kill(pid, signal.SIGKILL)

    def aws_worker(self) -> int:
        """Return the process id of the AWS worker."""
        (pid,) = [it for it in children_of(self.life.edge.process.pid) if _is_aws_worker(it)]
        return pid

    def tell_to_stop(self) -> None:
        """Send SIGTERM."""
        self.life.is_told_to_stop = True
        self.life.edge.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Kill what still lives, and let no zombie be."""
        for life in self.lives:
            if life is self.life:
                self.kill()
            life.end()

    def bury(self) -> None:
        """Wait for the end of a life that is over, so that its process id is free."""
        self.life.end()

    def has_old_journals(self) -> bool:
        """Tell whether its disk has journals of dead processes, which are still to be replayed."""
        return any(not _is_locked(path) for path in self.journal.glob("*.journal"))

    def _watch(self, request: Request, answer: Answer | None) -> None:
        """Note what the table knows of the node's lease."""
        if request.operation != "BatchWriteItem" or answer is None or answer.status != 200:
            return
        if json.loads(answer.body)["UnprocessedItems"] or self.life.fate.killed_at is not None:
            return
        for write in json.loads(request.body)["RequestItems"].get(_NODES, []):
            item = write.get("PutRequest", {}).get("Item", {})
            if "renewed_at" in item:
                self.life.fate.renewed_at = moment(item["renewed_at"])


def _is_locked(path: Path) -> bool:
    """Tell whether anybody has locked a file, or it is gone by now; trying would get in the way."""
    with suppress(FileNotFoundError):
        inode = path.stat().st_ino
        held = (line.split() for line in Path("/proc/locks").read_text().splitlines())
        return any(it[1] == "FLOCK" and it[5].endswith(f":{inode}") for it in held)
    return True


def _is_aws_worker(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return b"edge.runtime.aws_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


@contextmanager
def fleet(size: int, folder: Path, world: World, *, seed: int = 0) -> Iterator[list[Place]]:
    """Run edges on one set of tables, each through doors of its own; the block ends them all."""
    with Proxies(seed) as proxies:
        places = [Place(number, folder, world, proxies) for number in range(size)]
        try:
            for place in places:
                place.begin()
            for place in places:
                wait_for(lambda place=place: place.life.is_ready, READY_WITHIN_S)  # type: ignore[misc]  # a default binds the loop's value
            yield places
        finally:
            for place in places:
                place.close()
