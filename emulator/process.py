"""What the local run's child processes share: options, readiness, an end that nobody can forget."""

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine

import uvloop

from edge.flow import Address


def address(text: str) -> Address:
    """Read an option of the form IP:port; raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r} is not IP:port")
    return host, int(port)


def run(body: Coroutine[None, None, None]) -> None:
    """Run a process's coroutine; uvloop halves what a packet costs."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body)


async def run_until_orphaned(name: str) -> None:
    """Say that the process is ready, then wait for SIGTERM or the end of standard input.

    The parent holds the other end of standard input, so that even its sudden death ends the child.
    """
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    # The terminal sends Ctrl-C to the whole group; the parent decides what it means.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orphaned = loop.create_task(reader.read())
    orphaned.add_done_callback(lambda _: over.set())
    sys.stdout.write(json.dumps({"event": "ready", "process": name}) + "\n")
    sys.stdout.flush()
    await over.wait()
    orphaned.cancel()
