"""A try of an upstream server: connect, read who it is, list its tools."""

import asyncio
import time
from dataclasses import dataclass

import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client
from pydantic import ValidationError

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.http.ssrf import check_url
from agentnet.upstreams.server import OutsideServer
from agentnet.upstreams.upstreams import Upstreams

PROBE_SECONDS = 20.0
MAX_TOOLS = 1000


@dataclass(frozen=True, slots=True)
class Probe:
    """A server that answered."""

    protocol: str
    tools: list[str]
    """Names, the first page of them."""
    ms: int


async def probe(upstreams: Upstreams, server: OutsideServer) -> Probe:
    """Try `server` as the gateway would. Raises `UnavailableError` with the reason, `UnsafeUrlError`."""
    await check_url(server.url, allow_private=upstreams.may_be_private(server))
    answered: list[httpx2.Response] = []
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await _try(upstreams, server, answered)
    except TimeoutError:
        raise UnavailableError(f"{server.name} did not answer within {PROBE_SECONDS:g} s.") from None
    except AgentNetError:
        raise
    except (mcp.MCPError, httpx2.HTTPError, OSError, BaseExceptionGroup) as error:
        refused = bool(answered) and answered[-1].is_error
        why = f"it answered {answered[-1].status_code}" if refused else reason(error)
        raise UnavailableError(f"{server.name} cannot be used: {why}.") from None


async def _try(upstreams: Upstreams, server: OutsideServer, answered: list[httpx2.Response]) -> Probe:
    """The SDK's own error does not tell the HTTP status; `answered` gathers the answers to messages, the last of which
    is the one that it gave up at."""

    async def note(response: httpx2.Response) -> None:
        if response.request.method == "POST":
            answered.append(response)

    began = time.monotonic()
    await upstreams.authorization.headers(server)  # a token server's refusal is told as such
    async with upstreams.client(server) as http:
        http.event_hooks = {"response": [note]}
        async with mcp.Client(streamable_http_client(server.url, http_client=http), cache=None) as client:
            tools = (await client.list_tools()).tools
            names = [tool.name for tool in tools[:MAX_TOOLS]]
            return Probe(client.protocol_version, names, round((time.monotonic() - began) * 1000))


def reason(error: BaseException) -> str:
    """Why a connection failed, without addresses or credentials in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, httpx2.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    if isinstance(error, ValidationError):
        return "its answer is not as MCP has it"
    if isinstance(error, mcp.MCPError | AgentNetError):
        return str(error).partition("\n")[0].rstrip(".")[:300]
    return type(error).__name__
