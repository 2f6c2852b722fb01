"""Keeps the addresses of route hosts that are names fresh, ahead of any call (EDGE W11, A9).

A call never waits for DNS: the names of the configuration are looked up when they appear and every
half minute after that. What a name resolved to stays in use for an hour when it no longer resolves.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

from edge.media.targets import permitted_source
from edge.runtime.log import Logger

REFRESH_S = 30.0
"""The TTL that this project's own names have; the system resolver does not tell others'."""
STALE_S = 3_600.0
TIMEOUT_S = 5.0
MAX_NAMES = 2_000
"""100 connectors with 20 routes."""

Lookup: TypeAlias = Callable[[str], Awaitable[tuple[str, ...]]]


class Resolver:
    """Looks names up in the background and reports every change."""

    def __init__(
        self,
        *,
        lookup: Lookup,
        report: Callable[[Mapping[str, tuple[str, ...]]], None],
        log: Logger,
        private_addresses: bool,
    ) -> None:
        """`private_addresses` admits answers that are loopback or private (EDGE S11, S12)."""
        self._lookup = lookup
        self._report = report
        self._log = log
        self._private_addresses = private_addresses
        self._names: frozenset[str] = frozenset()
        self._found: dict[str, tuple[tuple[str, ...], float]] = {}
        self._wake = asyncio.Event()

    def set_names(self, names: Iterable[str]) -> None:
        """Replace the names to keep; new ones are looked up at once."""
        wanted = frozenset(sorted(names)[:MAX_NAMES])
        if wanted != self._names:
            self._names = wanted
            self._wake.set()

    async def run(self) -> None:
        """Look up, report, wait; until cancelled."""
        while True:
            self._wake.clear()
            await self._refresh()
            try:
                await asyncio.wait_for(self._wake.wait(), REFRESH_S)
            except TimeoutError:
                continue

    async def _refresh(self) -> None:
        before = self._addresses()
        for name in sorted(self._names):
            await self._resolve(name)
        now = time.monotonic()
        self._found = {
            name: (addresses, at)
            for name, (addresses, at) in self._found.items()
            if name in self._names and now - at < STALE_S
        }
        if self._addresses() != before:
            self._report(self._addresses())

    async def _resolve(self, name: str) -> None:
        try:
            found = await asyncio.wait_for(self._lookup(name), TIMEOUT_S)
        except (OSError, TimeoutError, UnicodeError) as error:
            self._log("name-unresolved", {"name": name, "error": str(error) or "no answer in time"})
            return
        fit = tuple(address for address in found if self._is_fit(address))
        if len(fit) < len(found):
            self._log("address-refused", {"name": name, "addresses": ", ".join(found)})
        self._found[name] = (fit, time.monotonic())

    def _is_fit(self, address: str) -> bool:
        private = self._private_addresses
        return permitted_source(address, lab_mode=private, private_media=private, own=frozenset())

    def _addresses(self) -> dict[str, tuple[str, ...]]:
        return {name: addresses for name, (addresses, _) in self._found.items()}


async def system_lookup(name: str) -> tuple[str, ...]:
    """Return the IPv4 addresses of a name as the system resolves it; raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
