"""`ovc drain`: order a node to drain, take that back, or watch its calls end (A11)."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import client
from cli.errors import CommandError, ExitCode
from lambdas.edge_dns.repository import NodeTable
from lambdas.management.errors import ApiError
from lambdas.management.store import Store
from model.codec import Item
from model.drain import DrainMark, DrainReason, drain_from
from model.node import NodeState
from model.node_items import node_from
from model.tables import DEFAULT_PREFIX

_USAGE = ExitCode.USAGE
LOOK_EVERY_S = 2.0
"""A node's row is renewed every ten seconds."""


def run(
    node: str,
    *,
    undo: bool,
    wait: bool,
    prefix: str | None,
    region: str | None,
    api_port: int | None,
) -> None:
    """Order it, or take it back."""
    if undo and wait:
        raise CommandError("--undo takes effect at once: there is nothing to --wait for", _USAGE)
    with _problems():
        found = client("dynamodb", prefix=prefix, region=region, api_port=api_port)
        desk = Desk(NodeTable(Store(found, time.sleep), prefix or DEFAULT_PREFIX))
        if undo:
            desk.undo(node)
        elif wait:
            desk.await_end(desk.order(node, may_be_told=True))
        else:
            desk.order(node)


class Desk:
    """Where orders are given, over the table of nodes."""

    def __init__(
        self,
        table: NodeTable,
        *,
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._utc = utc
        self._rest = rest

    def order(self, name: str, *, may_be_told: bool = False) -> str:
        """Tell a node to drain and return its id; `may_be_told` takes one that has been told."""
        nodes, marks = self._live(), self._table.marks()
        node_id = _named(name, nodes, "node that lives")
        node = nodes[node_id]
        if node_id in marks:
            if may_be_told:
                return node_id
            since, calls = _since(marks[node_id]), _calls(node)
            raise CommandError(
                f"{node_id} is told to drain already{since}; {calls}. --undo takes it back, "
                "--wait waits for its last call"
            )
        if node.draining:
            raise CommandError(f"{node_id} is stopping already; {_calls(node)}")
        if all(it.draining or other in marks for other, it in nodes.items() if other != node_id):
            sys.stderr.write("no other node takes calls: new ones will be refused until one does\n")
        mark = DrainMark(node_id=node_id, ordered_at=self._utc(), reason=DrainReason.OPERATOR)
        self._table.order(mark)
        _say(f"{node_id} ({node.sip_address}) is told to drain; {_calls(node)}")
        return node_id

    def undo(self, name: str) -> None:
        """Take an order back."""
        nodes, marks = self._live(), self._table.marks()
        node_id = _named(name, marks, "node that is told to drain")
        self._table.withdraw(node_id)
        node = nodes.get(node_id)
        if node is None:
            _say(f"{node_id} is not told to drain any more; it has not shown itself lately")
        elif node.draining and not node.active_calls:
            _say(
                f"{node_id} serves again, unless its drain had ended: then its log says "
                "drain-is-final, it stops, and ECS starts another one"
            )
        else:
            _say(f"{node_id} serves again; {_calls(node)}")

    def await_end(self, node_id: str) -> None:
        """Say how many calls are left whenever that changes, until there is none."""
        said = ""
        while True:
            node = self._live().get(node_id)
            if node is None:
                if node_id in self._table.rows():
                    raise CommandError(
                        f"{node_id} has not shown itself for half a minute: calls may be up there"
                    )
                _say(f"{node_id} has left")
                return
            if node.draining and not node.active_calls:
                _say(f"{node_id} has no call any more")
                return
            if node_id not in self._table.marks():
                raise CommandError(f"{node_id} is not told to drain any more; {_calls(node)}")
            refuses = "refuses new calls" if node.draining else "still takes calls"
            text = f"{node_id} {refuses}; {_calls(node)}"
            if text != said:
                said = text
                _say(text)
            self._rest(LOOK_EVERY_S)

    def _live(self) -> dict[str, NodeState]:
        nodes = {}
        for node_id, item in self._table.rows().items():
            try:
                node = node_from(item)
            except (KeyError, ValueError):
                # The log of edge_dns has it; this is about others.
                continue
            if node.is_live(self._utc()):
                nodes[node_id] = node
        return nodes


def _named(name: str, known: Mapping[str, object], what: str) -> str:
    """Return the one id that begins so; raises CommandError."""
    found = [it for it in known if it.startswith(name)] if name else []
    if name in known:
        return name
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"{name!r} begins several ids: {', '.join(sorted(found))}", _USAGE)
    there = ", ".join(sorted(known)) or "none"
    raise CommandError(f"{name!r} is no {what}; there is {there}", _USAGE)


def _since(mark: Item) -> str:
    try:
        told = drain_from(mark)
    except (KeyError, ValueError):
        return ", by an order that cannot be read"
    return f", since {told.ordered_at:%Y-%m-%d %H:%M:%S} UTC ({told.reason.value})"


def _calls(node: NodeState) -> str:
    match node.active_calls:
        case 0:
            return "no call is up"
        case 1:
            return "1 call is up"
        case number:
            return f"{number} calls are up"


@contextmanager
def _problems() -> Iterator[None]:
    """Turn what goes wrong with the table into a CommandError."""
    try:
        yield
    except ApiError as error:
        cause = error.__cause__ or error
        raise CommandError(f"the table of nodes cannot be used: {cause}") from error
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the table of nodes cannot be used: {error}") from error


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
