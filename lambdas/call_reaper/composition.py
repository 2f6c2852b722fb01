"""Joins the parts of the call_reaper Lambda into one handler.

What an event says does not matter: each run looks at all leases, tells the next run what it saw,
and closes what the nodes have left that are dead by now (EDGE C9).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import TypeAlias

from botocore.client import BaseClient
from botocore.config import Config

from lambdas.call_reaper.bucket import RecordBucket
from lambdas.call_reaper.judgement import TaskState, Watch
from lambdas.call_reaper.repository import NodeLease, ReaperRepository
from lambdas.call_reaper.watch_items import Notes
from lambdas.call_reaper.work import ROWS_NOT_CLOSED, Work
from lambdas.counting import Figures
from lambdas.management.api import Log
from lambdas.management.composition import Handler, utc_now
from lambdas.management.repository import ConfigurationRepository
from lambdas.management.store import Store
from model.settings import Settings

Tasks: TypeAlias = Callable[[Iterable[str]], Mapping[str, TaskState]]
"""Tells what became of tasks."""

WORKS_FOR_S = 45.0
"""A run ends before the next one is due; what is left then, that one goes on with."""
ROWS_TOGETHER = 8
"""Rows that are closed at the same time: each waits some 50 ms for three answers, and takes 2.2 ms
of a whole CPU, of which the function has 0.29."""
SEARCHED_EVERY = timedelta(hours=1)
"""For rows whose node has no row; reading every live call costs too much for each minute."""
AWS_CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
)
"""Of S3 and ECS: the next run is the patience."""


class RowsLeft(Exception):
    """Some rows could not be closed; their causes are in the log, and the next run tries again."""


def build(
    *,
    settings: Settings,
    table_prefix: str,
    dynamodb: BaseClient,
    s3: BaseClient,
    tasks: Tasks,
    log: Log,
    count: Figures,
    clock: Callable[[], datetime] = utc_now,
    elapsed: Callable[[], float] = monotonic,
    rows_together: int = ROWS_TOGETHER,
) -> Handler:
    """Return a handler over explicit clients and clocks; `tasks` knows what became of nodes."""
    store = Store(dynamodb, sleep)
    run = Run(
        ReaperRepository(store, table_prefix),
        ConfigurationRepository(store, table_prefix),
        RecordBucket(s3),
        account_id=settings.account_id,
        tasks=tasks,
        log=log,
        count=count,
        clock=clock,
        elapsed=elapsed,
        rows_together=rows_together,
    )

    def handle(event: Mapping[str, object], context: object) -> dict[str, object]:
        return run()

    return handle


class Run:
    """One run after the other."""

    def __init__(
        self,
        repository: ReaperRepository,
        configuration: ConfigurationRepository,
        records: RecordBucket,
        *,
        account_id: str,
        tasks: Tasks,
        log: Log,
        count: Figures,
        clock: Callable[[], datetime],
        elapsed: Callable[[], float],
        rows_together: int,
    ) -> None:
        self._repository = repository
        self._configuration = configuration
        self._records = records
        self._account_id = account_id
        self._tasks = tasks
        self._log = log
        self._count = count
        self._clock = clock
        self._elapsed = elapsed
        self._rows_together = rows_together

    def __call__(self) -> dict[str, object]:
        """Look, judge and work; raises RowsLeft in the end when something could not be closed.

        Whatever is wrong with the database ends the run before anybody is judged: the notes, which
        are what a later run judges by, are written last of all that is read.
        """
        over_at = self._elapsed() + WORKS_FOR_S
        now = self._clock()
        notes, leases = self._looked(now)
        self._repository.write_notes(notes)
        dead = self._dead(notes.watch, leases)
        work = Work(
            self._repository,
            self._records,
            account_id=self._account_id,
            bucket=self._configuration.cdr_bucket() if dead else None,
            is_over=lambda: self._elapsed() >= over_at,
            log=self._log,
            count=self._count,
            rows_together=self._rows_together,
        )
        place = work.run(dead, notes.place)
        if place != notes.place or work.buried:
            watch = notes.watch.without(work.buried)
            self._repository.write_notes(replace(notes, watch=watch, place=place))
        report: dict[str, object] = {
            "nodes": len(leases),
            "dead": len(dead),
            "closed": work.closed,
            "left": work.failures,
        }
        if dead:
            self._log.info("worked", extra=report)
        if work.failures:
            self._count(ROWS_NOT_CLOSED, work.failures)
            raise RowsLeft(f"{work.failures} rows could not be closed; the log has the causes")
        return report

    def _looked(self, now: datetime) -> tuple[Notes, dict[str, NodeLease]]:
        """Return what this run sees, and as notes for the next one."""
        last = self._repository.notes()
        if last is None:
            last = Notes(watch=Watch(at=now), searched_at=now - SEARCHED_EVERY)
        leases = self._repository.leases()
        # A node whose row has gone stays in sight as long as a row of a call is left of it.
        gone = last.watch.silences.keys() - leases.keys()
        strays = {it for it in gone if self._repository.has_rows(it)}
        searched_at = last.searched_at
        if abs(now - searched_at) >= SEARCHED_EVERY:
            strays |= self._repository.nodes_of_rows()
            searched_at = now
        for node_id in strays - leases.keys():
            leases[node_id] = NodeLease(node_id, "", None)
        seen = {node_id: lease.lease for node_id, lease in leases.items()}
        notes = Notes(watch=last.watch.next(seen, now), searched_at=searched_at, place=last.place)
        return notes, leases

    def _dead(self, watch: Watch, leases: Mapping[str, NodeLease]) -> list[NodeLease]:
        suspects = [leases[node_id] for node_id in watch.suspects()]
        states = self._tasks({it.task for it in suspects if it.task is not None})
        dead = []
        for lease in suspects:
            known = TaskState.NOBODY_KNOWS if lease.task is None else states[lease.task]
            if watch.is_dead(lease.node_id, known):
                dead.append(lease)
        return dead
