"""The boundary between our errors and A2A's: what a client may see, in the protocol's own terms."""

import functools
import logging
import re
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar

from a2a.server.jsonrpc_models import JSONRPCError
from a2a.server.request_handlers.response_helpers import EXCEPTION_MAP
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


_OWN: dict[type[A2AError], tuple[int, ErrorMapping]] = {
    # -32000 to -32099 are the server's (JSON-RPC 2.0 section 5.1), of which A2A takes -32001 to -32009.
    ServerBusyError: (-32050, ErrorMapping(429, "RESOURCE_EXHAUSTED", "BUSY")),
    ServerUnavailableError: (-32051, ErrorMapping(503, "UNAVAILABLE", "UNAVAILABLE")),
    CallerUnknownError: (-32052, ErrorMapping(401, "UNAUTHENTICATED", "UNAUTHENTICATED")),
    JSONParseError: (-32700, ErrorMapping(400, "INVALID_ARGUMENT", "JSON_PARSE_ERROR")),
    CallerNotAllowedError: (-32053, ErrorMapping(403, "PERMISSION_DENIED", "PERMISSION_DENIED")),
}
for _error, (_code, _mapping) in _OWN.items():
    JSON_RPC_ERROR_CODE_MAP[_error] = _code
    A2A_ERROR_MAPPING[_error] = _mapping
    A2A_ERROR_REASONS[_error] = _mapping.reason
    EXCEPTION_MAP[_error] = JSONRPCError

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


def as_a2a(error: Exception) -> A2AError:
    """`error` as A2A says it. What we did not foresee is logged and becomes an internal error without details."""
    if isinstance(error, A2AError):
        return error
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


def error_details(error: A2AError) -> list[dict[str, Any]]:
    """The details of `error` in ProtoJSON (A2A 1.0 section 3.3.2): an ErrorInfo, and a BadRequest for wrong fields."""
    data = dict(error.data or {})
    wrong = data.pop("errors", None) if isinstance(error, InvalidParamsError) else None
    details: list[dict[str, Any]] = [
        {
            "@type": f"{TYPE_URL}ErrorInfo",
            "reason": A2A_ERROR_REASONS.get(type(error), "INTERNAL_ERROR"),
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
