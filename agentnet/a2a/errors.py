"""The boundary between our errors and A2A's: what a client may see, in the protocol's own terms."""

import functools
import logging
import re
from collections.abc import Callable, Coroutine, Iterator
from types import CoroutineType
from typing import Any, NamedTuple, ParamSpec, TypeVar

from a2a.utils.errors import (
    A2A_ERROR_MAPPING,
    A2A_ERROR_REASONS,
    JSON_RPC_ERROR_CODE_MAP,
    A2AError,
    ErrorMapping,
    InternalError,
    InvalidParamsError,
    JSONParseError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from google.protobuf.json_format import ParseError

from agentnet.a2a.unreadable import unreadable
from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import (
    AgentNetError,
    BusyError,
    ConflictError,
    DelegationError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
)
from agentnet.errors import UnavailableError as Unavailable

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")


class ServerBusyError(A2AError):
    """The agent has too much waiting. `data` says when to try again."""

    message = "Busy"


class ServerUnavailableError(A2AError):
    """Something the agent stands on does not answer."""

    message = "Unavailable"


class CallerUnknownError(A2AError):
    """No credential, or one that does not hold."""

    message = "Unauthenticated"


class CallerNotAllowedError(A2AError):
    """A credential that holds but does not reach this far."""

    message = "Permission denied"


class Terms(NamedTuple):
    """What an error is called in each binding."""

    code: int
    """Of JSON-RPC."""
    http_status: int
    grpc_status: str
    reason: str


def _terms_of_sdk() -> Iterator[tuple[type[A2AError], Terms]]:
    for kind, code in JSON_RPC_ERROR_CODE_MAP.items():
        http_status, grpc_status, _ = A2A_ERROR_MAPPING.get(kind, INTERNAL)
        yield kind, Terms(code, http_status, grpc_status, A2A_ERROR_REASONS.get(kind, "INTERNAL_ERROR"))


INTERNAL = ErrorMapping(500, "INTERNAL", "INTERNAL_ERROR")
UNFORESEEN = Terms(-32603, *INTERNAL)
# A table of our own: a2a-sdk's are those of the whole process, and of the user's own code in it.
_TERMS: dict[type[A2AError], Terms] = {
    **dict(_terms_of_sdk()),
    # -32000 to -32099 are the server's (JSON-RPC 2.0 section 5.1), of which A2A takes -32001 to -32009.
    ServerBusyError: Terms(-32050, 429, "RESOURCE_EXHAUSTED", "BUSY"),
    ServerUnavailableError: Terms(-32051, 503, "UNAVAILABLE", "UNAVAILABLE"),
    CallerUnknownError: Terms(-32052, 401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
    CallerNotAllowedError: Terms(-32053, 403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
    JSONParseError: Terms(-32700, 400, "INVALID_ARGUMENT", "JSON_PARSE_ERROR"),
}

_TRANSLATED: tuple[tuple[type[AgentNetError], type[A2AError]], ...] = (
    (NotFoundError, TaskNotFoundError),
    (InvalidInputError, InvalidParamsError),
    (DelegationError, UnsupportedOperationError),
    (ConflictError, UnsupportedOperationError),
    (BusyError, ServerBusyError),
    (Unavailable, ServerUnavailableError),
    (UnauthenticatedError, CallerUnknownError),
    (ForbiddenError, CallerNotAllowedError),
)
TYPE_URL = "type.googleapis.com/google.rpc."
DOMAIN = "a2a-protocol.org"
NO_WORDS = "Validation failed"
"""What the SDK says of fields that are missing, whichever they are."""


def as_a2a(error: Exception) -> A2AError:
    """`error` as A2A says it. What we did not foresee is logged and becomes an internal error without details."""
    if isinstance(error, A2AError):
        return _in_words(error)
    if isinstance(error, ParseError):
        field, description = unreadable(error)
        return wrong_field(field, description) if field else InvalidParamsError(f"Invalid params: {error}")
    if isinstance(error, DATABASE_AWAY):
        logger.warning("the database is away: %s: %s", type(error).__name__, error)
        return ServerUnavailableError("The database does not answer; try again in a moment.", {"retry_after": "2"})
    if isinstance(error, AgentNetError):
        for ours, theirs in _TRANSLATED:
            if isinstance(error, ours):
                return theirs(str(error), {key: str(value) for key, value in error.data.items()} or None)
        return InternalError(str(error))
    logger.error("unforeseen error", exc_info=error)
    return InternalError("Internal error; the agent's log has the details.")


def wrong_field(field: str, description: str) -> InvalidParamsError:
    """The error of one field, said in words and in the details (A2A 1.0 section 9.5)."""
    return InvalidParamsError(f"{field} {description}.", {"errors": [{"field": field, "message": description}]})


def _in_words(error: A2AError) -> A2AError:
    """`error` with the fields in its message too, which is all that many clients show: the SDK has none there."""
    wrong = (error.data or {}).get("errors")
    if error.message != NO_WORDS or not wrong:
        return error
    said = [f"{_camel(item['field'])}: {item['message'].rstrip('.')}" for item in wrong]
    return type(error)("; ".join(said) + ".", error.data)


def terms_of(error: A2AError) -> Terms:
    """What `error` is called."""
    return _TERMS.get(type(error), UNFORESEEN)


def jsonrpc_error(error: A2AError) -> dict[str, Any]:
    """The error object of JSON-RPC (A2A 1.0 section 9.5)."""
    return {"code": terms_of(error).code, "message": error.message, "data": error_details(error)}


def rest_error(error: A2AError) -> dict[str, Any]:
    """The body of HTTP+JSON: google.rpc.Status, with the status of HTTP as its code (A2A 1.0 section 11.6)."""
    terms = terms_of(error)
    status = {"code": terms.http_status, "status": terms.grpc_status, "message": error.message}
    return {"error": status | {"details": error_details(error)}}


def error_details(error: A2AError) -> list[dict[str, Any]]:
    """The details of `error` in ProtoJSON (A2A 1.0 section 3.3.2): an ErrorInfo, and a BadRequest for wrong fields."""
    data = dict(error.data or {})
    wrong = data.pop("errors", None) if isinstance(error, InvalidParamsError) else None
    details: list[dict[str, Any]] = [
        {
            "@type": f"{TYPE_URL}ErrorInfo",
            "reason": terms_of(error).reason,
            "domain": DOMAIN,
            "metadata": {key: str(value) for key, value in data.items()},
        }
    ]
    if wrong:
        violations = [{"field": _camel(item["field"]), "description": item["message"]} for item in wrong]
        details.append({"@type": f"{TYPE_URL}BadRequest", "fieldViolations": violations})
    return details


def _camel(path: str) -> str:
    """A field's path as JSON names it: `message.messageId`."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), path)


def answers(
    method: Callable[Arguments, Coroutine[Any, Any, Answer]],
) -> "Callable[Arguments, CoroutineType[Any, Any, Answer]]":
    """For a handler's method: its errors become A2A's."""

    @functools.wraps(method)
    async def bounded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        try:
            return await method(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the boundary to clients
            raise as_a2a(error) from None

    return bounded  # type: ignore[return-value]
