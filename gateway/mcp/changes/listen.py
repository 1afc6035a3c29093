"""`subscriptions/listen` (2026-07-28): one stream of what changes for the caller, until the client closes it."""

from typing import Any

from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types.jsonrpc import INVALID_PARAMS

from gateway.http.limits import StreamLimit
from gateway.mcp.aggregate.provider import FollowedTasks
from gateway.mcp.changes.feed import Feed
from gateway.mcp.changes.tasks import followed, telling
from gateway.mcp.changes.view import View
from gateway.mcp.changes.watched import Watched
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.upstream.server import UPDATED, Change, Updated

MAX_URIS = 500
"""Resources watched in one stream."""
MAX_LISTEN_STREAMS = 32
"""Of one key in one process."""
WANTED_BY = {
    "toolsListChanged": Change.TOOLS,
    "promptsListChanged": Change.PROMPTS,
    "resourcesListChanged": Change.RESOURCES,
}

URIS, TASK_IDS = "resourceSubscriptions", "taskIds"


class Listening:
    """Serves listen streams."""

    def __init__(self) -> None:
        self._limit = StreamLimit(MAX_LISTEN_STREAMS)

    async def listen(self, exchange: Exchange, view: View) -> Document:
        """Stream until cancelled. Raises `McpError` before the first frame, `BusyError`."""
        if not exchange.reply.may_stream:
            raise McpError(
                INVALID_PARAMS, "subscriptions/listen needs a client that accepts text/event-stream.", http=406
            )
        asked = filter_in(exchange.params)
        uris = uris_in(asked)
        with self._limit.stream(exchange.principal):
            tasks = await followed(exchange, asked.get(TASK_IDS, []), await view.providers())
            watched = await view.watched(uris)
            honoured = honoured_of(asked, uris, tasks, watched)
            meta = {SUBSCRIPTION_ID_META_KEY: exchange.id}

            async def watches() -> list[Watched]:
                return watched

            feed = Feed(view, frozenset(change for flag, change in WANTED_BY.items() if flag in honoured), watches)
            async with feed.running():
                params: Document = {"notifications": honoured, "_meta": meta}
                # The first frame, and no sooner than the feed runs; each frame names the subscription (2026-07-28,
                # subscriptions).
                await exchange.notify("notifications/subscriptions/acknowledged", params)
                async with telling(exchange, tasks, meta):
                    while True:
                        method, params = notification_of(await feed.take())
                        await exchange.notify(method, params | {"_meta": meta})


def last_word(exchange: Exchange) -> Document:
    """The result that ends a listen stream on purpose."""
    return {"_meta": {SUBSCRIPTION_ID_META_KEY: exchange.id}}


def filter_in(params: Document) -> Document:
    """What a client wants to hear of; members that are not known here are left to `honoured_of`. Raises `McpError`."""
    asked = params.get("notifications")
    if not isinstance(asked, dict):
        raise McpError(INVALID_PARAMS, "notifications must be an object that says what to tell of.")
    for flag in WANTED_BY:
        if not isinstance(asked.get(flag, False), bool):
            raise McpError(INVALID_PARAMS, f"notifications.{flag} must be true or false.")
    return asked


def uris_in(asked: Document) -> list[str]:
    """The resources that a client wants to watch. Raises `McpError`."""
    uris: Any = asked.get(URIS, [])
    if not isinstance(uris, list) or len(uris) > MAX_URIS or not all(isinstance(uri, str) for uri in uris):
        raise McpError(INVALID_PARAMS, f"resourceSubscriptions must be a list of at most {MAX_URIS} URIs.")
    return uris


def honoured_of(asked: Document, uris: list[str], tasks: FollowedTasks, watched: list[Watched]) -> Document:
    """The filter as it is served: what is unknown, or another's, is left out, as the specification has it.

    Raises `McpError` when nothing of what was asked for is there.
    """
    honoured: Document = {flag: True for flag in WANTED_BY if asked.get(flag) is True}
    there = {each.shown for each in watched}
    honoured |= {URIS: found} if (found := [uri for uri in uris if uri in there]) else {}
    honoured |= {TASK_IDS: tasks.ids} if tasks.ids else {}
    if not honoured and (uris or asked.get(TASK_IDS)):
        raise McpError(INVALID_PARAMS, "There are no such resources or tasks here.")
    if not honoured and asked.keys() - {*WANTED_BY, URIS, TASK_IDS}:
        raise McpError(INVALID_PARAMS, f"notifications may hold {', '.join((*WANTED_BY, URIS, TASK_IDS))}.")
    return honoured


def notification_of(news: Change | Updated) -> tuple[str, Document]:
    """Method and parameters."""
    if isinstance(news, Updated):
        return UPDATED, {"uri": news.uri}
    return f"notifications/{news.value}/list_changed", {}
