"""Joins the parts of the number_orders Lambda into one handler."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from time import sleep

from botocore.client import BaseClient

from lambdas.management.api import Log
from lambdas.management.composition import Handler, utc_now
from lambdas.management.pending_repository import PendingOrder
from lambdas.management.repository import Repository
from lambdas.number_orders.due_tasks import perform
from lambdas.number_orders.fulfilment import Fulfilment, Overtaken
from model.settings import Settings


class WorkFailed(Exception):
    """Something could not be done; its cause is in the log, and the next run tries again."""


def build(
    *,
    settings: Settings,
    table_prefix: str,
    dynamodb: BaseClient,
    log: Log,
    clock: Callable[[], datetime] = utc_now,
) -> Handler:
    """Return a handler over an explicit client and clock.

    What an event says does not matter, a schedule's or a stream's: it is a knock at the door, and
    every run does all that is to be done.
    """
    repository = Repository.over(dynamodb, table_prefix, sleep)
    run = Run(repository, quota=settings.api.quotas.numbers, clock=clock, log=log)

    def handle(event: Mapping[str, object], context: object) -> dict[str, object]:
        return run()

    return handle


class Run:
    """One run after the other; each leaves nothing undone that can be done."""

    def __init__(
        self,
        repository: Repository,
        *,
        quota: int,
        clock: Callable[[], datetime],
        log: Log,
    ) -> None:
        self._repository = repository
        self._quota = quota
        self._clock = clock
        self._log = log

    def __call__(self) -> dict[str, object]:
        """Do what is to be done; raises WorkFailed in the end when something failed."""
        orders = [partial(self._fulfil, it) for it in self._repository.pending.all()]
        failures = self._failures(orders)
        now = self._clock()
        due = self._repository.lifecycle.due(now)
        tasks = [partial(perform, self._repository, it, now) for it in due]
        failures += self._failures(tasks)
        report: dict[str, object] = {"orders": len(orders), "tasks": len(tasks)}
        if orders or tasks:
            self._log.info("worked", extra=report)
        if failures:
            raise WorkFailed(f"{failures} things could not be done; the log has the causes")
        return report

    def _fulfil(self, pending: PendingOrder) -> None:
        now = self._clock()
        try:
            Fulfilment(self._repository, pending, quota=self._quota, now=now).run()
        except Overtaken:
            self._log.info("left to another run", extra={"order": pending.order_id})

    def _failures(self, work: Iterable[Callable[[], None]]) -> int:
        """Do one thing after the other and return how many failed: none keeps others waiting."""
        failures = 0
        for piece in work:
            try:
                piece()
            except Exception:
                self._log.exception("work failed", extra={})
                failures += 1
        return failures
