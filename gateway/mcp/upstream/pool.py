"""Sessions at upstream servers of the legacy era that belong to no client's session: for lists, and bridged calls."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cachetools import LRUCache

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from gateway.mcp.messages.errors import SESSION_NOT_FOUND, Document, McpError
from gateway.mcp.messages.jsonrpc import write
from gateway.mcp.messages.session import UpstreamSession
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.server import UpstreamServer

MAX_POOLED = 4096

Key = tuple[str, str, str, str, bytes]
Answer = TypeVar("Answer")


class Pool:
    """One session for each server, caller and set of client capabilities."""

    def __init__(self, client: UpstreamClient) -> None:
        self._client = client
        self._sessions: LRUCache[Key, asyncio.Task[UpstreamSession]] = LRUCache(MAX_POOLED)

    async def use(
        self,
        server: UpstreamServer,
        principal: Principal,
        capabilities: Document,
        work: Callable[[UpstreamSession], Awaitable[Answer]],
    ) -> Answer:
        """`work` with a session; once more with a new one when the server has forgotten it. Raises what it raises."""
        key = (server.tenant, server.name, principal.tenant, principal.subject, write(capabilities))
        session = await self._session(key, server, principal, capabilities)
        try:
            return await work(session)
        except UnavailableError:
            # Whether the session is still there nobody knows.
            self._sessions.pop(key, None)
            raise
        except McpError as error:
            if not is_gone(error):
                raise
        self._sessions.pop(key, None)
        return await work(await self._session(key, server, principal, capabilities))

    async def _session(
        self, key: Key, server: UpstreamServer, principal: Principal, capabilities: Document
    ) -> UpstreamSession:
        task = self._sessions.get(key)
        if task is not None and task.done() and (task.exception() or task.result().url not in server.urls):
            task = None
        if task is None:
            task = self._sessions[key] = asyncio.create_task(self._open(server, principal, capabilities))
            task.add_done_callback(_look_at)
        return await asyncio.shield(task)  # the others wait for it too

    async def _open(self, server: UpstreamServer, principal: Principal, capabilities: Document) -> UpstreamSession:
        return (await self._client.open_session(server, principal, capabilities))[0]


def is_gone(error: AgentNetError) -> bool:
    """Whether a server does not know the session of the request any more."""
    return isinstance(error, McpError) and (error.code, error.heard) == (SESSION_NOT_FOUND, 404)


def _look_at(task: "asyncio.Task[UpstreamSession]") -> None:
    """Those who waited may all have left; asyncio would complain of an error that nobody saw."""
    if not task.cancelled():
        task.exception()
