"""Cross-origin requests of the browser console (decision A2; the fetch standard §3.3).

A browser asks before it sends a signed request: OPTIONS, without a signature. It is answered for
the origins of the setting `api.cors_origins` and names what the AWS SDK for JavaScript sends and
reads. For any other origin, and without the setting, nothing here says anything: the API then
refuses the question as it refuses everything unsigned (API S5).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime

from lambdas.management.http import HttpAnswer, HttpRequest
from lambdas.management.ids import Ids

METHODS = "GET, POST, PUT, DELETE"
REQUEST_HEADERS = (
    "authorization",
    "content-type",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-user-agent",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
)
"""What the SDK sends besides what a browser always may."""
REQUEST_HEADER_PREFIX = "x-amzn-"
ANSWER_HEADERS = "x-amzn-ErrorType, x-amzn-RequestId, Date"
"""Without them the SDK knows neither an error's type nor the server's clock (API E2, W7)."""
MAX_AGE_S = 600
"""How long a browser need not ask again; a changed setting takes effect after it."""


class Cors:
    """Answers preflights, and marks the answers that a page of an admitted origin may read."""

    def __init__(self, origins: Iterable[str], *, ids: Ids, clock: Callable[[], datetime]) -> None:
        self._origins = frozenset(origins)
        self._ids = ids
        self._clock = clock

    def answer(
        self, request: HttpRequest, handle: Callable[[HttpRequest], HttpAnswer]
    ) -> HttpAnswer:
        """Return the answer to a preflight, or that of `handle` with the headers of CORS."""
        if not self._origins:
            return handle(request)
        origin = request.headers.get("origin", "")
        admitted = self._admits(origin)
        if admitted and _is_preflight(request):
            return HttpAnswer(status=204, headers=self._preflight_headers(request, origin))
        answer = handle(request)
        headers = _readable_by(origin) if admitted else {}
        return HttpAnswer(
            status=answer.status,
            headers={**answer.headers, **headers, "Vary": "Origin"},
            body=answer.body,
        )

    def _admits(self, origin: str) -> bool:
        """Tell whether an origin is named, or one that `scheme://host:*` stands for."""
        start, _, port = origin.rpartition(":")
        any_port = f"{start}:*" if port.isascii() and port.isdigit() else f"{origin}:*"
        return (origin in self._origins and "*" not in origin) or any_port in self._origins

    def _preflight_headers(self, request: HttpRequest, origin: str) -> Mapping[str, str]:
        asked = request.headers.get("access-control-request-headers", "").lower().split(",")
        more = [name for it in asked if (name := it.strip()).startswith(REQUEST_HEADER_PREFIX)]
        return {
            "x-amzn-RequestId": self._ids.request_id(),
            "Date": format_datetime(self._clock(), usegmt=True),
            **_readable_by(origin),
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": ", ".join((*REQUEST_HEADERS, *filter(_is_token, more))),
            "Access-Control-Max-Age": str(MAX_AGE_S),
            "Vary": "Origin, Access-Control-Request-Headers",
        }


def _is_preflight(request: HttpRequest) -> bool:
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def _readable_by(origin: str) -> Mapping[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": ANSWER_HEADERS,
    }


def _is_token(name: str) -> bool:
    """Tell whether text can stand in a header as a name: it came from a stranger."""
    return name.isascii() and name.replace("-", "").isalnum() and len(name) <= 64
