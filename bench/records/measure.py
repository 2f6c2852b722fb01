"""Calls through an edge, and the moments at which they end and their objects arrive.

Both moments are of this machine's wall clock: SIPp's as it sends BYE, ours when a PUT has come
whole.
"""

import json
import subprocess
import time
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from bench.signalling.kernel import free_address
from bench.signalling.load import PATIENCE_S, SCENARIOS, callee, caller, write_users
from bench.signalling.middles import Places, running_edge
from bench.signalling.sink import Sink
from bench.signalling.world import connectors, numbers, settings_for

HOLD_S = 1.0
"""Each call; so long it takes until as many end as begin."""
LONGEST_P99_S = 2.0
"""EDGE C9 has 60 s against S3 itself; here there is no network and no S3."""
LEAST_SHARE = 0.98
"""Of the calls per second: objects per second of an edge that keeps up."""
ARRIVED_WITHIN_S = 10.0
_TRACE = '<nop><action><log message="BYE [call_id] [timestamp]"/></action></nop>'


@dataclass(slots=True)
class Delivery:
    """What was seen, in seconds since the epoch, by Call-ID."""

    ended_at: dict[str, float] = field(default_factory=dict)
    stored_at: dict[str, float] = field(default_factory=dict)
    doubled: int = 0
    """Objects beyond one of each call."""
    failed: int = 0
    """Calls that SIPp counts so."""

    @property
    def rate(self) -> float:
        """Return how many objects came per second between the first and the last."""
        moments = self.stored_at.values()
        if len(moments) < 2:
            return 0.0
        return (len(moments) - 1) / (max(moments) - min(moments))

    @property
    def waits_s(self) -> list[float]:
        """Return how long each object took from the end of its call, in order of size."""
        return sorted(
            self.stored_at[call_id] - at
            for call_id, at in self.ended_at.items()
            if call_id in self.stored_at
        )

    def percentile(self, share: float) -> float:
        """Return what a share of the objects took at most, in seconds."""
        waits = self.waits_s
        return waits[max(0, ceil(share * len(waits)) - 1)] if waits else 0.0


def complaints(done: Delivery, rate: int) -> list[str]:
    """Return what is not as it has to be."""
    missing = done.ended_at.keys() - done.stored_at.keys()
    checks = (
        (not done.ended_at, "no call has ended"),
        (missing, f"{len(missing)} calls have no object, e.g. {next(iter(missing), '')}"),
        (done.doubled, f"{done.doubled} objects are doubled"),
        (done.failed, f"SIPp says that {done.failed} calls failed"),
        (
            done.percentile(0.99) > LONGEST_P99_S,
            f"p99 is {done.percentile(0.99):.2f} s, at most {LONGEST_P99_S} s are allowed",
        ),
        (
            done.rate < LEAST_SHARE * rate,
            f"{done.rate:.1f} objects per second come of {rate} calls per second",
        ),
    )
    return [text for is_wrong, text in checks if is_wrong]


def measure(folder: Path, *, rate: int, seconds: int) -> Delivery:
    """Make calls at a rate for so long, each held for a second."""
    done = Delivery()
    places = Places(*[free_address(f"127.0.0.{host}") for host in (1, 2, 3)])
    users = write_users(folder, places)

    def keep(key: str, body: bytes) -> None:
        now = time.time()
        call_id = json.loads(body)["CallId"]
        done.doubled += call_id in done.stored_at
        done.stored_at.setdefault(call_id, now)

    sink = Sink(connectors(places.caller[0]), numbers(), keep)
    settings = settings_for(places.callee, lab_mode=True)
    try:
        log = folder / "edge.log"
        with running_edge(settings, places.middle, sink.url, log), callee(places, folder):
            _make_calls(places, users, folder, done, rate=rate, seconds=seconds)
            _await_objects(done)
    finally:
        sink.close()
    return done


def _make_calls(
    places: Places, users: Path, folder: Path, done: Delivery, *, rate: int, seconds: int
) -> None:
    """Let SIPp make all calls, then read what it noted."""
    scenario, noted, statistics = (folder / it for it in ("uac.xml", "byes.log", "calls.csv"))
    usual = (SCENARIOS / "uac.xml").read_text()
    scenario.write_text(usual.replace("<pause/>", f"<pause/>{_TRACE}"))
    command = caller(
        places, users, calls=rate * seconds, rate=rate, hold_s=HOLD_S, scenario=str(scenario)
    )
    traces = ("-trace_logs", "-log_file", str(noted), "-trace_stat", "-stf", str(statistics))
    with (folder / "caller.log").open("w") as log:
        subprocess.run(
            [*command, *traces],
            stdout=log,
            stderr=log,
            cwd=folder,
            timeout=seconds + PATIENCE_S,
            check=False,
        )
    names, *rows = [line.split(";") for line in statistics.read_text().splitlines()]
    done.failed = int(rows[-1][names.index("FailedCall(C)")])
    for line in noted.read_text().splitlines():
        # BYE 1-4711@127.0.0.1 2026-07-01 <tab> 12:00:00.123456 <tab> 1782907200.123456
        word, call_id, *stamp = line.split()
        if word == "BYE":
            done.ended_at[call_id] = float(stamp[-1])


def _await_objects(done: Delivery) -> None:
    """Wait for the object of every call, or until it is too late for any."""
    deadline = time.monotonic() + ARRIVED_WITHIN_S
    while done.ended_at.keys() - done.stored_at.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
