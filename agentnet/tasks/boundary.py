"""The boundary between our errors and A2A's: what a client may see, in the protocol's own terms."""

import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from a2a.utils.errors import (
    A2A_ERROR_MAPPING,
    A2A_ERROR_REASONS,
    JSON_RPC_ERROR_CODE_MAP,
    A2AError,
    ErrorMapping,
    InternalError,
    InvalidParamsError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from agentnet.errors import AgentNetError, BusyError, ConflictError, DelegationError, InvalidInputError, NotFoundError
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


_OWN: dict[type[A2AError], tuple[int, ErrorMapping]] = {
    ServerBusyError: (-32050, ErrorMapping(429, "RESOURCE_EXHAUSTED", "BUSY")),
    ServerUnavailableError: (-32051, ErrorMapping(503, "UNAVAILABLE", "UNAVAILABLE")),
}
for _error, (_code, _mapping) in _OWN.items():
    JSON_RPC_ERROR_CODE_MAP[_error] = _code
    A2A_ERROR_MAPPING[_error] = _mapping
    A2A_ERROR_REASONS[_error] = _mapping.reason

_TRANSLATED: tuple[tuple[type[AgentNetError], type[A2AError]], ...] = (
    (NotFoundError, TaskNotFoundError),
    (InvalidInputError, InvalidParamsError),
    (DelegationError, UnsupportedOperationError),
    (ConflictError, UnsupportedOperationError),
    (BusyError, ServerBusyError),
    (Unavailable, ServerUnavailableError),
)


def as_a2a(error: Exception) -> A2AError:
    """`error` as A2A says it. What we did not foresee is logged and becomes an internal error without details."""
    if isinstance(error, A2AError):
        return error
    if isinstance(error, AgentNetError):
        for ours, theirs in _TRANSLATED:
            if isinstance(error, ours):
                return theirs(str(error), {key: str(value) for key, value in error.data.items()} or None)
        return InternalError(str(error))
    logger.error("unforeseen error", exc_info=error)
    return InternalError("Internal error; the agent's log has the details.")


def answers(
    method: Callable[Arguments, Coroutine[Any, Any, Answer]],
) -> Callable[Arguments, Coroutine[Any, Any, Answer]]:
    """For a handler's method: its errors become A2A's."""

    @functools.wraps(method)
    async def bounded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        try:
            return await method(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the boundary to clients
            raise as_a2a(error) from None

    return bounded
