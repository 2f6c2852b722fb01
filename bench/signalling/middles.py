"""What stands between caller and callee: our edge as it is shipped, sippy, kamailio."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import MappingProxyType

from bench.signalling.kernel import POLL_S, children, wait_until_bound
from bench.signalling.sink import Sink
from bench.signalling.world import connectors, numbers, settings_for
from edge.flow import Address
from emulator.probe import options_request
from model.settings import Settings

MIDDLE_CORE, LOAD_CORE = 0, 1
_LAST_LINES = 20
_SILENCE_S = 0.5
_SILENCES = 4
_CALM_S = 1.0
"""A large configuration holds the node up for a moment, which is overload (EDGE R30)."""
_PINNED = ("taskset", "-c", str(MIDDLE_CORE))
_KAMAILIO_MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"


@dataclass(frozen=True, slots=True)
class Places:
    """Who is where in one measurement."""

    caller: Address
    middle: Address
    callee: Address


@dataclass(frozen=True, slots=True)
class Processes:
    """A middle that runs."""

    pid: int
    forks: bool = False
    """Whether children handle SIP too."""
    helpers: tuple[int, ...] = ()
    """Processes that store records and read the configuration."""
    media: tuple[int, ...] = ()
    """Media workers, which are never counted."""

    @property
    def signalling(self) -> tuple[int, ...]:
        """Return the processes that handle SIP."""
        return (self.pid, *children(self.pid)) if self.forks else (self.pid,)


Start = Callable[[Places, Path], AbstractContextManager[Processes]]


@contextmanager
def our_edge(places: Places, directory: Path) -> Iterator[Processes]:
    """Run `python -m edge` with a cheap AWS behind it."""
    sink = Sink(connectors(places.caller[0]), numbers())
    settings = settings_for(places.callee, lab_mode=True)
    try:
        with running_edge(settings, places.middle, sink.url, directory / "edge.log") as processes:
            yield processes
    finally:
        sink.close()


@contextmanager
def running_edge(
    settings: Settings,
    listen: Address,
    aws_url: str,
    log: Path,
    *,
    before: Sequence[str] = _PINNED,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Processes]:
    """Run the shipped edge until the block ends; `before` is put before its command, `variables`
    are more of its environment."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "OVC_SETTINGS": settings.to_json(),
        "OVC_SIP_LISTEN": f"{listen[0]}:{listen[1]}",
        "OVC_JOURNAL_DIRECTORY": str(log.parent),
        **variables,
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "edge"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    with _ended_with(process):
        _wait_until_ready(process, log)
        _wait_until_configured(listen)
        time.sleep(_CALM_S)
        started = children(process.pid)
        yield Processes(
            process.pid,
            helpers=tuple(pid for pid, line in started.items() if "aws_worker" in line),
            media=tuple(pid for pid, line in started.items() if "media_worker" in line),
        )


@contextmanager
def sippy(places: Places, directory: Path) -> Iterator[Processes]:
    """Run sippy's own simple B2BUA, its log switched off."""
    (host, port), (next_host, next_port) = places.middle, places.callee
    process = subprocess.Popen(
        [
            *(*_PINNED, sys.executable, "-m", "sippy.b2bua_simple", "-f", "-l", host),
            *("-p", str(port), "-n", f"{next_host}:{next_port}"),
        ],
        env={**os.environ, "SIPLOG_BEND": "none"},
        stdout=subprocess.DEVNULL,
        stderr=(directory / "sippy.log").open("w"),
    )
    with _ended_with(process):
        wait_until_bound(places.middle)
        yield Processes(process.pid)


@contextmanager
def kamailio(places: Places, directory: Path) -> Iterator[Processes]:
    """Run kamailio as a stateful proxy with one worker."""
    template = Template(Path(__file__).with_name("kamailio.cfg").read_text())
    configuration = directory / "kamailio.cfg"
    configuration.write_text(
        template.substitute(
            modules=_KAMAILIO_MODULES,
            listen=f"{places.middle[0]}:{places.middle[1]}",
            next_host=places.callee[0],
            next_port=places.callee[1],
        )
    )
    process = subprocess.Popen(
        [
            *(*_PINNED, "kamailio", "-f", str(configuration), "-DD", "-E", "-x", "tlsf"),
            *("-Y", str(directory), "-P", str(directory / "kamailio.pid")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=(directory / "kamailio.log").open("w"),
    )
    with _ended_with(process):
        wait_until_bound(places.middle)
        yield Processes(process.pid, forks=True)


def installed() -> Mapping[str, Start]:
    """Return what can be measured here, ours first."""
    found: dict[str, Start] = {"ours": our_edge}
    if importlib.util.find_spec("sippy") is not None:
        found["sippy"] = sippy
    if shutil.which("kamailio") is not None:
        found["kamailio"] = kamailio
    return found


@contextmanager
def _ended_with(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    while not _is_ready(log):
        if process.poll() is not None:
            said = "\n".join(log.read_text().splitlines()[-_LAST_LINES:])
            raise RuntimeError(f"the edge has ended:\n{said}")
        time.sleep(POLL_S)


def _wait_until_configured(listen: Address) -> None:
    """Ask until a node that is ready, but has no configuration yet, answers 503 no more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.bind((listen[0], 0))
        asker.settimeout(_SILENCE_S)
        silences = 0
        # A stranger hears nothing (EDGE R36); nor does anybody while a large load is taken in.
        while silences < _SILENCES:
            asker.sendto(options_request("nobody.invalid", asker.getsockname()), listen)
            try:
                answer = asker.recv(65_535)
            except TimeoutError:
                silences += 1
                continue
            silences = 0
            if not answer.startswith(b"SIP/2.0 503 "):
                return
            # A stranger hears five refusals in a second and then nothing (EDGE R7).
            time.sleep(_SILENCE_S)


def _is_ready(log: Path) -> bool:
    whole_lines = log.read_text().splitlines(keepends=True)
    events = [json.loads(line) for line in whole_lines if line.startswith("{") and line[-1] == "\n"]
    return any(event["event"] == "ready" for event in events)
