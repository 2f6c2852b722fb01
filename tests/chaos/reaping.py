"""The reaper's own code, run when a test wants it and with a clock that waits for nobody."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from emulator import aws as embedded
from emulator.local_tasks import local_tasks
from lambdas.call_reaper import composition
from model.settings import Settings
from model.tables import DEFAULT_PREFIX
from tests.chaos.fault_proxy import Door, Proxies, Rule
from tests.chaos.world import World

MINUTE_S = 60.0
MOST_RUNS = 130
"""Two hours: once an hour the reaper looks for rows whose node has no row any more."""
ONE_ATTEMPT = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
"""What goes wrong, goes wrong at once: a run that fails is what a test asks for."""


class Reaper:
    """Runs that follow each other by the clock of `at`, through doors of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._proxies = Proxies()
        self.dynamodb: Door = self._proxies.door(world.aws.url)
        self.s3: Door = self._proxies.door(world.aws.url)
        self.at = datetime.now(UTC)
        self.lines = Lines()
        session = boto3.Session(
            embedded.ACCESS_KEY_ID, embedded.SECRET_ACCESS_KEY, region_name="us-east-1"
        )
        self._handler = composition.build(
            settings=Settings(),
            table_prefix=DEFAULT_PREFIX,
            dynamodb=session.client("dynamodb", endpoint_url=self.dynamodb.url, config=ONE_ATTEMPT),
            s3=session.client("s3", endpoint_url=self.s3.url, config=ONE_ATTEMPT),
            tasks=local_tasks,
            log=self.lines,
            count=lambda name, number=1: None,
            clock=lambda: self.at,
        )

    def set_rules(self, *rules: Rule) -> None:
        """Let these rules hold at both doors."""
        for door in (self.dynamodb, self.s3):
            door.set_rules(*rules)

    def run(self, after_s: float = MINUTE_S) -> Mapping[str, Any]:
        """Run so long after the last run; raises what the run raises."""
        self.at += timedelta(seconds=after_s)
        return self._handler({}, None)

    def fail(self, after_s: float = MINUTE_S) -> None:
        """Run, and expect that it cannot."""
        try:
            self.run(after_s)
        except Exception:
            return
        raise AssertionError("the run went well")

    def close_all(self) -> None:
        """Run every minute until nothing is left of any call; there is no node that lives."""
        for _ in range(MOST_RUNS):
            if not self._world.live_calls():
                return
            try:
                self.run()
            except Exception as error:
                # What one run could not do on a busy machine, the next one does.
                self.lines.written.append(("the run failed", {"error": repr(error)}))
        raise AssertionError(f"the reaper does not come to an end: {self.lines.written[-9:]}")

    def close(self) -> None:
        """Shut its doors."""
        self._proxies.close()

    def __enter__(self) -> "Reaper":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Lines:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Mapping[str, object]]] = []

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Keep a line."""
        self.written.append((str(msg), extra))

    def exception(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Keep a line with the exception that is being handled."""
        self.written.append((str(msg), {**extra, "error": repr(sys.exception())}))
