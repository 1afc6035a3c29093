"""What legacy sessions are subscribed to (`resources/subscribe`): rows, so that any replica tells of it.

A signal tells the replica that holds the session's GET stream; without it the stream finds out a little later.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from asyncpg import ForeignKeyViolationError
from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.database import Database
from agentnet.signals import Signal, Signals, Topic, Wakeup, Watch
from gateway.mcp.changes import sql
from gateway.mcp.changes.watched import Watched, shown_as
from gateway.mcp.messages.errors import SESSION_NOT_FOUND, Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.messages.session import Session
from gateway.mcp.upstream.rewrite import Change
from gateway.mcp.upstream.server import UPDATED

MAX_SUBSCRIPTIONS = 100
"""Of one session."""
MAX_URI_CHARACTERS = 2048
SUBSCRIBE = "resources/subscribe"
UNSUBSCRIBE = "resources/unsubscribe"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A resource that a session is subscribed to."""

    watched: Watched
    is_within: bool
    """Whether the session has a session of its own at the server, which tells of it."""


class Subscriptions:
    """Of all sessions."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._pool = database.pool
        self._signals = signals
        self._watch = Watch(signals, Topic.MCP_SUBSCRIBED)

    async def keep(self, exchange: Exchange, provider: str, own: str, version: str = "") -> None:
        """Subscribe the session of the exchange to a resource. Raises `McpError` for one too many."""
        session, uri = exchange.session, str(exchange.params["uri"])
        if session is None:
            return
        # PostgreSQL has no NUL in a text.
        if len(uri) > MAX_URI_CHARACTERS or "\0" in uri:
            raise McpError(INVALID_PARAMS, f"A URI may have {MAX_URI_CHARACTERS} characters and no NUL.")
        row = (session.id, uri, provider, own, version)
        try:
            kept = await self._pool.fetchval(sql.SUBSCRIBE, *row, MAX_SUBSCRIPTIONS)
        except ForeignKeyViolationError:
            # At another replica, since it was looked up here.
            raise McpError(SESSION_NOT_FOUND, "The session has ended.", http=404) from None
        if kept is None:
            raise McpError(INVALID_PARAMS, f"A session may have {MAX_SUBSCRIPTIONS} subscriptions.")
        self._signals.publish(Signal(Topic.MCP_SUBSCRIBED, session.id))

    async def forget(self, exchange: Exchange) -> bool:
        """End a subscription; whether there was one."""
        if exchange.session is None:
            return False
        uri = str(exchange.params["uri"]).replace("\0", "")
        ended = await self._pool.fetchval(sql.UNSUBSCRIBE, exchange.session.id, uri) is not None
        self._signals.publish(Signal(Topic.MCP_SUBSCRIBED, exchange.session.id))
        return ended

    async def of(self, session: Session) -> list[Subscription]:
        """All of a session, by URI."""
        rows = await self._pool.fetch(sql.LIST_SUBSCRIPTIONS, session.id)
        return [
            Subscription(Watched(row["provider"], row["own"], row["uri"], row["version"]), row["is_within"])
            for row in rows
        ]

    def noticed(self, session: Session) -> AbstractContextManager[Wakeup]:
        """Woken whenever the session's subscriptions have changed."""
        return self._watch.on(session.id)


class SubscribedNames:
    """What the client calls the resources that its session is subscribed to."""

    def __init__(self, subscriptions: Subscriptions, session: Session) -> None:
        self._subscriptions = subscriptions
        self._session = session
        self._names: dict[str, dict[str, list[str]]] = {}

    async def read(self) -> None:
        """As they are now."""
        names: dict[str, dict[str, list[str]]] = {}
        for watched in [each.watched for each in await self._subscriptions.of(self._session)]:
            names.setdefault(watched.provider, {}).setdefault(watched.own, []).append(watched.shown)
        self._names = names

    def shown(self, server: str) -> list[str]:
        """All names for resources of a server, as they were read last."""
        return [shown for names in self._names.get(server, {}).values() for shown in names]

    def renaming(self, server: str) -> Change:
        """Has updates of a server's resources come under the client's name, and leaves all else as it is.

        A name that is not known is looked for once more: the subscription may be newer than the names.
        """

        async def renamed(message: Document) -> Document:
            params = object_or_empty(message.get("params"))
            uri = params.get("uri")
            if message.get("method") != UPDATED or not isinstance(uri, str):
                return message
            found = shown_as(uri, self._names.get(server, {}))
            if not found:
                await self.read()
                found = shown_as(uri, self._names.get(server, {}))
            return message | {"params": params | {"uri": found[0]}} if found else message

        return renamed
