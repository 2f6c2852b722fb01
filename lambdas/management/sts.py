"""STS GetCallerIdentity, which Terraform asks on the same endpoint (API S8).

Requests are HTML forms, answers XML. The access keys belong to the account and to no user, so the
caller is always the account's root.
"""

from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from lambdas.management.errors import ApiError
from lambdas.management.http import HttpRequest

SIGNING_NAME = "sts"
CONTENT_TYPE = "text/xml"
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_MOST_FIELDS = 20


class InvalidAction(ApiError):
    """The form asks for another action than GetCallerIdentity."""

    shape = "InvalidAction"
    status = 400
    code = "InvalidAction"


def is_sts(request: HttpRequest) -> bool:
    """Tell whether a request is for STS: the only one whose path is the root."""
    return request.method == "POST" and request.raw_path == "/"


def caller_identity(body: bytes, *, account_id: str, request_id: str) -> bytes:
    """Return the answer to a form; raises InvalidAction."""
    try:
        form = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidAction("The body is no form of a few fields") from error
    action = form.get("Action", [""])[0]
    if action != "GetCallerIdentity":
        raise InvalidAction(f"Action is {action[:64]!r}; GetCallerIdentity is wanted")
    return (
        f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>arn:aws:iam::{account_id}:root</Arn><UserId>{account_id}</UserId>"
        f"<Account>{account_id}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    ).encode()


def error_body(error: ApiError, request_id: str) -> bytes:
    """Return an error as STS writes it; its code is what the API names in a header."""
    kind = "Sender" if error.status < 500 else "Receiver"
    message = escape(error.message.encode("utf-8", "replace").decode())
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{kind}</Type>'
        f"<Code>{error.shape}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()
