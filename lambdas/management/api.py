"""One request through the whole: signature, route, input, operation, answer."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple, Protocol

from botocore.exceptions import ClientError

from lambdas.management import sts
from lambdas.management.access_keys import AccessKeys
from lambdas.management.auth import Verified, verify
from lambdas.management.context import Context
from lambdas.management.errors import ApiError, Forbidden, ServiceFailure
from lambdas.management.ext import router as extensions
from lambdas.management.http import HttpAnswer, HttpRequest
from lambdas.management.ids import Ids
from lambdas.management.key_uses import KeyUses
from lambdas.management.operations import CHANGES, READS
from lambdas.management.paging import PageTokens
from lambdas.management.repository import Repository
from lambdas.management.wire import Wire
from model.settings import Settings

SIGNING_NAME = "chime"


class Log(Protocol):
    """What is used of a logger: the standard library's and powertools' both fit."""

    def info(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Write a line with fields."""
        ...

    def exception(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Write a line with fields and the stack of the exception being handled."""
        ...


class _Done(NamedTuple):
    status: int
    content_type: str
    body: bytes
    operation: str


class Api:
    """The management API of one deployment."""

    def __init__(
        self,
        *,
        wire: Wire,
        settings: Settings,
        repository: Repository,
        keys: AccessKeys,
        key_uses: KeyUses,
        clock: Callable[[], datetime],
        ids: Ids,
        log: Log,
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._repository = repository
        self._keys = keys
        self._key_uses = key_uses
        self._clock = clock
        self._ids = ids
        self._log = log

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Return the answer to a request; whatever goes wrong is an answer too."""
        request_id, now = self._ids.request_id(), self._clock()
        headers = {
            "x-amzn-RequestId": request_id,
            "Date": format_datetime(now, usegmt=True),
        }
        fields: dict[str, object] = {"request_id": request_id, "method": request.method}
        try:
            done = self._done(request, request_id, now, fields)
        except ApiError as error:
            failure = error
        except Exception:
            # The last resort: a bug must not show its stack to the client, only to the log.
            self._log.exception("the request failed", extra=fields)
            failure = ServiceFailure("The service failed; its log has the cause")
        else:
            fields |= {"operation": done.operation, "status": done.status}
            self._log.info("answered", extra=fields)
            if done.body:
                headers["Content-Type"] = done.content_type
            return HttpAnswer(status=done.status, headers=headers, body=done.body)
        fields |= {"status": failure.status, "error": failure.shape}
        if failure.__cause__ is not None and failure.status >= 500:
            fields["cause"] = _cause(failure.__cause__)
        self._log.info("refused", extra=fields)
        return _refused(failure, headers, request_id, as_xml=sts.is_sts(request))

    def _done(
        self, request: HttpRequest, request_id: str, now: datetime, fields: dict[str, object]
    ) -> _Done:
        """Return the answer; `fields` take what else the log shall tell, whatever it is."""
        if sts.is_sts(request):
            self._verified(request, sts.SIGNING_NAME, now)
            account_id = self._settings.account_id
            body = sts.caller_identity(request.body, account_id=account_id, request_id=request_id)
            return _Done(200, sts.CONTENT_TYPE, body, "GetCallerIdentity")
        verified = self._verified(request, SIGNING_NAME, now)
        if extensions.is_extension(verified.raw_path):
            fields |= {
                "path": verified.raw_path[:200],
                "access_key_id": verified.key.access_key_id,
            }
            resource = extensions.resource(request.method, verified.raw_path)
            answered = extensions.answer(resource, self._context(verified, now), request.raw_query)
            return _Done(200, "application/json", answered, f"ext {resource.name}")
        call = self._wire.call(request.method, verified.raw_path, request.raw_query)
        operation = call.operation
        function = READS.get(operation.name) or CHANGES.get(operation.name)
        if function is None:
            raise Forbidden(f"{operation.name} is not supported by this endpoint")
        parameters = self._wire.parameters(call, request.body)
        answer = function(self._context(verified, now), parameters)
        body = self._wire.body(operation, answer)
        return _Done(operation.status, "application/json", body, operation.name)

    def _verified(self, request: HttpRequest, service: str, now: datetime) -> Verified:
        verified = verify(request, self._keys, service=service, now=now)
        self._key_uses.note(verified.key.access_key_id, now)
        return verified

    def _context(self, verified: Verified, now: datetime) -> Context:
        return Context(
            settings=self._settings,
            repository=self._repository,
            ids=self._ids,
            tokens=PageTokens(verified.key.derived("page tokens")),
            access_key_id=verified.key.access_key_id,
            now=now,
        )


def _cause(error: BaseException) -> str:
    """Return the kind of an error, and AWS's code for it; its text could quote what we store."""
    kind = type(error).__name__
    if isinstance(error, ClientError):
        return f"{kind} {error.response.get('Error', {}).get('Code', '')}"
    return kind


def _refused(
    error: ApiError, headers: Mapping[str, str], request_id: str, *, as_xml: bool
) -> HttpAnswer:
    if as_xml:
        typed = {**headers, "Content-Type": sts.CONTENT_TYPE}
        return HttpAnswer(
            status=error.status, headers=typed, body=sts.error_body(error, request_id)
        )
    document = {"Code": error.code, "Message": error.message}
    present = {name: value for name, value in document.items() if value is not None}
    return HttpAnswer(
        status=error.status,
        headers={
            **headers,
            "Content-Type": "application/json",
            "x-amzn-ErrorType": error.shape,
        },
        body=json.dumps(present).encode(),
    )
