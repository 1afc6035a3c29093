"""Who calls a tool, and for which task: the principal that the door (`agentnet.frame.authentication`) put into the
request, and what an agent says beside its call."""

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request

from agentnet.errors import UnauthenticatedError
from agentnet.identity import Principal
from agentnet.identity.origin import ORIGIN_META, Origin
from agentnet.identity.principal import SERVICE
from agentnet.ids import EVERYONE

AGENT = "agent:"
IN_PROCESS = Principal(EVERYONE, "service:in-process", frozenset({SERVICE}))
"""The caller when there is no HTTP request: this very process, which sees what everybody sees."""


class _RequestContext(Protocol):
    request: Any
    meta: Any


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


def origin_of(context: _ToolContext) -> Origin | None:
    """The task that a tool is called for; None where the caller is no agent of this network.

    Raises `UnauthenticatedError`.
    """
    # A host outside writes into `_meta` what it likes; the gateway's token for it names no agent that acts.
    if not caller(context).caller.startswith(AGENT):
        return None
    return Origin.in_meta(context.request_context.meta)


def without_origin(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What servers of others may read of a call's `_meta`: which task it is for is this network's own business."""
    return {key: value for key, value in meta.items() if key not in ORIGIN_META}
