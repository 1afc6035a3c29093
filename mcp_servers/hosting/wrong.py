"""What is wrong with the parameters of a request, in place of the SDK's words, which are the same for all."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INVALID_PARAMS
from pydantic import ValidationError

MAX_PROBLEMS = 3


async def say_what_is_wrong(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware. Raises `MCPError` (-32602) that names the members."""
    try:
        return await call_next(ctx)
    except ValidationError as error:
        raise MCPError(
            INVALID_PARAMS, f"The parameters of {ctx.method[:80]} are wrong: {problems_in(error)}."
        ) from error


def problems_in(error: ValidationError) -> str:
    """Each with the member that it is about, once: every form that it could have is tried."""
    # Without the input: it may be large, and the sender has it.
    found = error.errors(include_url=False, include_context=False, include_input=False)
    said = [f"{_member(item['loc'])}: {item['msg'][:1].lower()}{item['msg'][1:]}" for item in found]
    return "; ".join([*dict.fromkeys(said)][:MAX_PROBLEMS])


def _member(loc: tuple[int | str, ...]) -> str:
    members = [str(part) for part in loc]
    if "params" in members:
        members = members[members.index("params") + 1 :]
    return ".".join(members)[:200] or "params"
