"""A proxy in front of AWS that lets requests go wrong as it is told.

`Proxies` is one thread with an event loop; each of its doors is a port that leads to one server.
Whoever talks to AWS through a door of its own can be cut off alone. Doors are told what to do from
any thread:

    with Proxies() as proxies:
        door = proxies.door(aws.url)
        door.set_rules(Rule(throttled, operations=frozenset({"BatchWriteItem"}), share=0.5))
        ...
        door.set_rules()
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from tests.chaos.exchange import (
    Answer,
    Forward,
    HttpError,
    Request,
    forwarding_to,
    read_request,
    write_answer,
)
from tests.chaos.faults import Fault, passed

Result = TypeVar("Result")

HOST = "127.0.0.1"
PATIENCE_S = 10.0
"""Until the thread has done what is asked of it; it never waits itself."""


class Rule(NamedTuple):
    """Which requests meet a fault."""

    fault: Fault
    operations: frozenset[str] | None = None
    """Names as of Request.operation; None is every one."""
    share: float = 1.0
    """Of those requests."""
    matches: Callable[[Request], bool] = lambda request: True

    def meets(self, request: Request, chance: random.Random) -> bool:
        """Tell whether a request meets the fault."""
        is_named = self.operations is None or request.operation in self.operations
        return is_named and self.matches(request) and chance.random() < self.share


class Door:
    """One port of the proxy; every request passes it as the rules of that moment want."""

    def __init__(self, thread: "Proxies", forward: Forward, chance: random.Random) -> None:
        self._thread = thread
        self._forward = forward
        self._chance = chance
        self._rules: tuple[Rule, ...] = ()
        self._once: list[tuple[Rule, threading.Event]] = []
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0
        self.requests: Counter[str] = Counter()
        """By operation."""
        self.faults: Counter[str] = Counter()
        """Of these, those that met a fault, by operation."""
        self.watchers: list[Callable[[Request, Answer | None], None]] = []
        """Hear of every request and of what is answered, in the thread of the proxy."""

    @property
    def url(self) -> str:
        """Return where it is entered."""
        return f"http://{HOST}:{self._port}"

    def set_rules(self, *rules: Rule) -> None:
        """Let these rules hold from now on, the first that meets a request; none passes all."""
        self._rules = rules

    def once(self, rule: Rule) -> threading.Event:
        """Let the next request that a rule meets have its fault, before all other rules; the
        event is set once it is over."""
        over = threading.Event()
        self._once.append((rule, over))
        return over

    def forget_once(self) -> None:
        """Let no fault of `once` happen any more."""
        self._once.clear()

    def clear_rules(self, *rules: Rule) -> None:
        """Let all requests pass, if these are the rules that hold."""
        if self._rules == rules:
            self._rules = ()

    def refuse(self) -> None:
        """Cut every connection and let nobody connect."""
        self._thread.run(self._shut())

    def accept(self) -> None:
        """Let clients connect again, at the same port."""
        self._thread.run(self.listen())

    async def listen(self) -> None:
        """Open the port; in the thread of the proxy."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (request := await read_request(reader, writer)) is not None:
                answer = await self._answer(request)
                if answer is None:
                    break
                write_answer(writer, answer)
                await writer.drain()
        except (OSError, HttpError, asyncio.IncompleteReadError):
            pass  # AWS or the client has gone: whoever is left sees its connection end.
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, request: Request) -> Answer | None:
        fault, over = self._fault_of(request)
        self.requests[request.operation] += 1
        if fault is not passed:
            self.faults[request.operation] += 1
        try:
            answer = await fault(request, self._forward)
        finally:
            if over is not None:
                over.set()
        for watch in self.watchers:
            watch(request, answer)
        return answer

    def _fault_of(self, request: Request) -> tuple[Fault, threading.Event | None]:
        for entry in tuple(self._once):
            if entry[0].meets(request, self._chance):
                with suppress(ValueError):  # forgotten this very moment
                    self._once.remove(entry)
                return entry[0].fault, entry[1]
        for rule in self._rules:
            if rule.meets(request, self._chance):
                return rule.fault, None
        return passed, None


class Proxies:
    """The thread with the doors; the `with` block ends it."""

    def __init__(self, seed: int = 0) -> None:
        """Take chances from a seed."""
        self._seed = seed
        self._doors: list[Door] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="fault-proxy", daemon=True
        )
        self._thread.start()

    def door(self, url: str) -> Door:
        """Open a port that leads to a server."""
        chance = random.Random(f"{self._seed}/{len(self._doors)}")
        door = Door(self, forwarding_to(url), chance)
        self._doors.append(door)
        self.run(door.listen())
        return door

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the thread and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def close(self) -> None:
        """Shut every door and end the thread."""
        for door in self._doors:
            door.refuse()
        self.run(self._end_of_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_of_tasks(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self) -> "Proxies":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
