"""Joins the parts of the edge_dns Lambda into one handler.

What an event says does not matter: each run reads everything and makes what is missing of one set
of records and of orders to drain. Whatever is wrong with the database ends the run before a record
changes (A9, A11). Where there is no zone somebody else keeps the records: then nodes are told to
drain and nothing else, and nobody notes when a node had no record any more (model/drain.py).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from time import sleep
from typing import TypeAlias

from botocore.client import BaseClient

from lambdas.call_reaper.judgement import Watch
from lambdas.counting import Figures
from lambdas.edge_dns.drains import Candidate, to_drain
from lambdas.edge_dns.ecs_service import EcsView, Phase
from lambdas.edge_dns.notes import Notes
from lambdas.edge_dns.records import NOTHING, Change, NodeSeen, Standing, change_of, unlisted
from lambdas.edge_dns.repository import NodeTable
from lambdas.edge_dns.standing import node_seen
from lambdas.edge_dns.zone import Zone
from lambdas.management.api import Log
from lambdas.management.composition import Handler, utc_now
from lambdas.management.store import Store
from model.codec import Item
from model.drain import DrainMark, DrainReason
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
) -> Handler:
    """Return a handler over explicit clients and a clock; an empty `zone_id` is no zone."""
    table = NodeTable(Store(dynamodb, sleep), table_prefix)
    zone = Zone(route53, zone_id, domain) if zone_id else None
    run = Run(table, zone, ask_ecs, log=log, count=count, clock=clock)

    def handle(event: Mapping[str, object], context: object) -> dict[str, object]:
        return run()

    return handle


class Run:
    """One run after the other."""

    def __init__(
        self,
        table: NodeTable,
        zone: Zone | None,
        ask_ecs: AskEcs,
        *,
        log: Log,
        count: Figures,
        clock: Callable[[], datetime],
    ) -> None:
        self._table = table
        self._zone = zone
        self._ask_ecs = ask_ecs
        self._log = log
        self._count = count
        self._clock = clock

    def __call__(self) -> dict[str, object]:
        """Look, tell who is to drain, and change the records; raises what Store and botocore do."""
        now = self._clock()
        rows, marked = self._table.rows(), set(self._table.marks())
        nodes = self._readable(rows)
        notes = (self._table.notes() or Notes(watch=Watch(at=now))).next(
            {it.node_id: it.renewed_at.isoformat() for it in nodes.values()}, now
        )
        ecs = self._ask_ecs({it.task for it in nodes.values() if it.task is not None})
        seen = self._seen(nodes, notes.watch, marked, ecs, now)
        ordered = self._orders(nodes, seen, ecs)
        seen |= dict.fromkeys(ordered, NodeSeen(Standing.LEAVING))
        unsure = dict.fromkeys(rows.keys() - seen.keys(), NodeSeen(Standing.UNSURE))
        records = None if self._zone is None else self._zone.records()
        change = (
            NOTHING if records is None else change_of(records, seen | unsure, len(notes.removals))
        )
        # Before the change: what is removed and not noted would not count to the minute.
        self._table.write_notes(notes.with_removals(change.removed))
        for node_id, reason in ordered.items():
            self._table.order(DrainMark(node_id=node_id, ordered_at=now, reason=reason))
        if records is not None:
            for node_id in unlisted(marked & nodes.keys(), records):
                self._table.note_unlisted(node_id, now)
        if self._zone is not None and not change.is_empty:
            self._zone.apply(change)
        return self._told(records, change, ordered, len(unsure))

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

    def _orders(
        self, nodes: Mapping[str, NodeState], seen: Mapping[str, NodeSeen], ecs: EcsView
    ) -> dict[str, DrainReason]:
        """Return who is to drain that has not been told."""
        if ecs.service is None:
            return {}
        candidates = [
            Candidate(node_id, ecs.service.wants(ecs.tasks[task]), nodes[node_id].active_calls)
            for node_id, it in seen.items()
            if it.standing is Standing.SERVING
            and (task := nodes[node_id].task) is not None
            and ecs.phase(task) is Phase.RUNNING
        ]
        return to_drain(candidates, ecs.service.desired)

    def _told(
        self,
        records: Mapping[str, str] | None,
        change: Change,
        ordered: Mapping[str, DrainReason],
        damaged: int,
    ) -> dict[str, object]:
        listed = None
        if records is not None:
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
            "drained": {node_id: reason.value for node_id, reason in ordered.items()},
            "waiting": change.waiting,
            "damaged": damaged,
        }
        if not change.is_empty or ordered or change.waiting:
            self._log.info("records of nodes", extra=report)
        return report
