"""The errors of Agent Network, and how each is said over HTTP.

AgentNetError
├── ConfigurationError        settings, manifests, addresses: the operator can mend it
│   └── ManifestError         names file, key and the nearest right key
├── InvalidInputError         the request is wrong: says what was wrong and what would be right
│   ├── TooLargeError         over a limit, which is named
│   │   └── LongHeadError     a request's headers are
│   ├── SlowRequestError      a request that does not arrive
│   └── UnsafeUrlError        a URL that the SSRF guard refuses
├── UnauthenticatedError      no key, or one that does not hold
├── ForbiddenError            a key that holds but does not reach this far
├── NotFoundError             not there, or not this tenant's (never told apart)
├── ConflictError             already there, or in a state that does not allow it
├── BusyError                 a queue or rate limit; carries `retry_after` in seconds
├── DelegationError           depth, loop or budget refused; names the path
└── UnavailableError          a part the service stands on does not answer
    └── DatabaseAwayError     PostgreSQL does not answer; what was asked of it may have been done or not

The body over HTTP is google.rpc.Status as JSON, the shape A2A's HTTP+JSON binding uses (A2A 1.0 section 11.6).
"""

from typing import Any, ClassVar


class AgentNetError(Exception):
    """Base of every error this project raises on purpose. `message` is for people and safe to show to a client."""

    http_status: ClassVar[int] = 500
    status: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, hint: str | None = None, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class ConfigurationError(AgentNetError):
    """Something the operator set is wrong."""


class ManifestError(ConfigurationError):
    """An agent.yaml is wrong; the message names file and key."""


class InvalidInputError(AgentNetError):
    """The caller sent something that cannot be used."""

    http_status = 400
    status = "INVALID_ARGUMENT"


class TooLargeError(InvalidInputError):
    """Over a size, count or time limit; the message names the limit."""

    http_status = 413


class LongHeadError(TooLargeError):
    """The headers of a request are too many, or too long together."""

    http_status = 431


class SlowRequestError(InvalidInputError):
    """A request whose end did not come in time."""

    http_status = 408
    status = "DEADLINE_EXCEEDED"


class UnsafeUrlError(InvalidInputError):
    """A URL given by others that does not lead to a public address."""


class UnauthenticatedError(AgentNetError):
    """No credential, or one that does not hold."""

    http_status = 401
    status = "UNAUTHENTICATED"


class ForbiddenError(AgentNetError):
    """A valid credential without the scope that this needs."""

    http_status = 403
    status = "PERMISSION_DENIED"


class NotFoundError(AgentNetError):
    """Not there, or another tenant's."""

    http_status = 404
    status = "NOT_FOUND"


class ConflictError(AgentNetError):
    """The thing is in a state that does not allow this."""

    http_status = 409
    status = "FAILED_PRECONDITION"


class BusyError(AgentNetError):
    """Over a queue or rate limit. `retry_after`: seconds until it is worth trying again."""

    http_status = 429
    status = "RESOURCE_EXHAUSTED"

    def __init__(self, message: str, *, retry_after: float, **data: Any) -> None:
        super().__init__(message, retry_after=retry_after, **data)
        self.retry_after = retry_after


class DelegationError(AgentNetError):
    """A delegation that is refused: too deep, a loop, or no budget left."""

    http_status = 400
    status = "FAILED_PRECONDITION"


class UnavailableError(AgentNetError):
    """Something this service stands on does not answer."""

    http_status = 503
    status = "UNAVAILABLE"


class DatabaseAwayError(UnavailableError):
    """PostgreSQL does not answer."""


def error_body(error: AgentNetError) -> dict[str, Any]:
    """The JSON body of `error`: `{"error": {code, status, message, details[]}}`."""
    details: list[dict[str, Any]] = []
    if error.data:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": type(error).__name__.removesuffix("Error").upper(),
                "domain": "agentnet",
                "metadata": {key: str(value) for key, value in error.data.items()},
            }
        )
    return {
        "error": {"code": error.http_status, "status": error.status, "message": str(error), "details": details},
    }
