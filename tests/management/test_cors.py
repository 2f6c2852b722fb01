"""What a browser asks before the console's requests, and what it may read of the answers."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.management.cors import Cors
from lambdas.management.http import HttpAnswer, HttpRequest
from lambdas.management.ids import SystemIds
from model.settings import ApiSettings, Settings, SettingsError
from tests.management.local_api import LocalApi, local_api
from tests.management.signing import event, signed_headers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ORIGINS = ("https://console.example.com", "http://127.0.0.1:*", "http://localhost:*")
CONSOLE = "https://console.example.com"
SDK_HEADERS = {
    *("authorization", "content-type", "x-amz-date", "x-amz-content-sha256"),
    *("x-amz-security-token", "x-amz-user-agent", "amz-sdk-invocation-id", "amz-sdk-request"),
}
EXPOSED = "x-amzn-ErrorType, x-amzn-RequestId, Date"


def asked(origin: str, *, method: str = "OPTIONS", headers: str = "") -> HttpRequest:
    """Return a preflight."""
    given = {"origin": origin, "access-control-request-method": "PUT"}
    if headers:
        given["access-control-request-headers"] = headers
    return HttpRequest(method=method, raw_path="/settings", raw_query="", headers=given, body=b"")


def refuse(_: HttpRequest) -> HttpAnswer:
    return HttpAnswer(status=403, headers={"x-amzn-ErrorType": "Refused"}, body=b"{}")


def answer_to(request: HttpRequest, origins: tuple[str, ...] = ORIGINS) -> HttpAnswer:
    return Cors(origins, ids=SystemIds(), clock=lambda: NOW).answer(request, refuse)


@pytest.mark.parametrize(
    "origin",
    [
        CONSOLE,
        "http://127.0.0.1:5173",
        "http://127.0.0.1",
        "http://localhost:4090",
        "http://localhost",
    ],
)
def test_a_preflight_of_an_admitted_origin_is_answered(origin: str) -> None:
    # ARCHITECTURE A2, API W7
    answer = answer_to(asked(origin, headers="authorization,x-amz-date"))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE"
    assert answer.headers["Access-Control-Expose-Headers"] == EXPOSED
    assert "Origin" in answer.headers["Vary"].split(", ")
    assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) == SDK_HEADERS
    assert len(answer.headers["x-amzn-RequestId"]) == 36
    assert answer.headers["Date"] == "Fri, 02 Jan 2026 03:04:05 GMT"


def test_whatever_is_called_as_amazons_own_headers_may_be_sent() -> None:
    answer = answer_to(asked(CONSOLE, headers="X-Amzn-Trace-Id, x-evil, x-amzn-\r\nSet-Cookie: a"))
    allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed == SDK_HEADERS | {"x-amzn-trace-id"}


@pytest.mark.parametrize(
    "origin",
    [
        "https://console.example.com:8443",
        "http://console.example.com",
        "https://evil.example.com",
        "http://127.0.0.1.evil.example.com",
        "http://127.0.0.1:*",
        "http://127.0.0.1:80:80",
        "http://localhost:x",
        "null",
        "",
    ],
)
def test_another_origin_is_refused_like_everything_unsigned(origin: str) -> None:
    # API S5
    answer = answer_to(asked(origin))
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    # A cache must not hand this answer to the console.
    assert answer.headers["Vary"] == "Origin"


def test_a_refused_answer_can_be_read_by_the_console() -> None:
    # ARCHITECTURE A2: or the page would see a network error instead of the error's type
    request = HttpRequest(
        method="GET", raw_path="/", raw_query="", headers={"origin": CONSOLE}, body=b""
    )
    assert answer_to(request) == HttpAnswer(
        status=403,
        headers={
            "x-amzn-ErrorType": "Refused",
            "Access-Control-Allow-Origin": CONSOLE,
            "Access-Control-Expose-Headers": EXPOSED,
            "Vary": "Origin",
        },
        body=b"{}",
    )


def test_options_without_a_question_is_a_request_like_any_other() -> None:
    request = HttpRequest(
        method="OPTIONS", raw_path="/", raw_query="", headers={"origin": CONSOLE}, body=b""
    )
    assert answer_to(request).status == 403


def test_without_the_setting_nothing_is_added() -> None:
    assert answer_to(asked(CONSOLE), origins=()) == refuse(asked(CONSOLE))
    assert Settings().api.cors_origins == ()


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "null",
        "console.example.com",
        "https://a.example.com/",
        "ftp://a",
        "http://A",
        "http://*",
    ],
)
def test_what_is_no_origin_is_refused_in_the_settings(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"cors_origins is .*; an origin such as"):
        ApiSettings(cors_origins=(entry,))


@pytest.mark.parametrize("entry", [*ORIGINS, "http://[::1]:*", "https://a.example.com:8443"])
def test_an_origin_is_taken_from_the_settings(entry: str) -> None:
    text = Settings(api=ApiSettings(cors_origins=(entry,))).to_json()
    assert Settings.from_json(text).api.cors_origins == (entry,)


@pytest.fixture(scope="module")
def api() -> Iterator[LocalApi]:
    with local_api(Settings(api=ApiSettings(cors_origins=ORIGINS))) as running:
        yield running


def headers_of(answer: Mapping[str, object]) -> dict[str, Any]:
    headers = answer["headers"]
    assert isinstance(headers, dict)
    return headers


@pytest.mark.parametrize("path", ["/voice-connectors", "/", "/ext/calls", "/nowhere"])
def test_the_whole_api_asks_no_signature_for_a_preflight(api: LocalApi, path: str) -> None:
    # API S5: it tells a stranger nothing, existing path or not
    given = {"Origin": CONSOLE, "Access-Control-Request-Method": "POST"}
    answer = api.handle(event("OPTIONS", path, headers=given))
    assert (answer["statusCode"], answer["body"]) == (204, "")


@pytest.mark.parametrize(
    ("target", "status"), [("/voice-connectors", 200), ("/voice-connectors/x", 404)]
)
def test_signed_requests_of_the_console_are_answered_readably(
    api: LocalApi, target: str, status: int
) -> None:
    signed = signed_headers("GET", target, moment=api.now)
    answer = api.handle(event("GET", target, headers=signed | {"origin": CONSOLE}))
    assert answer["statusCode"] == status
    assert headers_of(answer)["Access-Control-Allow-Origin"] == CONSOLE
    unsigned = api.handle(event("GET", target, headers={"origin": CONSOLE}))
    assert unsigned["statusCode"] == 403
    assert headers_of(unsigned)["Access-Control-Allow-Origin"] == CONSOLE
    assert headers_of(unsigned)["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
