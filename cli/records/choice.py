"""The filters of `ovc cdr` as they are typed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from cli.errors import CommandError, ExitCode
from cli.records.moments import moment, seconds
from cli.records.moments import span as span_of
from cli.records.wanted import (
    Wanted,
    connector_from,
    disposition_from,
    number_from,
    status_from,
)

T = TypeVar("T")


def chosen(
    *,
    connector: str | None = None,
    since: str | None = None,
    before: str | None = None,
    during: str | None = None,
    number: str | None = None,
    caller: str | None = None,
    called: str | None = None,
    status: str | None = None,
    direction: str | None = None,
    min_duration: str | None = None,
) -> Wanted:
    """Return what the options mean; raises CommandError for one that cannot be used."""
    now = datetime.now(UTC)
    if during is not None and (since is not None or before is not None):
        raise CommandError(
            "--during stands for both --from and --to: give it alone", ExitCode.USAGE
        )
    span = _read("--during", during, lambda text: span_of(text, now))
    begin, end = span or (
        _read("--from", since, lambda text: moment(text, now)),
        _read("--to", before, lambda text: moment(text, now)),
    )
    if begin is not None and end is not None and end <= begin:
        raise CommandError(f"--to is {before!r}; a moment behind --from is wanted", ExitCode.USAGE)
    return Wanted(
        connector_id=_read("--connector", connector, connector_from),
        since=begin,
        before=end,
        number=_read("--number", number, number_from),
        caller=_read("--caller", caller, number_from),
        called=_read("--called", called, number_from),
        status=_read("--status", status, status_from),
        disposition=_read("--direction", direction, disposition_from),
        shortest_s=_read("--min-duration", min_duration, seconds) or 0.0,
    )


def _read(option: str, text: str | None, parse: Callable[[str], T]) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise CommandError(f"{option}: {error}", ExitCode.USAGE) from error
