"""How far a command has come through a bucket, on a terminal alone."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from cli.records.stream import RecordStream

_WIDTH = 30


class Teller:
    """Writes lines to standard error, above the bar while there is one."""

    def __init__(self) -> None:
        self._console: Console | None = None

    def __call__(self, line: str) -> None:
        """Write a line."""
        if self._console is None:
            sys.stderr.write(f"ovc: {line}\n")
            sys.stderr.flush()
        else:
            self._console.print(Text(f"ovc: {line}"), soft_wrap=True)

    @contextmanager
    def watched(self, stream: RecordStream, *, is_free: bool) -> Iterator[None]:
        """Show a bar meanwhile, if standard error is a terminal and nothing else is written to it:
        `is_free`."""
        console = Console(stderr=True)
        if not (is_free and console.is_terminal):
            yield
            return
        self._console = console
        look = partial(_bar, stream)
        try:
            with Live(console=console, get_renderable=look, transient=True, refresh_per_second=8):
                yield
        finally:
            self._console = None


def progress_text(stream: RecordStream) -> str:
    """Return the counts of a stream in words."""
    counts = stream.counts
    skipped = f", {counts.skipped:,} no records" if counts.skipped else ""
    return f"{counts.wanted:,} of {counts.listed:,} records{skipped}"


def _bar(stream: RecordStream) -> Columns:
    listing = stream.listing
    done = listing.connectors_done + listing.connector_share
    # With one connector and no span of time nobody knows how much there is: the bar pulses.
    total = float(listing.connectors) if done else None
    bar = ProgressBar(total=total, completed=done, width=_WIDTH)
    return Columns([Text(progress_text(stream)), bar])
