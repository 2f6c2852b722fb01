"""Keeps what the names of the configuration resolve to fresh, ahead of any call (EDGE W11, A9).

A call never waits for DNS: hosts and SRV records are looked up when they appear in the
configuration, and again when their time to live is over. While the name service fails, what it said
last stays in use for an hour. Hosts that SRV records name are looked up like any other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, Protocol, TypeVar

from edge.directory import Directory, Service
from edge.media.targets import permitted_source
from edge.runtime.backoff import Backoff
from edge.runtime.dns_client import Answer, LookupFailedError
from edge.runtime.log import Logger
from model.checks import is_address

T = TypeVar("T")

SHORTEST_S = 5.0
LONGEST_S = 300.0
"""Bounds of a time to live, whatever an answer says (EDGE W11)."""
STALE_S = 3_600.0
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
"""Waits after an answer that there is no such name, and after none."""
MAX_NAMES = 2_000
"""Of hosts, and as many of services: 100 connectors with 20 routes."""
TURN_S = 0.05
STARTS_PER_TURN = 10
"""Look-ups begun in a turn: however many names there are, they cost little of the process."""


class NameService(Protocol):
    """Whoever knows what names stand for."""

    async def addresses(self, name: str) -> Answer[str]:
        """Return the addresses of a host; raises LookupFailedError."""

    async def services(self, name: str) -> Answer[Service]:
        """Return the SRV records of a name; raises LookupFailedError."""


class _Entry(Generic[T]):
    """One name: what it stands for and when it is to be asked for again."""

    __slots__ = ("answered_at", "backoff", "due_at", "is_asked", "is_complained_of", "values")

    def __init__(self, now: float) -> None:
        self.values: tuple[T, ...] | None = None
        """None: not known; empty: there is no such name."""
        self.answered_at = now
        self.due_at = now
        self.is_asked = False
        self.is_complained_of = False
        self.backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)

    def answered(self, answer: Answer[T], now: float) -> None:
        self.values, self.answered_at = answer.values, now
        if answer.values:
            self.backoff.reset()
            self.due_at = now + min(max(answer.ttl_s, SHORTEST_S), LONGEST_S)
        else:
            self.due_at = now + self.backoff.next_s()

    def failed(self, now: float) -> None:
        if now - self.answered_at >= STALE_S:
            self.values = None
        self.due_at = now + self.backoff.next_s()


class Resolver:
    """Looks names up in the background and reports every change."""

    def __init__(
        self,
        *,
        names: NameService,
        report: Callable[[Directory], None],
        log: Logger,
        private_addresses: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`private_addresses` admits answers that are loopback or private (EDGE S11, S12)."""
        self._names = names
        self._report = report
        self._log = log
        self._private_addresses = private_addresses
        self._monotonic = monotonic
        self._configured: frozenset[str] = frozenset()
        self._hosts: dict[str, _Entry[str]] = {}
        self._services: dict[str, _Entry[Service]] = {}
        self._reported = Directory()
        self._wake = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()

    def set_names(self, hosts: Iterable[str], services: Iterable[str] = ()) -> None:
        """Replace the names to keep; new ones are looked up at once."""
        self._configured = frozenset(sorted(hosts)[:MAX_NAMES])
        self._services = self._kept(self._services, sorted(services)[:MAX_NAMES])
        self._wake.set()

    async def run(self) -> None:
        """Look up, report, wait; until cancelled."""
        try:
            while True:
                self._wake.clear()
                self._hosts = self._kept(self._hosts, self._wanted_hosts())
                self._ask_due()
                self._report_change()
                await asyncio.sleep(TURN_S)
                await self._until_due()
        finally:
            for task in self._asking:
                task.cancel()

    def _kept(self, entries: dict[str, _Entry[T]], names: Iterable[str]) -> dict[str, _Entry[T]]:
        now = self._monotonic()
        return {name: entries.get(name) or _Entry(now) for name in names}

    def _wanted_hosts(self) -> list[str]:
        """Return the configured hosts and those that SRV records name."""
        named = {
            service.host
            for entry in self._services.values()
            for service in entry.values or ()
            if service.host and not is_address(service.host)
        }
        return [*sorted(self._configured), *sorted(named - self._configured)][:MAX_NAMES]

    def _ask_due(self) -> None:
        now, left = self._monotonic(), STARTS_PER_TURN
        for name, host in self._hosts.items():
            if left and host.due_at <= now and not host.is_asked:
                left -= 1
                self._start(name, host, self._names.addresses)
        for name, service in self._services.items():
            if left and service.due_at <= now and not service.is_asked:
                left -= 1
                self._start(name, service, self._names.services)

    def _start(
        self, name: str, entry: _Entry[T], ask: Callable[[str], Awaitable[Answer[T]]]
    ) -> None:
        entry.is_asked = True
        task = asyncio.get_running_loop().create_task(self._ask(name, entry, ask))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(
        self, name: str, entry: _Entry[T], ask: Callable[[str], Awaitable[Answer[T]]]
    ) -> None:
        try:
            answer = await ask(name)
        except LookupFailedError as error:
            entry.failed(self._monotonic())
            self._complain(name, entry, str(error))
        else:
            entry.answered(answer, self._monotonic())
            if answer.values:
                entry.is_complained_of = False
            elif entry is self._hosts.get(name):
                self._complain(name, entry, "there is no such host")
        finally:
            entry.is_asked = False
            self._wake.set()

    def _complain(self, name: str, entry: _Entry[T], error: str) -> None:
        """Say that a name does not resolve, once until it does."""
        if not entry.is_complained_of:
            entry.is_complained_of = True
            self._log("name-unresolved", {"name": name, "error": error})

    def _report_change(self) -> None:
        directory = Directory(
            {name: fit for name, entry in self._hosts.items() if (fit := self._fit(name, entry))},
            {
                # Not known is not the same as not there: without an answer nothing is tried.
                name: entry.values or ()
                for name, entry in self._services.items()
                if entry.values is None or entry.values
            },
        )
        if directory != self._reported:
            self._reported = directory
            self._report(directory)

    def _fit(self, name: str, entry: _Entry[str]) -> tuple[str, ...]:
        found = entry.values or ()
        fit = tuple([address for address in found if self._is_fit(address)])
        if len(fit) < len(found) and not entry.is_complained_of:
            entry.is_complained_of = True
            self._log("address-refused", {"name": name, "addresses": ", ".join(found)})
        return fit

    def _is_fit(self, address: str) -> bool:
        private = self._private_addresses
        return permitted_source(address, lab_mode=private, private_media=private, own=frozenset())

    async def _until_due(self) -> None:
        due = [host.due_at for host in self._hosts.values() if not host.is_asked]
        due += [service.due_at for service in self._services.values() if not service.is_asked]
        wait_s = max(0.0, min(due) - self._monotonic()) if due else None
        try:
            await asyncio.wait_for(self._wake.wait(), wait_s)
        except TimeoutError:
            return
