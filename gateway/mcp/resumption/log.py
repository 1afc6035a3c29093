"""Calls that outlive the connection of a legacy client, in PostgreSQL: any replica sends their events again, and takes
over those that wait for the client when the replica that drove them has gone.

2025-11-25, transports: resumability and redelivery.
"""

import asyncio
import logging
import random
import re
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass

from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.database import Database
from agentnet.database.retry import DATABASE_AWAY, retried
from agentnet.signals import Signal, Signals, Topic, Wakeup, Watch
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import RequestId, read, write
from gateway.mcp.resumption import sql
from gateway.mcp.sessions.running import RunningCalls

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
"""A process that was not heard of for so long has gone."""
BEAT_SECONDS = LEASE_SECONDS / 3
KEPT_SECONDS = 600.0
"""How long a client may come back for an answer."""
PRUNED_AT_ONCE = 200
PRUNE_CHANCE = 0.02
EVENTS_AT_ONCE = 100
PREFIX = "call-event."
"""Ids of events of these calls begin with it."""

_EVENT = re.compile(r"call-event\.([\w-]{1,64})\.([0-9]{1,6})\.[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a call stands."""

    is_over: bool
    is_orphan: bool
    waiting: Document | None
    """What the server asked, while the client is to answer."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that was taken over."""

    request: Document
    waiting: Document | None
    last: int
    """The number of its last event."""


class CallLog:
    """The calls of this process are those of `owner`; what is written to another's is dropped.

    What a call in progress needs waits for a database that is away for a moment, and raises `DatabaseAwayError` then.
    """

    def __init__(self, database: Database, signals: Signals, running: RunningCalls) -> None:
        self._pool = database.pool
        self._signals = signals
        self._running = running
        self._watch = Watch(signals, Topic.MCP_CALL)
        self._owner = secrets.token_urlsafe(12)
        self._beating: asyncio.Task[None] | None = None

    async def open(self, call: str, session: str, request: Document) -> None:
        """Begin to keep a call of this process."""
        await self._pool.execute(sql.OPEN_CALL, call, session, self._owner, _text(request))
        self.beat()
        if random.random() < PRUNE_CHANCE:  # noqa: S311 - spreads work, guards nothing
            await self._pool.execute(sql.PRUNE_CALLS, KEPT_SECONDS, PRUNED_AT_ONCE)

    def beat(self) -> None:
        """Say from time to time that this process is there for its calls, for as long as it has some."""
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat(), name="mcp calls")

    async def stop(self) -> None:
        """Say no more."""
        if self._beating is not None:
            self._beating.cancel()

    async def put(self, call: str, number: int, body: Document) -> None:
        """Keep an event."""
        await retried(lambda: self._pool.execute(sql.PUT_EVENT, call, self._owner, number, _text(body)))
        self.tell(call)

    async def hold(self, call: str, waiting: Document | None) -> bool:
        """Keep what the call waits for; None: it goes on. Whether it is still this process's."""
        text = None if waiting is None else _text(waiting)
        return await retried(lambda: self._pool.fetchval(sql.HOLD_CALL, call, self._owner, text)) is not None

    async def answered(self, session: str, question: RequestId) -> None:
        """A question of a relayed call, the newest, is not open any more."""
        await retried(lambda: self._pool.execute(sql.QUESTION_ANSWERED, session, _text(asked(question))))

    async def end(self, call: str, number: int, answer: Document) -> None:
        """Keep the answer."""
        await retried(lambda: self._pool.execute(sql.END_CALL, call, self._owner, number, _text(answer)))
        self.tell(call)

    async def standing(self, call: str, session: str) -> Standing | None:
        """How a call of the session stands; None for one that is unknown."""
        row = await retried(lambda: self._pool.fetchrow(sql.GET_CALL, call, session, LEASE_SECONDS))
        return None if row is None else Standing(row["is_over"], row["is_orphan"], _document(row["waiting"]))

    async def events(self, call: str, after: int) -> list[tuple[int, Document]]:
        """Its next events, so many at once."""
        rows = await retried(lambda: self._pool.fetch(sql.GET_EVENTS, call, after, EVENTS_AT_ONCE))
        return [(row["number"], read(row["body"].encode())) for row in rows]

    async def claim(self, call: str) -> Claim | None:
        """Take an orphan over; None when another replica was first."""
        row = await self._pool.fetchrow(sql.CLAIM_CALL, call, self._owner, LEASE_SECONDS)
        return None if row is None else Claim(read(row["request"].encode()), _document(row["waiting"]), row["last"])

    async def leave(self, call: str) -> None:
        """Let another replica take the call over at once."""
        await self._pool.execute(sql.LEAVE_CALL, call, self._owner, LEASE_SECONDS + 1)
        self.tell(call)

    def tell(self, call: str) -> None:
        """Wake those who follow the call, in every replica."""
        self._signals.publish(Signal(Topic.MCP_CALL, call))

    def news(self, call: str) -> AbstractContextManager[Wakeup]:
        """Woken by all news of a call."""
        return self._watch.on(call)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            calls = self._running.logged()
            if not calls:
                return
            try:
                rows = await self._pool.fetch(sql.BEAT_CALLS, calls, self._owner)
            except DATABASE_AWAY as error:
                logger.info("calls are not noted to be alive: %s", error)
                continue
            for call in set(calls) - {row["id"] for row in rows}:
                self._running.lose(call)


def asked(question: RequestId) -> Document:
    """What a relayed call waits for: only its own process goes on with it."""
    return {"ids": [question]}


def ended() -> McpError:
    """What became of a call whose replica has gone while it was at its server."""
    return McpError(
        INTERNAL_ERROR,
        "The gateway replica that made this call has gone in the middle of it, and the call may have had effects: "
        "look whether it had, and call again if it had not.",
    )


def event_id(call: str, number: int, further: int = 0) -> str:
    """The id of an event, or of one that is not kept and came so much further behind it."""
    return f"{PREFIX}{call}.{number}.{further}"


def is_event(text: str) -> bool:
    """Whether an event id is of the kind that `event_id` makes."""
    return text.startswith(PREFIX)


def event_of(text: str) -> tuple[str, int] | None:
    """Call and number of an id that `event_id` made; None for any other."""
    found = _EVENT.fullmatch(text)
    return (found[1], int(found[2])) if found else None


def _text(document: Document) -> str:
    return write(document).decode()


def _document(text: str | None) -> Document | None:
    return None if text is None else read(text.encode())
