"""The example queries, asked by DuckDB over objects as the edge writes them (EDGE C1-C5).

DuckDB stands in for Athena, which nobody can run here: what it shows is that the columns fit the
objects and that the questions have the right answers.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from infra.record_columns import columns_of
from infra.record_queries import CONNECTOR, DAY, PROJECTED, WHOLE, queries_of
from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.record_form import RecordFormat, TimeForm
from model.record_settings import RecordSettings

ROOT = Path(__file__).parent.parent.parent
ONE, TWO = "abcdefghijklmnopqrst12", "zyxwvutsrqponmlkjihg98"
OWN, OTHER, FAR = "+12065550100", "+12065550199", "+13125550142"
NOON = datetime(2026, 11, 2, 12, 0, 0, 250_000, tzinfo=UTC)

SEED = RecordSettings()
ISO = RecordSettings(time=TimeForm.ISO8601)
V2 = RecordSettings(format=RecordFormat.V2)

DUCKDB = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
"""Hive's types in the words of DuckDB."""


class Bucket:
    """Objects in a folder, by their keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def call(
        self,
        settings: RecordSettings,
        at: datetime,
        seconds: float = 0.0,
        *,
        connector_id: str = ONE,
        inbound: bool = False,
        own: str = OWN,
        failure: str | None = None,
        user: str | None = None,
    ) -> None:
        """Store the record of a call."""
        self._count += 1
        record = CallDetailRecord(
            account_id="123456789012",
            transaction_id=str(UUID(int=self._count)),
            call_id=f"{self._count}@192.0.2.7",
            connector_id=connector_id,
            from_number=FAR if inbound else own,
            to_number=own if inbound else FAR,
            status_message=failure or "Normal Call Clearing",
            disposition=Disposition.ORIGINATION if inbound else Disposition.TERMINATION,
            status=CallStatus.REJECTED if failure else CallStatus.COMPLETED,
            sip_auth_user=user,
            answered=failure is None,
            started_at=at,
            ended_at=at + timedelta(seconds=seconds),
            form=settings.form_in("us-east-1"),
        )
        path = self.folder / record.key()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(record.body())


def a_week(bucket: Bucket, *forms: RecordSettings) -> None:
    """Store calls of two days and two connectors, in each form the next one."""
    form = iter(_turns(forms))
    bucket.call(next(form), NOON, 29.473, user="pbx")
    bucket.call(next(form), NOON + timedelta(seconds=10), 60.0, own=OTHER)
    bucket.call(next(form), NOON + timedelta(seconds=20), 6.0, inbound=True)
    bucket.call(next(form), NOON + timedelta(hours=3), failure="486 Busy Here")
    bucket.call(next(form), NOON + timedelta(hours=4), failure="486 Busy Here", inbound=True)
    bucket.call(next(form), NOON + timedelta(days=1), failure="480 No answer")
    # One ends where the next begins.
    bucket.call(next(form), NOON + timedelta(days=1, hours=1), 60.0)
    bucket.call(next(form), NOON + timedelta(days=1, hours=1, seconds=60), 120.0)
    bucket.call(next(form), NOON + timedelta(days=9), 600.0)
    bucket.call(next(form), NOON, 600.0, connector_id=TWO)


def _turns(forms: tuple[RecordSettings, ...]) -> Iterator[RecordSettings]:
    while True:
        yield from forms


def ask(bucket: Bucket, settings: RecordSettings, name: str) -> list[tuple[Any, ...]]:
    """Return the answer to a question about the first connector's first two days."""
    (query,) = [it for it in queries_of(settings) if it.name == name]
    with opened(bucket, settings) as database:
        days = [ONE, "2026/11/02", "2026/11/08"]
        return database.execute(query.sql, days if "?" in query.sql else None).fetchall()


def opened(bucket: Bucket, settings: RecordSettings) -> duckdb.DuckDBPyConnection:
    """Return a database with both tables over the bucket, as the catalogue describes them."""
    # A member that no record has is no column here.
    columns = ", ".join(f"'{it.member}': '{DUCKDB[it.kind]}'" for it in columns_of(settings))
    objects = (
        f"read_json('{bucket.folder}/{settings.prefix}/*/*/*/*/*', columns = {{{columns}}}, "
        "format = 'unstructured', filename = true, ignore_errors = false)"
    )
    part = "'/json/([^/]+)/(\\d+/\\d+/\\d+)/'"
    database = duckdb.connect()
    database.execute(f"CREATE VIEW {WHOLE} AS SELECT * EXCLUDE (filename) FROM {objects}")
    database.execute(
        f"CREATE VIEW {PROJECTED} AS SELECT *, regexp_extract(filename, {part}, 1) AS {CONNECTOR}, "
        f"regexp_extract(filename, {part}, 2) AS {DAY} FROM {objects}"
    )
    return database


FORMS = pytest.mark.parametrize(
    ("settings", "forms"),
    [(SEED, (SEED,)), (ISO, (ISO,)), (V2, (V2,)), (V2, (SEED, V2))],
    ids=["seed", "seed with ISO times", "v2", "v2 after seed"],
)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(tmp_path)


@FORMS
def test_calls_per_day(
    bucket: Bucket, settings: RecordSettings, forms: tuple[RecordSettings, ...]
) -> None:
    a_week(bucket, *forms)
    assert ask(bucket, settings, "calls per day") == [
        ("2026/11/02", 5, 3, pytest.approx(1.6)),
        ("2026/11/03", 3, 2, pytest.approx(3.0)),
    ]


