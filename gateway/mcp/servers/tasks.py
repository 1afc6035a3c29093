"""What becomes of a client's tasks at one upstream server (extension `io.modelcontextprotocol/tasks`).

The server is listened to where it tells of tasks, and polled where it does not.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.errors import AgentNetError
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.upstream.addressing import encoded, marked
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.server import UpstreamServer

logger = logging.getLogger(__name__)

KNOWN_SECONDS = 2.0
"""How long a server may take to say which tasks it knows; afterwards it is believed to know them all."""
PAUSE_SECONDS = 1.0
"""Before tasks are looked for again whose stream has ended; also between two looks, where the server says nothing."""
LONGEST_PAUSE_SECONDS = 30.0
OVER = frozenset({"completed", "failed", "cancelled"})
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
CHANGED = "notifications/tasks"

Look = tuple[str, Document | None]
"""A task's id at the server, and the task; None when there is none."""


class ServerTasks:
    """The tasks of the client of one exchange."""

    def __init__(self, client: UpstreamClient, exchange: Exchange, server: UpstreamServer) -> None:
        self._client = client
        self._exchange = exchange
        self._server = server
        self._tells = True
        self._pause = PAUSE_SECONDS

    async def known(self, task_ids: list[str]) -> list[str]:
        """Those that the server has for the client, or may have while it does not answer."""
        try:
            async with asyncio.timeout(KNOWN_SECONDS):
                looks = await asyncio.gather(*map(self._look, task_ids))
        except (TimeoutError, AgentNetError):
            return task_ids
        return [task_id for task_id, task in looks if task is not None]

    async def changes(self, task_ids: list[str]) -> AsyncIterator[Document]:
        """Each task as it is and then whenever it has changed (`DetailedTask`), until all have ended."""
        left, told = set(task_ids), dict[str, Document]()
        while True:
            try:
                async with aclosing(self._looks(frozenset(left))) as looks:
                    async for task_id, task in looks:
                        if task is None or task.get("status") in OVER:
                            left.discard(task_id)
                        if task is not None and told.get(task_id) != task:
                            told[task_id] = task
                            yield task
                        if not left:
                            return
            except McpError as error:
                self._tells = False
                logger.info("the MCP server %s does not tell of tasks: %s", self._server.name, error)
            except AgentNetError as error:
                logger.info("the MCP server %s does not tell of tasks now: %s", self._server.name, error)
            await asyncio.sleep(PAUSE_SECONDS if self._tells else self._pause)

    async def _looks(self, task_ids: frozenset[str]) -> AsyncGenerator[Look, None]:
        """All tasks once, then those of which the server tells, until its stream ends."""
        if not self._tells:
            for task_id in sorted(task_ids):
                yield await self._look(task_id)
            return
        wanted: Document = {"taskIds": sorted(task_ids)}
        capabilities = self._exchange.capabilities
        async with aclosing(
            self._client.listen(self._server, self._exchange.principal, wanted, capabilities)
        ) as messages:
            async for message in messages:
                params = object_or_empty(message.get("params"))
                if message["method"] == ACKNOWLEDGED:
                    # It names what is told of: a task that is left out, and is there, has to be polled.
                    honoured = object_or_empty(params.get("notifications")).get("taskIds") or []
                    for task_id in sorted(task_ids):
                        _, task = await self._look(task_id)
                        self._tells = self._tells and (task is None or task_id in honoured)
                        yield task_id, task
                    if not self._tells:
                        return
                elif message["method"] == CHANGED and params.get("taskId") in task_ids:
                    yield params["taskId"], self._shown(params)

    async def _look(self, task_id: str) -> Look:
        """Raises `AgentNetError`."""
        exchange = self._exchange
        name, params = encoded(task_id), {"taskId": task_id}
        try:
            task = await self._client.ask(
                self._server, exchange.principal, "tasks/get", params, exchange.capabilities, name
            )
        except McpError as error:
            if error.code == INVALID_PARAMS:
                return task_id, None
            raise
        pause = task.get("pollIntervalMs")
        if isinstance(pause, int):
            # What the server asks for (SEP-2663), within bounds.
            self._pause = min(max(pause / 1000, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        return task_id, self._shown(task | {"taskId": task_id})

    def _shown(self, task: Document) -> Document:
        """As the client sees it."""
        kept = {key: value for key, value in task.items() if key not in ("resultType", "_meta")}
        return kept | {"taskId": marked(self._server.name, task["taskId"])}
