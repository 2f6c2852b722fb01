"""SIPp on both sides of a middle: complete calls at a rate, and calls that are held."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from bench.signalling.kernel import cpu_s, free_address, resident_kib, wait_until_bound
from bench.signalling.middles import LOAD_CORE, Places, Processes, Start
from bench.signalling.world import CONNECTORS, caller_of, host_of, settings_for

_PINNED = ("taskset", "-c", str(LOAD_CORE))
SCENARIOS = Path(__file__).parent
HELD_CALLS = (100, 500)
HELD_RATE = 50
WARM_UP_CALLS = 200
SETTLE_S = 2.0
"""After the last call: records are written, sockets closed; it is part of what a call costs."""
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measurement of one middle."""

    signalling_ms: float
    """CPU of the processes that handle SIP, per call."""
    whole_ms: float
    """The same with the helpers."""
    answer_ms: float
    """99th percentile of the caller's wait from INVITE to 200, both SIPps' own time included."""
    failed: int
    held_kib: float
    """Memory of the signalling processes per held call."""


def measure(start: Start, directory: Path, *, calls: int, rate: int) -> Result:
    """Measure a middle, freshly started."""
    places = Places(*[free_address(f"127.0.0.{host}") for host in (1, 2, 3)])
    users = write_users(directory, places)
    with start(places, directory) as middle, callee(places, directory):
        run(places, users, directory, calls=WARM_UP_CALLS, rate=rate)
        signalling_s, helpers_s = cpu_of(middle)
        failed, waits_ms = run(places, users, directory, calls=calls, rate=rate)
        time.sleep(SETTLE_S)
        after = cpu_of(middle)
        return Result(
            signalling_ms=(after[0] - signalling_s) / calls * 1e3,
            whole_ms=(sum(after) - signalling_s - helpers_s) / calls * 1e3,
            answer_ms=quantiles(waits_ms, n=100)[98],
            failed=failed,
            held_kib=_held_kib(places, users, directory, middle),
        )


def cpu_of(middle: Processes) -> tuple[float, float]:
    """Return what the signalling processes and their helpers have used, in seconds."""
    return (
        sum(cpu_s(pid) for pid in middle.signalling),
        sum(cpu_s(pid) for pid in middle.helpers),
    )


def _held_kib(places: Places, users: Path, directory: Path, middle: Processes) -> float:
    """Return what a call more takes while many are up."""
    memory: list[float] = []
    for calls in HELD_CALLS:
        hold_s = calls / HELD_RATE + 3.0
        command = caller(places, users, calls=calls, rate=HELD_RATE, hold_s=hold_s)
        began = time.monotonic()
        with (directory / "held.log").open("w") as log:
            sipp = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
            time.sleep(max(0.0, began + hold_s - 1.0 - time.monotonic()))
            memory.append(sum(resident_kib(pid) for pid in middle.signalling))
            sipp.wait(PATIENCE_S)
    return (memory[1] - memory[0]) / (HELD_CALLS[1] - HELD_CALLS[0])


def run(
    places: Places,
    users: Path,
    directory: Path,
    *,
    calls: int,
    rate: int,
    options: Sequence[str] = (),
) -> tuple[int, list[float]]:
    """Make calls; return how many failed and how long each waited for its 200, in ms."""
    command = [*caller(places, users, calls=calls, rate=rate, hold_s=0.0), *options]
    statistics = directory / "caller.csv"
    for old in (statistics, *directory.glob("uac_*_rtt.csv")):
        old.unlink(missing_ok=True)
    with (directory / "caller.log").open("w") as log:
        subprocess.run(
            [
                *(*command, "-trace_stat", "-stf", str(statistics)),
                *("-trace_rtt", "-rtt_freq", str(calls)),
            ],
            stdout=log,
            stderr=log,
            cwd=directory,
            timeout=PATIENCE_S,
            check=False,
        )
    waits = next(directory.glob("uac_*_rtt.csv"), None)
    if waits is None:
        raise SystemExit(f"SIPp made no calls: {(directory / 'caller.log').read_text()[-2_000:]}")
    names, *rows = [line.split(";") for line in statistics.read_text().splitlines()]
    waits_ms = [float(line.split(";")[1]) for line in waits.read_text().splitlines()[1:]]
    return int(rows[-1][names.index("FailedCall(C)")]), waits_ms


@contextmanager
def callee(places: Places, directory: Path) -> Iterator[None]:
    """Let SIPp answer until the block ends."""
    with (directory / "callee.log").open("w") as log:
        process = subprocess.Popen(
            [*_PINNED, *_sipp("uas.xml", places.callee), "-nostdin"],
            stdout=log,
            stderr=log,
            cwd=directory,
        )
        try:
            wait_until_bound(places.callee)
            yield
        finally:
            process.kill()
            process.wait()


def caller(
    places: Places,
    users: Path,
    *,
    calls: int,
    rate: int,
    hold_s: float,
    scenario: str = "uac.xml",
) -> list[str]:
    """Return the command that makes calls; another scenario is a whole path."""
    return [
        *(*_PINNED, *_sipp(scenario, places.caller), "-nostdin"),
        *("-inf", str(users), "-r", str(rate), "-m", str(calls), "-l", str(calls)),
        *("-d", str(int(hold_s * 1000)), f"{places.middle[0]}:{places.middle[1]}"),
    ]


def _sipp(scenario: str, address: tuple[str, int]) -> list[str]:
    host, port = address
    return [
        "sipp",
        "-sf",
        str(SCENARIOS / scenario),
        "-i",
        host,
        "-p",
        str(port),
        "-buff_size",
        "4194304",
    ]


def write_users(directory: Path, places: Places, connectors: int = CONNECTORS) -> Path:
    """Write the connector hosts and callers that SIPp takes in turn."""
    settings = settings_for(places.callee, lab_mode=True)
    path = directory / "users.csv"
    rows = [f"{host_of(number, settings)};{caller_of(number, 0)}" for number in range(connectors)]
    path.write_text("\n".join(["SEQUENTIAL", *rows, ""]))
    return path
