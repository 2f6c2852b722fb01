"""Where the edge's log lines are: a file of the running stand, or CloudWatch Logs."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from cli.call_story import Event, events_of, last_call
from emulator.event_log import events_in

_MOST_EVENTS = 10_000
"""Of one search; a call has a handful."""
_PLAIN = re.compile(r"[0-9A-Za-z@._+-]+")
_LAST = '?"call-refused" ?"call-ended"'
_STRANGERS = '"source-refused"'


class Events(Protocol):
    """Finds log lines."""

    @property
    def searched(self) -> str:
        """Say, for people, what was searched."""

    def of(self, call: str) -> tuple[Event, ...]:
        """Return the events of a call, by TransactionId or SIP Call-ID."""

    def last(self) -> str | None:
        """Return an id of the call that was refused or ended last."""

    def strangers(self) -> Iterable[Event]:
        """Return events about sources that were not let in."""


class StandEvents:
    """Those of the running stand."""

    def __init__(self, path: Path) -> None:
        self._events = list(events_in(path))

    @property
    def searched(self) -> str:
        """Say what was searched."""
        return "the log of the running stand"

    def of(self, call: str) -> tuple[Event, ...]:
        """Return the events of a call."""
        return events_of(call, self._events)

    def last(self) -> str | None:
        """Return an id of the last call."""
        return last_call(self._events)

    def strangers(self) -> Iterable[Event]:
        """Return all events: whoever shows them picks."""
        return self._events


class CloudEvents:
    """Those of a deployment, by searching its log group."""

    def __init__(self, client: Any, group: str, hours: float, now_ms: int) -> None:
        """`client` is boto3's for CloudWatch Logs; the last `hours` are searched."""
        self._pages = client.get_paginator("filter_log_events")
        self._group = group
        self._hours = hours
        self._since_ms = now_ms - round(hours * 3_600_000)

    @property
    def searched(self) -> str:
        """Say what was searched."""
        return f"the last {self._hours:g} h of log group {self._group} (--hours N for more)"

    def of(self, call: str) -> tuple[Event, ...]:
        """Return the events of a call; its other ids are searched for, too."""
        found = self._matching(_term(call))
        story = events_of(call, found)
        others = {str(it["transaction_id"]) for it in story if it.get("transaction_id")} - {call}
        for transaction_id in sorted(others):
            found += self._matching(_term(transaction_id))
        unique = {json.dumps(it, sort_keys=True): it for it in found}
        return events_of(call, unique.values())

    def last(self) -> str | None:
        """Return an id of the last call."""
        return last_call(self._matching(_LAST))

    def strangers(self) -> Iterable[Event]:
        """Return events about sources that were not let in."""
        return self._matching(_STRANGERS)

    def _matching(self, pattern: str) -> list[Event]:
        pages = self._pages.paginate(
            logGroupName=self._group,
            filterPattern=pattern,
            startTime=self._since_ms,
            PaginationConfig={"MaxItems": _MOST_EVENTS},
        )
        return [
            event
            for page in pages
            for line in page["events"]
            if (event := _event_of(line["message"])) is not None
        ]


def _term(text: str) -> str:
    """Return a search term that every line with this text has.

    What could mean something in a pattern, or is escaped in the line, is left out: the longest part
    without it is searched for, and the lines are compared whole afterwards.
    """
    return f'"{max(_PLAIN.findall(text), key=len, default="")}"'


def _event_of(message: str) -> Mapping[str, object] | None:
    with suppress(ValueError):
        fields = json.loads(message)
        if isinstance(fields, dict):
            return fields
    return None
