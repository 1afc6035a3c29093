"""A try of an upstream server: connect, read who it is, list its tools."""

import asyncio
import time
from dataclasses import dataclass

import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.ssrf import check_url
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
    refusals: list[int] = []
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await _try(upstreams, server, refusals)
    except TimeoutError:
        raise UnavailableError(f"{server.name} did not answer within {PROBE_SECONDS:g} s.") from None
    except AgentNetError:
        raise
    except (mcp.MCPError, httpx2.HTTPError, OSError, BaseExceptionGroup) as error:
        why = f"it answered {refusals[-1]}" if refusals else reason(error)
        raise UnavailableError(f"{server.name} cannot be used: {why}.") from None


async def _try(upstreams: Upstreams, server: OutsideServer, refusals: list[int]) -> Probe:
    """The SDK's own error does not tell the HTTP status; `refusals` gathers those of errors."""

    async def note(response: httpx2.Response) -> None:
        if response.is_error:
            refusals.append(response.status_code)

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
    if isinstance(error, mcp.MCPError | AgentNetError):
        return str(error).rstrip(".")[:300]
    return type(error).__name__
