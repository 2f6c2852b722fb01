"""Joins the parts of the edge_dns Lambda into one handler.

What an event says does not matter: each run reads everything and makes what is missing of one set
of records and of orders to drain. Whatever is wrong with the database ends the run before a record
changes (A9, A11).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from time import sleep
from typing import NamedTuple, TypeAlias

from botocore.client import BaseClient

from lambdas.call_reaper.judgement import Watch
from lambdas.counting import Figures
from lambdas.edge_dns.drains import Candidate, to_drain, to_take_back
from lambdas.edge_dns.ecs_service import EcsView, Phase, Service
from lambdas.edge_dns.notes import MINUTE, Notes
from lambdas.edge_dns.records import Change, NodeSeen, Standing, change_of, unlisted
from lambdas.edge_dns.repository import NodeTable
from lambdas.edge_dns.standing import node_seen
from lambdas.edge_dns.zone import Zone
from lambdas.management.api import Log
from lambdas.management.composition import Handler, utc_now
from lambdas.management.store import Store
from model.codec import Item
from model.drain import DrainMark, DrainReason, drain_from
from model.node import NodeState
from model.node_items import node_from

AskEcs: TypeAlias = Callable[[Iterable[str]], EcsView]
"""Tells what ECS says of tasks and of the service."""

NODES_LISTED = "NodesListed"
"""Records of nodes after a run."""
NODES_UNLISTED = "NodesWithoutRecord"
"""Nodes that take calls and have no record, because a name has no room for more."""
ROWS_DAMAGED = "NodeRowsDamaged"
"""Rows of nodes that say nothing to go by; their records stay as they are."""


def build(
    *,
    table_prefix: str,
    dynamodb: BaseClient,
    route53: BaseClient,
    zone_id: str,
    domain: str,
    ask_ecs: AskEcs,
    log: Log,
    count: Figures,
    clock: Callable[[], datetime] = utc_now,
    minute: timedelta = MINUTE,
) -> Handler:
    """Return a handler over explicit clients and a clock; within a `minute` no more than a third of
    the records goes."""
    table = NodeTable(Store(dynamodb, sleep), table_prefix)
    zone = Zone(route53, zone_id, domain)
    run = Run(table, zone, ask_ecs, log=log, count=count, clock=clock, minute=minute)

    def handle(event: Mapping[str, object], context: object) -> dict[str, object]:
        return run()

    return handle


class Orders(NamedTuple):
    """What a run has told nodes, by node id."""

    given: Mapping[str, DrainReason]
    taken_back: list[str]


class Run:
    """One run after the other."""

    def __init__(
        self,
        table: NodeTable,
        zone: Zone,
        ask_ecs: AskEcs,
        *,
        log: Log,
        count: Figures,
        clock: Callable[[], datetime],
        minute: timedelta,
    ) -> None:
        self._table = table
        self._zone = zone
        self._ask_ecs = ask_ecs
        self._log = log
        self._count = count
        self._clock = clock
        self._minute = minute

    def __call__(self) -> dict[str, object]:
        """Look, tell who is to drain, and change the records; raises what Store and botocore do."""
        now = self._clock()
        rows, marks = self._table.rows(), self._table.marks()
        marked = set(marks)
        nodes = self._readable(rows)
        notes = (self._table.notes() or Notes(watch=Watch(at=now))).next(
            {it.node_id: it.renewed_at.isoformat() for it in nodes.values()}, now, self._minute
        )
        ecs = self._ask_ecs({it.task for it in nodes.values() if it.task is not None})
        seen = self._seen(nodes, notes.watch, marked, ecs, now)
        candidates = _candidates(nodes, seen, ecs)
        serving, leaving = candidates[Standing.SERVING], candidates[Standing.LEAVING]
        ordered = {} if ecs.service is None else to_drain(serving, ecs.service)
        taken_back = _taken_back(marks, leaving, serving, ecs.service)
        seen |= dict.fromkeys(ordered, NodeSeen(Standing.LEAVING))
        unsure = dict.fromkeys(rows.keys() - seen.keys(), NodeSeen(Standing.UNSURE))
        records = self._zone.records()
        change = change_of(records, seen | unsure, len(notes.removals))
        # Before the change: what is removed and not noted would not count to the minute.
        self._table.write_notes(notes.with_removals(change.removed))
        for node_id, reason in ordered.items():
            self._table.order(DrainMark(node_id=node_id, ordered_at=now, reason=reason))
        for mark in taken_back:
            self._table.take_back(mark)
        for node_id in unlisted(marked & nodes.keys(), records):
            self._table.note_unlisted(node_id, now)
        if not change.is_empty:
            self._zone.apply(change)
        orders = Orders(ordered, sorted(it.node_id for it in taken_back))
        return self._told(records, change, orders, len(unsure))

    def _readable(self, rows: Mapping[str, Item]) -> dict[str, NodeState]:
        nodes = {}
        for node_id, item in rows.items():
            try:
                nodes[node_id] = node_from(item)
            except (KeyError, ValueError):
                self._log.exception("the row of a node is damaged", extra={"node": node_id})
        return nodes

    def _seen(
        self,
        nodes: Mapping[str, NodeState],
        watch: Watch,
        marked: set[str],
        ecs: EcsView,
        now: datetime,
    ) -> dict[str, NodeSeen]:
        seen = {}
        for node_id, node in nodes.items():
            phase = ecs.phase(node.task)
            try:
                seen[node_id] = node_seen(node, watch=watch, marked=marked, phase=phase, now=now)
            except ValueError:
                self._log.exception("the row of a node is damaged", extra={"node": node_id})
        return seen

    def _told(
        self,
        records: Mapping[str, str],
        change: Change,
        orders: Orders,
        damaged: int,
    ) -> dict[str, object]:
        listed = len(records) + len(change.added) - len(change.removed)
        self._count(NODES_LISTED, listed)
        if damaged:
            self._count(ROWS_DAMAGED, damaged)
        if change.waiting:
            self._count(NODES_UNLISTED, change.waiting)
        report: dict[str, object] = {
            "listed": listed,
            "added": sorted(change.added),
            "moved": sorted(change.moved),
            "removed": sorted(change.removed),
            "drained": {node_id: reason.value for node_id, reason in orders.given.items()},
            "taken_back": orders.taken_back,
            "waiting": change.waiting,
            "damaged": damaged,
        }
        if not change.is_empty or any(orders) or change.waiting:
            self._log.info("records of nodes", extra=report)
        return report


def _candidates(
    nodes: Mapping[str, NodeState], seen: Mapping[str, NodeSeen], ecs: EcsView
) -> dict[Standing, list[Candidate]]:
    """Return the nodes whose tasks run, by what they are to callers."""
    found: dict[Standing, list[Candidate]] = {it: [] for it in Standing}
    for node_id, it in seen.items():
        task = ecs.tasks.get(nodes[node_id].task or "")
        if task is not None and task.phase is Phase.RUNNING:
            candidate = Candidate(node_id, task.definition, nodes[node_id].active_calls)
            found[it.standing].append(candidate)
    return found


def _taken_back(
    marks: Mapping[str, Item],
    leaving: Collection[Candidate],
    serving: Collection[Candidate],
    service: Service | None,
) -> list[DrainMark]:
    """Return which orders are taken back; those of operators stand."""
    if service is None:
        return []
    orders = dict(_readable_orders(marks))
    ours = [it for it in leaving if it.node_id in orders]
    return [orders[it] for it in to_take_back(ours, serving, service)]


def _readable_orders(marks: Mapping[str, Item]) -> Iterator[tuple[str, DrainMark]]:
    for node_id, item in marks.items():
        # A damaged one is an operator's to look at: its node says so.
        with suppress(KeyError, ValueError):
            mark = drain_from(item)
            if mark.reason is not DrainReason.OPERATOR:
                yield node_id, mark
