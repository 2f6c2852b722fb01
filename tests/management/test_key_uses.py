"""When a key was last used: written at most hourly, and never in a request's way; no socket."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.management.key_uses import WRITTEN_EVERY, KeyUses
from lambdas.management.store import Store
from model.settings import Settings
from model.tables import ACCESS_KEY
from tests.management.local_api import LocalApi, local_api
from tests.management.signing import event, signed_headers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(Settings()) as running:
        yield running


def last_used(api: LocalApi) -> str | None:
    items = api.connectors(ACCESS_KEY)
    assert [item["sk"] for item in items] in ([], ["test"])
    return items[0]["last_used_at"] if items else None


def uses_of(api: LocalApi) -> KeyUses:
    """Return another instance of the function, as far as this goes."""
    store = Store(api.dynamodb, lambda seconds: None)
    return KeyUses(store, api.prefix, logging.getLogger("management"))


def test_a_use_is_written_once_an_hour(api: LocalApi) -> None:
    # ARCHITECTURE A2
    asked: list[str] = []
    api.before_call = asked.append
    api.made("GET", "/settings")
    first = api.now.isoformat(timespec="milliseconds")
    assert asked.count("UpdateItem") == 1
    api.pass_time(WRITTEN_EVERY - timedelta(seconds=1))
    api.made("GET", "/settings")
    assert asked.count("UpdateItem") == 1
    assert last_used(api) == first
    api.pass_time(timedelta(seconds=1))
    api.made("GET", "/settings")
    assert asked.count("UpdateItem") == 2
    assert last_used(api) == api.now.isoformat(timespec="milliseconds")


def test_of_many_instances_one_writes(api: LocalApi) -> None:
    # ARCHITECTURE A2: the others' condition does not hold, which is no failure
    uses_of(api).note("test", NOW)
    later = NOW + timedelta(minutes=59)
    for _ in range(3):
        uses_of(api).note("test", later)
    assert last_used(api) == NOW.isoformat(timespec="milliseconds")
    uses_of(api).note("test", NOW + WRITTEN_EVERY)
    assert last_used(api) == (NOW + WRITTEN_EVERY).isoformat(timespec="milliseconds")


def test_a_write_that_fails_is_logged_and_the_request_answered(
    api: LocalApi, caplog: pytest.LogCaptureFixture
) -> None:
    # ARCHITECTURE A2
    def fail(operation: str) -> None:
        if operation == "UpdateItem":
            raise RuntimeError("no database")

    api.before_call = fail
    with caplog.at_level("ERROR", "management"):
        api.made("GET", "/settings")
        api.made("GET", "/settings")
    assert [it.message for it in caplog.records] == ["the use of an access key was not noted"]
    assert last_used(api) is None


def test_who_is_refused_leaves_no_trace(api: LocalApi) -> None:
    # API S5: a stranger must not be able to make us write
    for headers in ({}, signed_headers("GET", "/settings", moment=api.now, secret="guess")):
        assert api.handle(event("GET", "/settings", headers=headers))["statusCode"] == 403
    assert last_used(api) is None


def test_get_caller_identity_is_a_use(api: LocalApi) -> None:
    # API S8
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = signed_headers("POST", "/", form, moment=api.now, service="sts")
    assert api.handle(event("POST", "/", form, headers=headers))["statusCode"] == 200
    assert last_used(api) == api.now.isoformat(timespec="milliseconds")
