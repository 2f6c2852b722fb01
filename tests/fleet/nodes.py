"""The edges of a fleet: each is what runs in one task, at an address of its own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from edge.flow import Address
from model.drain import SERVES_UNNOTED_S
from tests.chaos.ledger import Fate
from tests.chaos.world import World
from tests.e2e.cluster import edge_environment
from tests.e2e.lab import UNHURRIED
from tests.e2e.sipp import free_host
from tests.fleet.aws import MINUTE_S, SPEED
from tests.fleet.ecs_server import EcsServer
from tests.runtime.processes import children_of
from tests.runtime.test_main import Edge
from tests.support.ecs_agent import EcsAgent

STOPS_WITHIN_S = 110.0


class Node:
    """One edge in its task."""

    def __init__(self, task: str, address: Address, edge: Edge, number: int) -> None:
        self.task = task
        self.address = address
        self.edge = edge
        self.number = number
        self._was_ready = False
        self.fate = Fate(number)

    def is_healthy(self) -> bool:
        """Tell whether it takes calls."""
        self._was_ready = self._was_ready or bool(self.edge.of("ready"))
        return self._was_ready and not self.has_ended()

    def has_ended(self) -> bool:
        """Tell whether its process has ended."""
        if self.fate.gone_at is None and self.edge.process.poll() is not None:
            self.fate.gone_at = time.monotonic()
        return self.fate.gone_at is not None

    def stop(self) -> None:
        """Send SIGTERM."""
        self.edge.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End all its processes at once, as the loss of a host does."""
        pid = self.edge.process.pid
        doomed = (pid, *children_of(pid))
        self.fate.killed_at = time.monotonic()
        for each in doomed:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


class Nodes:
    """Starts edges on the tables of a world, and knows them all."""

    def __init__(
        self, world: World, server: EcsServer, agent: EcsAgent, folder: Path, port: int
    ) -> None:
        """`port` is that of all of them: an A record tells none."""
        self.all: list[Node] = []
        self._world = world
        self._server = server
        self._agent = agent
        self._folder = folder
        self._port = port
        self._settings = world.settings(admission=UNHURRIED)

    def start(self, task: str) -> Node:
        """Start the edge of a task."""
        address = (free_host(), self._port)
        journal = self._folder / task
        journal.mkdir()
        environment = {
            **edge_environment(address, self._settings, self._world.aws.url),
            "ECS_CONTAINER_METADATA_URI_V4": self._server.metadata_uri(task),
            "ECS_AGENT_URI": self._agent.uri(task),
            "OVC_PUBLIC_ADDRESS": address[0],
            "OVC_JOURNAL_DIRECTORY": str(journal),
            "OVC_POLL_SECONDS": "2",
            "OVC_DRAIN_SECONDS": str(STOPS_WITHIN_S),
            "OVC_UNLISTED_SECONDS": str(MINUTE_S),
            "OVC_UNNOTED_SECONDS": str(SERVES_UNNOTED_S / SPEED),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.task_process"],
            env=environment,
            stdout=subprocess.PIPE,
        )
        node = Node(task, address, Edge(process, self._port), len(self.all))
        self.all.append(node)
        return node

    def at(self, host: str) -> Node:
        """Return the node with an address."""
        (found,) = [it for it in self.all if it.address[0] == host]
        return found

    def close(self) -> None:
        """Kill what still runs."""
        for node in self.all:
            if not node.has_ended():
                node.kill()
            node.edge.end()
