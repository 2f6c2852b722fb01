"""A deployment on one machine: edges as tasks of a service, what AWS does for them, and callers."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from cli.drain import Desk
from emulator import aws as embedded
from lambdas.edge_dns.repository import NodeTable
from lambdas.management.store import Store
from model.codec import string
from model.tables import DEFAULT_PREFIX, SORT_KEY
from tests.chaos.verdict import Verdict, View, judged
from tests.chaos.world import StoredObject, World
from tests.e2e.running import free_port
from tests.fleet.aws import MINUTE_S, SPEED, Aws
from tests.fleet.callers import Call, Callers
from tests.fleet.ecs import Ecs
from tests.fleet.ecs_server import ecs_server
from tests.fleet.nodes import Node, Nodes
from tests.fleet.schedule import Schedule
from tests.support.ecs_agent import EcsAgent, ecs_agent
from tests.support.name_server import NameServer, name_server

T = TypeVar("T")

PATIENCE_S = 120.0
MOST_VALUES = 8
"""Of a multivalue answer of Route 53."""
LOOK_EVERY_S = 0.3


class Fleet:
    """What a scenario has at hand; time passes for it only while it waits for something."""

    def __init__(
        self, world: World, aws: Aws, nodes: Nodes, ecs: Ecs, agent: EcsAgent, callers: Callers
    ) -> None:
        self.world = world
        self.aws = aws
        self.nodes = nodes
        self.ecs = ecs
        self.agent = agent
        self.callers = callers
        self.tell: Callable[[str], None] = lambda line: None
        """Shows whoever reads the results a line."""
        self._desk = Desk(NodeTable(Store(world.dynamodb, time.sleep), DEFAULT_PREFIX))
        self._aside = ThreadPoolExecutor(1)
        self._epoch = time.time() - time.monotonic()
        self._objects: dict[str, StoredObject] = {}
        """Of the bucket, by key, as far as they were read."""

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Let everything go on until a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
            self.ecs.turn()
            self.callers.turn()

    def ask(self, question: Callable[[], T]) -> T:
        """Return what AWS answers: calls go on meanwhile, for it may take its time."""
        answer = self._aside.submit(question)
        self.until(answer.done, "an answer of AWS")
        return answer.result()

    def until_seen(self, condition: Callable[[], object], what: str) -> None:
        """Let everything go on until a condition holds for which AWS has to be asked."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.ask(condition):
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
            look_at = time.monotonic() + LOOK_EVERY_S
            self.until(lambda at=look_at: time.monotonic() > at, "a pause")  # type: ignore[misc]  # a default binds the loop's value

    def scale(self, desired: int) -> None:
        """Let the service have so many tasks."""
        self.ecs.desired = desired

    def deploy(self) -> None:
        """Let all tasks be of a new revision."""
        self.ecs.revision += 1

    def settle(self, desired: int) -> list[Node]:
        """Let there be so many nodes, all of them in the DNS, and no other; return them."""
        self.scale(desired)

        def is_settled() -> bool:
            running = self.running()
            hosts = {it.host for it in self.aws.listed().values()}
            return len(running) == desired and hosts == {it.address[0] for it in running}

        self.until_seen(is_settled, f"{desired} nodes")
        return self.running()

    def running(self) -> list[Node]:
        """Return the nodes that take calls or end them."""
        return [it for it in self.nodes.all if it.is_healthy()]

    def is_listed(self, node: Node) -> bool:
        """Tell whether the DNS names a node."""
        listed = self.ask(self.aws.listed).values()
        return node.address[0] in {it.host for it in listed}

    def await_unlisted(self, node: Node) -> None:
        """Wait until the DNS does not name a node any more."""
        self.until(lambda: not self.is_listed(node), "the DNS forgets the node")

    def id_of(self, node: Node) -> str:
        """Return what a node is called in the table."""
        sip_address = f"{node.address[0]}:{node.address[1]}"
        nodes = self.ask(self.world.nodes)
        (found,) = [it for it in nodes if string(it["sip_address"]) == sip_address]
        return string(found[SORT_KEY])

    def is_protected(self, node: Node) -> bool:
        """Tell whether ECS has to leave a node's task alone."""
        return self.agent.is_protected(node.task)

    def await_orders(self) -> None:
        """Wait until any node that is there is told to drain."""

        def is_any_told() -> bool:
            nodes = {string(it[SORT_KEY]) for it in self.world.nodes()}
            return any(string(it[SORT_KEY]) in nodes for it in self.world.orders())

        self.until_seen(is_any_told, "an order to drain")

    def order(self, node: Node) -> None:
        """Tell a node to drain, as `ovc drain` does."""
        node_id = self.id_of(node)
        self.ask(lambda: self._desk.order(node_id))

    def take_back(self, node: Node) -> None:
        """Tell a node that it is not to drain after all, as `ovc drain --undo` does."""
        node_id = self.id_of(node)
        self.ask(lambda: self._desk.undo(node_id))

    def held_call(self, node: Node) -> Call:
        """Return a call that is up at a node until somebody hangs up."""
        call = self.callers.hold(node.address[0])
        self.until(lambda: call.last.caller_answered_at is not None, "a call is up")
        return call

    def hang_up(self, call: Call) -> None:
        """Let its caller hang up, and wait until both ends know."""
        call.last.placed.hang_up(time.monotonic())
        self.until(lambda: call.is_over, "a call is over")

    def await_answers(self, number: int, node: Node) -> None:
        """Wait until a node has taken so many more calls."""
        wanted = self.callers.answered_by(node.number) + number
        self.until(
            lambda: self.callers.answered_by(node.number) >= wanted, f"{number} calls by a node"
        )

    def verdict(self) -> Verdict:
        """Let all calls end and all records arrive, and judge them; then there are new calls."""
        self.callers.pause()
        self.until(lambda: not self.callers.open, "all calls end")
        self.until_seen(lambda: not self.world.owed(), "all records")
        entries, view = self.callers.entries.values(), View(self._epoch, self.callers.blind_s)
        new = [key for key in self.world.keys() if key not in self._objects]
        self._objects |= {key: self.world.object(key) for key in new}
        verdict = judged(entries, list(self._objects.values()), self.world.calls(), view)
        verdict.complaints += self.callers.complaints()
        self.callers.begin()
        return verdict

    def summary(self) -> str:
        """Return what there has been so far, in a line."""
        calls = self.callers.calls
        answered = sum(it.last.caller_answered_at is not None for it in calls)
        return (
            f"fleet: {len(calls)} calls, {answered} answered, {len(self.callers.detours())} not by "
            f"the first node asked; {len(self.nodes.all)} nodes so far"
        )

    def close(self) -> None:
        """Ask nothing any more."""
        self._aside.shutdown()


