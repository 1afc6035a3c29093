"""Who calls a tool: the principal that the door (`agentnet.frame.authentication`) put into the request."""

from typing import Any, Protocol

from starlette.requests import Request

from agentnet.errors import UnauthenticatedError
from agentnet.identity import Principal
from agentnet.identity.principal import SERVICE
from agentnet.ids import EVERYONE

IN_PROCESS = Principal(EVERYONE, "service:in-process", frozenset({SERVICE}))
"""The caller when there is no HTTP request: this very process, which sees what everybody sees."""


class _RequestContext(Protocol):
    request: Any


class _ToolContext(Protocol):
    @property
    def request_context(self) -> _RequestContext: ...


def caller(context: _ToolContext) -> Principal:
    """The principal of a tool's or a resource's `Context`. Raises `UnauthenticatedError`."""
    return caller_of(context.request_context)


def caller_of(context: _RequestContext) -> Principal:
    """The principal of an MCP request, for middleware. Raises `UnauthenticatedError`."""
    request = context.request
    # In-process there is no HTTP request, and no door that could have asked.
    if request is None:
        return IN_PROCESS
    principal = getattr(request.state, "principal", None) if isinstance(request, Request) else None
    if not isinstance(principal, Principal):
        raise UnauthenticatedError("This request came in without a principal.")
    return principal
