"""Questions about call detail records, in SQL that Athena and DuckDB both understand.

Each asks about one connector and some days: its three parameters are the connector's id, the first
and the last day, as in `'2026/11/01'`. Only the last one looks at all connectors.

What differs between the formats of records (EDGE C2, C3, C5) is said once, in `Words`. Nothing here
needs a function of dates that one of the engines has and the other has not: moments are numbers, or
texts that sort as the moments do.
"""

from typing import NamedTuple

from model.record_form import RecordFormat, TimeForm
from model.record_settings import RecordSettings

PROJECTED, WHOLE = "calls", "all_calls"
"""Tables: one connector and some days of it at a time, and everything."""
CONNECTOR, DAY = "connector", "day"
"""Partition columns of the first one, out of the keys of the objects (EDGE C1)."""


class Query(NamedTuple):
    """One question."""

    name: str
    description: str
    sql: str


class Words(NamedTuple):
    """How a record's form says what the questions are about."""

    number: str
    """The customer's own number."""
    way: str
    """Direction of the call."""
    billed_s: str
    began: str
    """Sorts as the moments do."""
    ended: str
    seconds: str
    """Length of a call."""
    hour: str
    """Of the day in UTC, from 0."""


_SEED = Words(
    number="CASE WHEN disposition = 'Termination' THEN fromnumber ELSE tonumber END",
    way="disposition",
    billed_s="billableduration",
    began="starttime",
    ended="endtime",
    seconds="(endtime - starttime) / 1000.0",
    hour="(starttime % 86400000 - starttime % 3600000) / 3600000",
)
_TIMESTAMP = "CAST(replace(replace({}, 'T', ' '), 'Z', '') AS timestamp)"
_ISO = _SEED._replace(
    seconds=f"date_diff('millisecond', {_TIMESTAMP.format('starttime')}, "
    f"{_TIMESTAMP.format('endtime')}) / 1000.0",
    hour="substr(starttime, 12, 2)",
)
_BEGAN = "coalesce(starttimeepochseconds, (starttime - starttime % 1000) / 1000)"
_ENDED = "coalesce(endtimeepochseconds, (endtime - endtime % 1000) / 1000)"
_V2 = Words(
    number="CASE WHEN coalesce(direction, disposition) IN ('Outbound', 'Termination') "
    "THEN coalesce(sourcephonenumber, fromnumber) "
    "ELSE coalesce(destinationphonenumber, tonumber) END",
    way="CASE WHEN coalesce(direction, disposition) IN ('Outbound', 'Termination') "
    "THEN 'Outbound' ELSE 'Inbound' END",
    billed_s="coalesce(billabledurationseconds, billableduration)",
    began=_BEGAN,
    ended=_ENDED,
    seconds=f"({_ENDED} - {_BEGAN})",
    hour=f"({_BEGAN} % 86400 - {_BEGAN} % 3600) / 3600",
)


def words_of(settings: RecordSettings) -> Words:
    """Return how the records of a deployment say it; those of before a change to v2 included."""
    if settings.format is RecordFormat.V2:
        return _V2
    return _ISO if settings.time is TimeForm.ISO8601 else _SEED


def queries_of(settings: RecordSettings) -> tuple[Query, ...]:
    """Return all questions for the records of a deployment."""
    words = words_of(settings)
    chosen = f"FROM {PROJECTED}\nWHERE {CONNECTOR} = ? AND {DAY} BETWEEN ? AND ?"
    completed = f"{chosen} AND status = 'Completed'"
    return (
        Query(
            "calls per day",
            "Calls, answered calls and billed minutes of each day",
            f"SELECT {DAY}, count(*) AS calls,\n"
            "  sum(CASE WHEN status = 'Completed' THEN 1 ELSE 0 END) AS answered,\n"
            f"  sum({words.billed_s}) / 60.0 AS billed_minutes\n"
            f"{chosen}\nGROUP BY {DAY}\nORDER BY {DAY}",
        ),
        Query(
            "billed minutes per number",
            "What each number of the customer has talked, outbound and inbound",
            f"SELECT {words.number} AS number,\n  {words.way} AS direction,\n"
            f"  count(*) AS calls, sum({words.billed_s}) / 60.0 AS billed_minutes\n"
            f"{completed}\nGROUP BY 1, 2\nORDER BY billed_minutes DESC, number, direction",
        ),
        Query(
            "failures by status message",
            "Why calls were refused or not answered, the most frequent reason first",
            f"SELECT statusmessage, status, count(*) AS calls\n{chosen} AND status <> 'Completed'\n"
            "GROUP BY statusmessage, status\nORDER BY calls DESC, statusmessage",
        ),
        Query(
            "busiest hour",
            "Calls that began in each hour of the day (UTC), the busiest first",
            f"SELECT {words.hour} AS hour, count(*) AS calls\n{chosen}\n"
            "GROUP BY 1\nORDER BY calls DESC, hour",
        ),
        Query(
            "concurrent calls",
            "The most answered calls that were up at once on each day on which they began",
            f"WITH chosen AS (\n  SELECT {DAY}, {words.began} AS began, {words.ended} AS ended\n"
            f"  {_indented(completed)}\n), changes AS (\n"
            f"  SELECT {DAY}, began AS moment, 1 AS change FROM chosen\n  UNION ALL\n"
            f"  SELECT {DAY}, ended AS moment, -1 AS change FROM chosen\n), running AS (\n"
            f"  SELECT {DAY}, sum(change) OVER (\n"
            "    ORDER BY moment, change ROWS UNBOUNDED PRECEDING\n  ) AS calls FROM changes\n)\n"
            f"SELECT {DAY}, max(calls) AS most_at_once FROM running\n"
            f"GROUP BY {DAY}\nORDER BY {DAY}",
        ),
        Query(
            "average duration",
            "Average and longest length of answered calls in seconds, outbound and inbound",
            f"SELECT {words.way} AS direction, count(*) AS calls,\n"
            f"  avg({words.seconds}) AS average_s,\n  max({words.seconds}) AS longest_s\n"
            f"{completed}\nGROUP BY 1\nORDER BY direction",
        ),
        Query(
            "calls per connector",
            "Every connector with all its records; it reads the whole bucket",
            f"SELECT voiceconnectorid, count(*) AS calls,\n"
            f"  sum({words.billed_s}) / 60.0 AS billed_minutes\n"
            f"FROM {WHOLE}\nGROUP BY voiceconnectorid\nORDER BY calls DESC, voiceconnectorid",
        ),
    )


def _indented(sql: str) -> str:
    return sql.replace("\n", "\n  ")