def _shuffled(values: Sequence[str]) -> list[str]:
    return random.sample(values, min(MOST_VALUES, len(values)))


def _publish(aws: Aws, server: NameServer, name: str) -> None:
    """Let the name server know what Route 53 knows."""
    listed = aws.listed().values()
    ttl_s = max((round(it.ttl_s / SPEED) for it in listed), default=0)
    server.set(name, "A", *(it.host for it in listed), ttl=ttl_s)


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """Run a deployment without a node, and callers that wait for one, until the block ends."""
    with ExitStack() as open_:
        world = World(open_.enter_context(embedded.start(account_id="000000000000")))
        server = open_.enter_context(ecs_server())
        agent = open_.enter_context(ecs_agent())
        names = open_.enter_context(name_server(_shuffled))
        aws = Aws(world.aws.url, server.url)
        port = free_port()
        nodes = Nodes(world, server, agent, folder, port)
        open_.callback(nodes.close)
        edge_dns, call_reaper = aws.edge_dns(), aws.call_reaper()

        def keep_dns() -> None:
            edge_dns({}, None)
            _publish(aws, names, world.host)

        server.ecs = ecs = Ecs(
            nodes.start, is_protected=agent.is_protected, on_stopped=lambda: schedule.call()
        )
        schedule = Schedule(keep_dns, MINUTE_S)
        open_.callback(schedule.close)
        reaping = Schedule(lambda: call_reaper({}, None), MINUTE_S)
        open_.callback(reaping.close)
        callers = Callers(world, names.address, port, lambda host: nodes.at(host).fate)
        open_.callback(callers.close)
        made = Fleet(world, aws, nodes, ecs, agent, callers)
        open_.callback(made.close)
        yield made
        failures = [*schedule.failures, *reaping.failures]
        assert not failures, failures
