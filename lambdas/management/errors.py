"""The errors that the API answers with: one small class per shape, status and code in it (E3)."""


class ApiError(Exception):
    """An answer that is an error; its text goes to the client."""

    shape = "ServiceFailureException"
    """Value of x-amzn-ErrorType."""
    status = 500
    code: str | None = "ServiceFailure"
    """Member `Code` of the body; the errors in front of the service have none (S5)."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ServiceFailure(ApiError):
    """A bug or a damaged item on our side."""


class ServiceUnavailable(ApiError):
    """The store is throttled, contended or unreachable; the client may try again."""

    shape = "ServiceUnavailableException"
    status = 503
    code = "ServiceUnavailable"


class BadRequest(ApiError):
    """The request breaks a rule; the text names member, value and rule (V1)."""

    shape = "BadRequestException"
    status = 400
    code = "BadRequest"


class ResourceLimitExceeded(ApiError):
    """A quota is used up (API section 7)."""

    shape = "ResourceLimitExceededException"
    status = 400
    code = "ResourceLimitExceeded"


class Forbidden(ApiError):
    """Nobody may do this here, e.g. an operation out of scope (E8)."""

    shape = "ForbiddenException"
    status = 403
    code = "Forbidden"


class NotFound(ApiError):
    """The resource does not exist."""

    shape = "NotFoundException"
    status = 404
    code = "NotFound"


class UnknownOperation(ApiError):
    """No operation has this method, path and query (E8)."""

    shape = "UnknownOperationException"
    status = 404
    code = "NotFound"


class Conflict(ApiError):
    """The resource is in a state that forbids this; `code` may be finer (VC7)."""

    shape = "ConflictException"
    status = 409
    code = "Conflict"


class MissingAuthenticationToken(ApiError):
    """The request carries no signature (S5)."""

    shape = "MissingAuthenticationTokenException"
    status = 403
    code = None


class UnrecognizedClient(ApiError):
    """The access key does not exist or is inactive (S5)."""

    shape = "UnrecognizedClientException"
    status = 403
    code = None


class InvalidSignature(ApiError):
    """The signature is malformed or does not fit the request (S5)."""

    shape = "InvalidSignatureException"
    status = 403
    code = None


class RequestExpired(ApiError):
    """The request was signed too long ago, or in the future (S5)."""

    shape = "RequestExpired"
    status = 403
    code = None
