"""Make mixed calls for a long time and say what is left: `python -m bench.soak [--minutes 20]`.

Exit code 1 says that something leaked, or that records and calls do not match.
"""

import argparse
import json
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

from bench.signalling.middles import running_edge
from bench.signalling.sink import Sink
from bench.signalling.tls_tunnel import SecureEdge
from bench.soak import in_memory
from bench.soak.rubbish import Rubbish
from bench.soak.traffic import call_all, callees
from bench.soak.verdict import (
    Made,
    Record,
    growth,
    judge_growth,
    judge_left_over,
    judge_records,
)
from bench.soak.watch import Watch
from bench.soak.world import connector_id, connectors, numbers, places, settings_for
from edge.flow import Address
from tests.e2e.running import free_port

IDLE_WITHIN_S = 110.0
"""Timer B or F of a request that nobody answers, then the one that came of it (EDGE B8, F7)."""
LOOK_EVERY_S = 0.5


class Records:
    """Detail records as they are put, in any thread."""

    def __init__(self) -> None:
        self.by_connector: dict[str, list[Record]] = defaultdict(list)
        self._lock = threading.Lock()

    def keep(self, key: str, body: bytes) -> None:
        """Take an object."""
        told = json.loads(body)
        record = Record(told["CallId"], told["TransactionId"], told["StatusMessage"])
        with self._lock:
            self.by_connector[told["VoiceConnectorId"]].append(record)


def soak(load_s: float, rate: float, folder: Path) -> list[str]:
    """Run it, print the report, return what is wrong."""
    chosen, records = places(), Records()
    settings = settings_for(chosen)
    edge: Address = ("127.0.0.1", free_port())
    sink = Sink(connectors(chosen, settings), numbers(chosen), records.keep)
    secure = SecureEdge.of(folder, edge[0])
    log, seed = folder / "edge.log", secrets.randbelow(1 << 32)
    try:
        with (
            running_edge(
                settings, edge, sink.url, log, before=(), variables=secure.variables
            ) as processes,
            callees(chosen, folder, load_s),
            Watch(processes, log) as watch,
        ):
            before = watch.descriptors()
            with Rubbish(edge, chosen[0].caller[0], seed, load_s) as rubbish:
                made = call_all(chosen, folder, edge, secure, settings, rate=rate, load_s=load_s)
            pending = _await_idle(watch)
            after = watch.descriptors()
    finally:
        sink.close()
    found = {it.kind.name: records.by_connector[connector_id(it.kind)] for it in made}
    grown = growth(watch.samples, load_s)
    complaints = [
        *(text for it in made for text in judge_records(it, found[it.kind.name])),
        *_judge_strangers(records, made),
        *judge_left_over(pending, before, after),
        *judge_growth(grown),
    ]
    _report(made, found, grown, pending, rubbish.sent, seed)
    return complaints


def _await_idle(watch: Watch) -> dict[str, int]:
    """Wait until nothing is held, or until everything should be over."""
    deadline = time.monotonic() + IDLE_WITHIN_S
    while True:
        pending = watch.pending()
        if not judge_left_over(pending, {}, {}) or time.monotonic() > deadline:
            return pending
        time.sleep(LOOK_EVERY_S)


def _judge_strangers(records: Records, made: list[Made]) -> list[str]:
    known = {connector_id(it.kind) for it in made}
    strange = [it for it in records.by_connector if it not in known]
    every = [it.transaction_id for kept in records.by_connector.values() for it in kept]
    doubled = len(every) - len(set(every))
    return [
        *(f"records of {it}, which made no calls" for it in strange),
        *([f"{doubled} records share a TransactionId"] if doubled else []),
    ]


def _report(
    made: list[Made],
    found: dict[str, list[Record]],
    grown: dict[str, float] | None,
    pending: dict[str, int],
    rubbish: int,
    seed: int,
) -> None:
    print("| calls | made | failed | records |\n|---|---|---|---|")
    for it in made:
        name = it.kind.name
        print(f"| {name} | {len(it.call_ids)} | {it.failed} | {len(found[name])} |")
    print(f"\nrubbish: {rubbish} datagrams, seed {seed}")
    print("held at the end: " + ", ".join(f"{name} {it}" for name, it in pending.items()))
    if grown is None:
        print("memory: too short a run to tell a slope")
    else:
        slopes = (f"{name} {slope:+.1f}" for name, slope in grown.items())
        print(f"memory, KiB per minute: {', '.join(slopes)}")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long calls are made")
    parser.add_argument("--rate", type=float, default=100.0, help="calls per second, all kinds")
    parser.add_argument(
        "--in-memory", type=float, metavar="HOURS", help="the Core alone, by a simulated clock"
    )
    options = parser.parse_args()
    if options.in_memory is not None:
        in_memory.report(options.in_memory, options.rate)
        return
    if shutil.which("sipp") is None:
        sys.exit("bench.soak: SIPp is missing: apt-get install sip-tester")
    # Else the edge and SIPp would outlive whoever is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as folder:
        complaints = soak(options.minutes * 60, options.rate, Path(folder))
    for complaint in complaints:
        print(f"WRONG: {complaint}")
    if complaints:
        sys.exit(1)
    print("nothing is left, every call has its record")


if __name__ == "__main__":
    main()
