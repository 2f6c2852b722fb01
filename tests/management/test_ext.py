"""The operator's extensions: paths, parameters, nodes and carriers; no socket."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.management.composition import Handler
from lambdas.management.errors import BadRequest
from lambdas.management.ext.query import Query
from lambdas.management.ext.router import LABEL, RESOURCES
from model.node import TlsState
from tests.management.calls import Rows, carrier, node
from tests.management.conftest import NOW
from tests.management.local_api import LocalApi, local_api
from tests.management.signing import event, signed_headers
from tests.management.stand import ROOMY

ID = "connector-id=abcdef1ghij2klmno3pqr4"
TRANSACTION = "00000001-0000-4000-8000-000000000001"
SHOWN = TlsState(is_open=True, ends_at=datetime(2026, 3, 1, tzinfo=UTC), covers_hosts=True)
LISTS = [it.path for it in RESOURCES if it.method == "GET" and LABEL not in it.path]
ALL = [(it.method, it.path.replace(LABEL, TRANSACTION)) for it in RESOURCES]


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


def answered(handler: Handler, method: str, target: str, *, signed: bool = True) -> Any:
    """Return the answer to a request, signed for the service `chime` or not at all."""
    headers = signed_headers(method, target, moment=NOW) if signed else {"host": "x"}
    return handler(event(method, target, headers=headers), None)


@pytest.mark.parametrize(("method", "path"), ALL)
def test_an_extension_wants_a_signature_like_all_of_the_api(
    handler: Handler, method: str, path: str
) -> None:
    # API S5, EXT1
    answer = answered(handler, method, path, signed=False)
    assert answer["statusCode"] == 403
    assert answer["headers"]["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    headers = signed_headers(method, path, moment=NOW, secret="wrong")
    answer = handler(event(method, path, headers=headers), None)
    headers = answer["headers"]  # type: ignore[assignment]  # answers are open mappings
    assert headers["x-amzn-ErrorType"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/ext"),
        ("GET", "/ext/"),
        ("GET", "/ext/unknown"),
        ("GET", "/ext/calls/"),
        ("GET", "/ext/Calls"),
        ("GET", "/ext/calls/x"),
        ("GET", "/ext//calls"),
        ("GET", "/ext/%63alls"),
        ("POST", "/ext/calls"),
        ("PUT", f"/ext/calls/{TRANSACTION}/recording"),
        ("POST", "/ext/calls//recording"),
        ("POST", "/ext/calls/recording"),
        ("POST", "/ext/calls/a/b/recording"),
        ("POST", "/ext/calls/a%2Fb/recording"),
        ("GET", f"/ext/calls/{TRANSACTION}/recording/"),
        ("DELETE", "/ext/nodes"),
        ("GET", "/ext/voice-connectors"),
    ],
)
def test_what_is_no_extension_is_an_unknown_operation(
    handler: Handler, method: str, target: str
) -> None:
    # EXT1, API E8
    answer = answered(handler, method, target)
    assert answer["statusCode"] == 404
    assert answer["headers"]["x-amzn-ErrorType"] == "UnknownOperationException"
    assert target in json.loads(answer["body"])["Message"]


@pytest.mark.parametrize("path", LISTS)
def test_an_answer_looks_like_all_of_the_api(handler: Handler, path: str) -> None:
    # EXT1, API W7
    query = "" if path in ("/ext/nodes", "/ext/carriers") else f"?{ID}"
    answer = answered(handler, "GET", path + query)
    assert answer["statusCode"] == 200, answer
    assert answer["headers"]["Content-Type"] == "application/json"
    assert len(answer["headers"]["x-amzn-RequestId"]) == 36
    assert isinstance(json.loads(answer["body"]), dict)


MOMENT = "a moment from 1970 on is wanted, such as 2026-01-31T12:00:00Z, or a date"
BAD = [
    ("/ext/cdrs", "connector-id or number is required"),
    ("/ext/cdrs?connector-id=", "connector-id or number is required"),
    ("/ext/usage", "connector-id is required"),
    ("/ext/usage?from=2026-01-01", "connector-id is required"),
    (
        "/ext/cdrs?connector-id=A%20b",
        "connector-id is 'A b'; an id of a Voice Connector is wanted",
    ),
    (
        "/ext/calls?connector-id=" + "a" * 37,
        f"connector-id is '{'a' * 37}'; an id of a Voice Connector is wanted",
    ),
    (
        "/ext/cdrs?number=%20",
        "number is ' '; a number such as +12065550100, with + as %2B is wanted",
    ),
    (f"/ext/cdrs?{ID}&from=yesterday", f"from is 'yesterday'; {MOMENT}"),
    (f"/ext/cdrs?{ID}&to=2026-13-01", f"to is '2026-13-01'; {MOMENT}"),
    (f"/ext/usage?{ID}&to=0001-01-01T00%2B23", f"to is '0001-01-01T00+23'; {MOMENT}"),
    (f"/ext/usage?{ID}&from=1969-12-31T23", f"from is '1969-12-31T23'; {MOMENT}"),
    (f"/ext/usage?{ID}&from=0", f"from is '0'; {MOMENT}"),
    (
        f"/ext/cdrs?{ID}&from=2026-01-02&to=2026-01-01",
        "to is '2026-01-01'; a moment behind from is wanted",
    ),
    (
        f"/ext/cdrs?{ID}&from=2026-01-02&to=2026-01-02",
        "to is '2026-01-02'; a moment behind from is wanted",
    ),
    (
        f"/ext/cdrs?{ID}&status=completed",
        "status is 'completed'; one of Completed, Rejected, Rate_Limited is wanted",
    ),
    (f"/ext/cdrs?{ID}&max-results=0", "max-results is '0'; a number from 1 to 100 is wanted"),
    (f"/ext/cdrs?{ID}&max-results=101", "max-results is '101'; a number from 1 to 100 is wanted"),
    ("/ext/calls?max-results=1e1", "max-results is '1e1'; a number from 1 to 100 is wanted"),
    ("/ext/calls?max-results=%D9%A1", "max-results is '\u0661'; a number from 1 to 100 is wanted"),
    (
        "/ext/calls?connector=x",
        "'connector' is no parameter of this resource; it has connector-id, max-results, "
        "next-token",
    ),
    (f"/ext/calls/{TRANSACTION}/recording?x=1", "'x' is no parameter of this resource; it has "
     "none"),
    ("/ext/nodes?max-results=1", "'max-results' is no parameter of this resource; it has none"),
    (f"/ext/usage?{ID}&status=Completed", "'status' is no parameter of this resource; it has "
     "connector-id, from, next-token, to"),
    ("/ext/calls?next-token=x", "NextToken is not a token of this list; start again without one"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "message"), BAD, ids=[target for target, _ in BAD])
def test_a_bad_parameter_is_named(handler: Handler, target: str, message: str) -> None:
    # EXT2
    answer = answered(handler, "GET", target)
    assert answer["statusCode"] == 400
    assert answer["headers"]["x-amzn-ErrorType"] == "BadRequestException"
    assert json.loads(answer["body"]) == {"Code": "BadRequest", "Message": message}


@given(
    st.dictionaries(
        st.sampled_from(["connector-id", "number", "from", "to", "status", "max-results"]),
        st.text() | st.datetimes().map(str) | st.from_regex(r"[0-9:TZ+.-]{1,24}"),
    )
)
def test_any_text_is_taken_or_refused_by_name(given_query: dict[str, str]) -> None:
    # EXT2, API V1
    query = Query(given_query, given_query)
    for read in (
        query.connector_id,
        query.number,
        query.span,
        query.page_size,
        lambda: query.choice("status", ["Completed"]),
    ):
        try:
            read()
        except BadRequest as error:
            assert error.message.split(" ")[0] in given_query
            assert len(error.message) < 500


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01",
        "2026-01-01T12:00:00",
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00.123456Z",
        "2026-01-01T12:00:00+02:00",
        "20260101T120000Z",
    ],
)
def test_moments_are_taken_in_many_forms(handler: Handler, moment: str) -> None:
    # EXT2
    target = f"/ext/cdrs?{ID}&from={quote(moment, safe='')}"
    assert answered(handler, "GET", target)["statusCode"] == 200


def test_nodes_are_listed_while_they_renew(api: LocalApi) -> None:
    # EXT7
    rows = Rows(api)
    rows.nodes(
        node("b", api.now - timedelta(seconds=30), sip_address="198.51.100.11:5060", tls=SHOWN),
        node("a", api.now, active_calls=7, draining=True, tls=TlsState(is_open=False)),
        node("c", api.now - timedelta(seconds=31)),
    )
    first, second = api.made("GET", "/ext/nodes")["Nodes"]
    assert first == {
        "NodeId": "a",
        "SipAddress": "198.51.100.10:5060",
        "StartedTimestamp": "2026-01-01T23:59:59.500Z",
        "RenewedTimestamp": "2026-01-02T03:04:05.000Z",
        "ActiveCalls": 7,
        "Draining": True,
        "Tls": {"Open": False, "CoversHosts": False},
    }
    assert (second["NodeId"], second["SipAddress"]) == ("b", "198.51.100.11:5060")
    assert second["Tls"] == {
        "Open": True,
        "CoversHosts": True,
        "EndsTimestamp": "2026-03-01T00:00:00.000Z",
    }
    api.pass_time(timedelta(seconds=1))
    assert [it["NodeId"] for it in api.made("GET", "/ext/nodes")["Nodes"]] == ["a"]
    api.pass_time(timedelta(minutes=1))
    assert api.made("GET", "/ext/nodes") == {"Nodes": []}


def test_registrations_are_shown_node_by_node(api: LocalApi) -> None:
    # EXT8, EDGE F13
    Rows(api).nodes(
        node("a", api.now, carriers=(carrier("first", registration="registered"),)),
        node("b", api.now, carriers=(carrier("first", registration="refused"),)),
    )
    (shown,) = api.made("GET", "/ext/carriers")["Carriers"]
    assert [state["Registration"] for state in shown["States"]] == ["REGISTERED", "REFUSED"]


def test_carriers_are_shown_as_each_live_node_sees_them(api: LocalApi) -> None:
    # EXT8, EDGE F9
    soon, before = api.now + timedelta(seconds=30), api.now - timedelta(seconds=1)
    first, second = carrier("first"), carrier("second", priority=2, weight=3, port=5070)
    out = carrier("second", priority=2, weight=3, port=5070, out_until=soon)
    over = carrier("first", out_until=before)
    Rows(api).nodes(
        node("a", api.now, carriers=(second, first)),
        node("b", api.now, carriers=(over, out)),
        node("gone", api.now - timedelta(minutes=1), carriers=(carrier("old"),)),
    )
    assert api.made("GET", "/ext/carriers") == {
        "Carriers": [
            {
                "Name": "first",
                "Host": "203.0.113.5",
                "Port": 5060,
                "Priority": 1,
                "Weight": 1,
                "States": [{"NodeId": "a", "State": "OK"}, {"NodeId": "b", "State": "OK"}],
            },
            {
                "Name": "second",
                "Host": "203.0.113.5",
                "Port": 5070,
                "Priority": 2,
                "Weight": 3,
                "States": [
                    {"NodeId": "a", "State": "OK"},
                    {
                        "NodeId": "b",
                        "State": "OUT",
                        "OutUntilTimestamp": "2026-01-02T03:04:35.000Z",
                    },
                ],
            },
        ]
    }


def test_nothing_is_written_by_reading(api: LocalApi) -> None:
    operations: list[str] = []
    api.before_call = operations.append
    for path in LISTS:
        api.call("GET", path if path in ("/ext/nodes", "/ext/carriers") else f"{path}?{ID}")
    # The key's use is noted, at most hourly; nothing else is written.
    assert set(operations[1:]) == {"Query"}


def test_a_database_that_is_busy_is_a_503(api: LocalApi) -> None:
    # API E5
    def busy(operation: str) -> None:
        raise api.dynamodb.exceptions.ProvisionedThroughputExceededException(
            {"Error": {"Code": "ThrottlingException", "Message": ""}}, operation
        )

    api.before_call = busy
    status, answer = api.call("GET", "/ext/nodes")
    assert (status, answer["Code"]) == (503, "ServiceUnavailable")
