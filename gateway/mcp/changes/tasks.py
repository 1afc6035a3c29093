"""Tasks that a client listens for (`taskIds` of `subscriptions/listen`, SEP-2663)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp_types.jsonrpc import INVALID_PARAMS

from gateway.mcp.aggregate.provider import FollowedTasks, Provider
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.upstream.addressing import TASKS

logger = logging.getLogger(__name__)

MAX_TASKS = 100
"""In one stream."""


async def followed(exchange: Exchange, asked: Any, providers: list[Provider]) -> FollowedTasks:
    """Those of the tasks asked for that are there, and what becomes of them. Raises `McpError`."""
    found = FollowedTasks([], [])
    if not isinstance(asked, list) or len(asked) > MAX_TASKS or not all(isinstance(each, str) for each in asked):
        raise McpError(INVALID_PARAMS, f"taskIds must be a list of at most {MAX_TASKS} ids.")
    if not asked:
        return found
    exchange.require_extension(TASKS)
    for provider in providers:
        own = [task_id for task_id in dict.fromkeys(asked) if provider.owns_task(task_id)]
        if own:
            part = await provider.follow_tasks(exchange, own)
            found.ids.extend(part.ids)
            found.changes.extend(part.changes)
    return found


@asynccontextmanager
async def telling(exchange: Exchange, tasks: FollowedTasks, meta: Document) -> AsyncIterator[None]:
    """Notify the client of `tasks` while the block runs."""
    pumps = [asyncio.create_task(_tell(exchange, changes, meta)) for changes in tasks.changes]
    try:
        yield
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _tell(exchange: Exchange, changes: AsyncIterator[Document], meta: Document) -> None:
    try:
        async for task in changes:
            await exchange.notify("notifications/tasks", task | {"_meta": meta})
    except Exception:
        # The boundary of a task that nobody awaits.
        logger.exception("a task is no longer told of")
