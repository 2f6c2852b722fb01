"""GET /ext/usage: calls and billed minutes of a connector, by day and direction."""

from collections.abc import Mapping

from lambdas.management.call_repository import CallList, position_of
from lambdas.management.context import Context
from lambdas.management.errors import BadRequest
from lambdas.management.ext.pages import BATCH, ROWS_AT_MOST, Paging, take
from lambdas.management.ext.query import Query
from model.call_items import has_ended
from model.cdr import CallStatus, Disposition
from model.codec import Item, string, whole
from model.tables import CALLS_OF_CONNECTOR

PARAMETERS = frozenset({"connector-id", "from", "to", "next-token"})

_DAY = len("2026-01-31")
"""Characters of a moment's text that are its date."""


class _Tally:
    """What the calls of one direction add up to."""

    def __init__(self) -> None:
        self._by_status = dict.fromkeys(CallStatus, 0)
        self._billed_s = 0

    def add(self, item: Item) -> None:
        """Count a call."""
        self._by_status[CallStatus(string(item["status"]))] += 1
        self._billed_s += whole(item["billable_duration"])

    def described(self) -> Mapping[str, object]:
        """Return the sums; a call is billed in tenths of a minute (EDGE C4)."""
        return {
            "Calls": sum(self._by_status.values()),
            "Answered": self._by_status[CallStatus.COMPLETED],
            "Rejected": self._by_status[CallStatus.REJECTED],
            "RateLimited": self._by_status[CallStatus.RATE_LIMITED],
            "BilledMinutes": round(self._billed_s / 60, 1),
        }


class _Day:
    """The tallies of a day, or of all days."""

    def __init__(self) -> None:
        self._tallies = {disposition: _Tally() for disposition in Disposition}

    def add(self, item: Item) -> None:
        """Count a call."""
        self._tallies[Disposition(string(item["disposition"]))].add(item)

    def described(self) -> Mapping[str, object]:
        """Return both directions by name."""
        return {it.value: tally.described() for it, tally in self._tallies.items()}


def summarise(context: Context, query: Query) -> Mapping[str, object]:
    """Return the sums of at most ROWS_AT_MOST calls, the newest first (EXT6).

    With a NextToken there are older ones: the sums of all pages are to be added up.
    """
    connector_id = query.connector_id()
    since, before = query.span()
    if connector_id is None:
        raise BadRequest("connector-id is required")
    paging = Paging(f"usage {connector_id} {since} {before}", context, query)
    wanted = CallList(index=CALLS_OF_CONNECTOR, of=connector_id, since=since, before=before)
    rows = context.repository.calls.calls(wanted, after=paging.after, batch=BATCH)
    found = ((position_of(item), item) for item in rows)
    taken = take(found, most=ROWS_AT_MOST, fits=has_ended)
    total, days = _Day(), dict[str, _Day]()
    for item in taken.items:
        total.add(item)
        days.setdefault(string(item[CALLS_OF_CONNECTOR.sort_key])[:_DAY], _Day()).add(item)
    return {
        "VoiceConnectorId": connector_id,
        "Complete": taken.position is None and not paging.after,
        "Total": total.described(),
        "Days": [{"Date": date, **day.described()} for date, day in days.items()],
        "NextToken": paging.token(taken.position),
    }
