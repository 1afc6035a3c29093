"""A server of the HTTP+SSE transport (2024-11-05) as a server of the network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx2
import mcp
import mcp.client.sse
from mcp.client.sse import sse_client
from mcp.shared._httpx_utils import sse_within_origin

from agentnet.http.ssrf import check_url
from agentnet.mcp.connection import MAX_EVENT_BYTES, End, watched
from agentnet.upstreams.declarations import SseServer
from agentnet.upstreams.upstreams import Upstreams
from mcp_servers.adapters.adapted import AdaptedServer
from mcp_servers.adapters.audience import Audience

# The SDK's transport has no argument for it, and ends at 1 MiB.
setattr(mcp.client.sse, "sse_within_origin", partial(sse_within_origin, max_event_size=MAX_EVENT_BYTES))  # noqa: B010


def create_sse(declared: SseServer, upstreams: Upstreams) -> AdaptedServer:
    """The server; it is connected to by the first call."""
    outside = declared.as_upstream()

    def http(*_: Any, **__: Any) -> httpx2.AsyncClient:
        return upstreams.client(outside)

    @asynccontextmanager
    async def opened(audience: Audience, end: End) -> AsyncIterator[mcp.Client]:
        # With each connection: where the name leads may have changed since the start.
        await check_url(declared.sse, allow_private=upstreams.may_be_private(outside))
        transport = sse_client(declared.sse, httpx_client_factory=http)
        # The transport of 2024-11-05 knows nothing newer.
        async with mcp.Client(
            watched(transport, end, declared.name), mode="legacy", cache=None, **audience.callbacks()
        ) as client:
            yield client

    return AdaptedServer(declared, opened)