@FORMS
def test_billed_minutes_per_number(
    bucket: Bucket, settings: RecordSettings, forms: tuple[RecordSettings, ...]
) -> None:  # EDGE C4
    a_week(bucket, *forms)
    out, back = ("Outbound", "Inbound") if settings is V2 else ("Termination", "Origination")
    assert ask(bucket, settings, "billed minutes per number") == [
        (OWN, out, 3, pytest.approx(3.5)),
        (OTHER, out, 1, pytest.approx(1.0)),
        (OWN, back, 1, pytest.approx(0.1)),
    ]


@FORMS
def test_failures_by_status_message(
    bucket: Bucket, settings: RecordSettings, forms: tuple[RecordSettings, ...]
) -> None:
    a_week(bucket, *forms)
    assert ask(bucket, settings, "failures by status message") == [
        ("486 Busy Here", "Rejected", 2),
        ("480 No answer", "Rejected", 1),
    ]


@FORMS
def test_busiest_hour(
    bucket: Bucket, settings: RecordSettings, forms: tuple[RecordSettings, ...]
) -> None:
    a_week(bucket, *forms)
    found = [(int(hour), calls) for hour, calls in ask(bucket, settings, "busiest hour")]
    assert found == [(12, 4), (13, 2), (15, 1), (16, 1)]


@FORMS
def test_concurrent_calls(
    bucket: Bucket, settings: RecordSettings, forms: tuple[RecordSettings, ...]
) -> None:
    a_week(bucket, *forms)
    found = ask(bucket, settings, "concurrent calls")
    assert found == [("2026/11/02", 3), ("2026/11/03", 1)]


@FORMS
def test_average_duration(
    bucket: Bucket, settings: RecordSettings, forms: tuple[RecordSettings, ...]
) -> None:
    a_week(bucket, *forms)
    found = {row[0]: row[1:] for row in ask(bucket, settings, "average duration")}
    inbound, outbound = sorted(found, key=lambda way: (way != "Inbound", way != "Origination"))
    assert found[inbound] == (1, pytest.approx(6.0, abs=1.0), pytest.approx(6.0, abs=1.0))
    count, average, longest = found[outbound]
    # The format v2 has whole seconds.
    assert count == 4 and average == pytest.approx((29.473 + 60 + 60 + 120) / 4, abs=1.0)
    assert longest == pytest.approx(120.0, abs=1.0)


@FORMS
def test_calls_per_connector(
    bucket: Bucket, settings: RecordSettings, forms: tuple[RecordSettings, ...]
) -> None:
    a_week(bucket, *forms)
    assert ask(bucket, settings, "calls per connector") == [
        (ONE, 9, pytest.approx(14.6)),
        (TWO, 1, pytest.approx(10.0)),
    ]


def test_every_question_is_asked_here() -> None:
    asked = {name.removeprefix("test_").replace("_", " ") for name in globals()}
    assert {query.name for query in queries_of(SEED)} <= asked


@pytest.mark.parametrize("settings", [SEED, ISO, V2], ids=["seed", "ISO times", "v2"])
def test_every_member_of_a_record_is_in_its_column(
    bucket: Bucket, settings: RecordSettings
) -> None:  # EDGE C2, C3
    bucket.call(settings, NOON, 29.473, user="pbx")
    with opened(bucket, settings) as database:
        answer = database.execute(f"SELECT * FROM {WHOLE}")
        assert answer.description is not None
        names = [str(it[0]) for it in answer.description]
        (row,) = answer.fetchall()
    found = {name: value for name, value in zip(names, row, strict=True) if value is not None}
    (path,) = [it for it in bucket.folder.rglob("*") if it.is_file()]
    assert found == json.loads(path.read_bytes())


def test_the_columns_of_the_seed_are_these() -> None:  # EDGE C2
    assert [(it.name, it.kind) for it in columns_of(SEED)] == [
        ("awsaccountid", "string"),
        ("transactionid", "string"),
        ("callid", "string"),
        ("voiceconnectorid", "string"),
        ("fromnumber", "string"),
        ("tonumber", "string"),
        ("statusmessage", "string"),
        ("disposition", "string"),
        ("status", "string"),
        ("sipauthuser", "string"),
        ("billableduration", "bigint"),
        ("starttime", "bigint"),
        ("endtime", "bigint"),
    ]
    times = [(it.name, it.kind) for it in columns_of(ISO)][-2:]
    assert times == [("starttime", "string"), ("endtime", "string")]


def test_the_columns_of_v2_come_before_those_of_older_records() -> None:  # EDGE C3
    assert [(it.name, it.kind) for it in columns_of(V2)] == [
        ("awsaccountid", "string"),
        ("transactionid", "string"),
        ("callid", "string"),
        ("voiceconnectorid", "string"),
        ("status", "string"),
        ("statusmessage", "string"),
        ("sipauthuser", "string"),
        ("billabledurationseconds", "bigint"),
        ("billabledurationminutes", "double"),
        ("schemaversion", "string"),
        ("sourcephonenumber", "string"),
        ("sourcecountry", "string"),
        ("destinationphonenumber", "string"),
        ("destinationcountry", "string"),
        ("usagetype", "string"),
        ("servicecode", "string"),
        ("direction", "string"),
        ("starttimeepochseconds", "bigint"),
        ("endtimeepochseconds", "bigint"),
        ("region", "string"),
        ("streaming", "boolean"),
        ("fromnumber", "string"),
        ("tonumber", "string"),
        ("disposition", "string"),
        ("billableduration", "bigint"),
        ("starttime", "bigint"),
        ("endtime", "bigint"),
    ]


def test_the_guide_shows_each_query_as_it_is() -> None:
    guide = (ROOT / "docs" / "analytics.md").read_text()
    for query in queries_of(SEED):
        assert query.sql in guide, query.name
        assert query.description in guide, query.name
