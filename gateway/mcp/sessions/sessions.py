"""The legacy sessions of aggregated profiles: rows in PostgreSQL, so that any replica serves any of their requests."""

import asyncio
import json
import random
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg
import orjson
from cachetools import LRUCache

from agentnet.database import Database
from agentnet.database.commit import GroupCommit
from agentnet.database.retry import retried
from agentnet.identity import Principal
from gateway.http.cache import peek
from gateway.mcp.messages.errors import SESSION_NOT_FOUND, Document, McpError
from gateway.mcp.messages.jsonrpc import has_nul
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.session import Session, UpstreamSession
from gateway.mcp.sessions import sql

IDLE_SECONDS = 1800.0
"""A session that nobody used for so long is gone."""
TOUCH_SECONDS = 60.0
MAX_SESSIONS = 200
"""Of one key; a new one ends the one that was not used for longest."""
PRUNED_AT_ONCE = 500
PRUNE_CHANCE = 0.02
"""How often a new session brings the deletion of idle ones along."""
MAX_CLIENT_BYTES = 16 * 1024
"""Of what a client says of itself."""
RECENT_SECONDS = 0.05
"""For so long requests take a session for what it was when it was read: a busy client sends a hundred in that time."""
MAX_RECENT = 1024

Owner = tuple[str, str, str]
"""Tenant, subject and profile that a session was opened under."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A session as it was read."""

    session: Session
    owner: Owner
    until: float
    """When it is no longer recent, by `time.monotonic`."""


class Sessions:
    """Each is bound to the credential and the profile that it was opened under."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._recent: LRUCache[str, _Read] = LRUCache(MAX_RECENT)
        self._changes = 0
        """How many sessions this replica has changed: what was read meanwhile may be older than that."""
        self._line = database.line()
        self._reads = GroupCommit(self._read)
        """What reads its session at one moment reads it together."""

    async def open(
        self, principal: Principal, profile: Profile, version: str, capabilities: Document, client_info: Document
    ) -> str:
        """The id of a new session. Raises `McpError` when the client says too much of itself."""
        said = [json.dumps(capabilities), json.dumps(client_info)]
        if has_nul(*said):
            raise McpError(-32602, "capabilities and clientInfo may hold no NUL.")
        if sum(map(len, said)) > MAX_CLIENT_BYTES:
            raise McpError(-32602, f"capabilities and clientInfo are over the limit of {MAX_CLIENT_BYTES} bytes.")
        identifier = secrets.token_urlsafe(24)
        owner = (principal.tenant, principal.subject)
        await self._pool.execute(sql.OPEN_SESSION, identifier, *owner, profile.name, version, *said)
        await self._pool.execute(sql.END_SURPLUS, *owner, MAX_SESSIONS)
        if random.random() < PRUNE_CHANCE:  # noqa: S311 - spreads work, guards nothing
            await self._pool.execute(sql.PRUNE_SESSIONS, IDLE_SECONDS, PRUNED_AT_ONCE)
            await self._pool.execute(sql.PRUNE_ANSWERS, IDLE_SECONDS)
        return identifier

    async def get(self, principal: Principal, profile: Profile, identifier: str) -> Session:
        """The session. Raises `McpError` (404) for one that is unknown, another's, or idle for too long."""
        return _own((await self._load(_owner(principal, profile), identifier)).session)

    async def recent(self, principal: Principal, profile: Profile, identifier: str) -> Session:
        """The same, as it was a moment ago where it was changed at another replica."""
        kept, owner = peek(self._recent, identifier), _owner(principal, profile)
        if kept is None or kept.owner != owner or kept.until <= time.monotonic():
            kept = await self._load(owner, identifier)
        return _own(kept.session)

    async def _load(self, owner: Owner, identifier: str) -> _Read:
        changes, began = self._changes, time.monotonic()
        row = await self._reads.submit(_plain(identifier))
        if row is None or (row["tenant"], row["subject"], row["profile"]) != owner:
            raise McpError(SESSION_NOT_FOUND, "There is no such session; it may have ended.", http=404)
        if row["is_due"]:
            await self._pool.execute(sql.TOUCH_SESSION, identifier)
        upstreams = {name: UpstreamSession(**kept) for name, kept in orjson.loads(row["upstreams"]).items()}
        said = orjson.loads(row["capabilities"]), orjson.loads(row["client_info"])
        session = Session(identifier, row["version"], *said, upstreams, row["log_level"])
        read = _Read(session, owner, began + RECENT_SECONDS)
        if changes == self._changes:
            self._recent[identifier] = read
        return read

    async def _read(self, identifiers: list[str]) -> list[asyncpg.Record | None]:
        rows = await retried(lambda: self._line.fetch(sql.GET_SESSIONS, identifiers, IDLE_SECONDS, TOUCH_SECONDS))
        found = {row["id"]: row for row in rows}
        return [found.get(identifier) for identifier in identifiers]

    async def touch(self, session: Session) -> bool:
        """Note that it is in use; whether it is still there."""
        return await self._pool.fetchval(sql.TOUCH_SESSION, session.id) is not None

    async def end(self, session: Session) -> dict[str, UpstreamSession]:
        """End it; the upstream sessions that it had."""
        kept = await self._pool.fetchval(sql.END_SESSION, session.id)
        self._changed(session)
        return {name: UpstreamSession(**one) for name, one in json.loads(kept or "{}").items()}

    async def join(self, session: Session, server: str, upstream: UpstreamSession) -> UpstreamSession:
        """Keep `upstream` as the session's at `server`, or the one that another request brought first."""
        value = json.dumps(asdict(upstream))
        kept: Any = await self._pool.fetchval(sql.JOIN_UPSTREAM, session.id, server, value)
        found = UpstreamSession(**json.loads(kept)) if kept else upstream
        session.upstreams[server] = found
        self._changed(session)
        return found

    async def leave(self, session: Session, server: str, upstream: UpstreamSession) -> None:
        """Forget the session at `server`: it is gone there."""
        await self._pool.execute(sql.LEAVE_UPSTREAM, session.id, server, json.dumps(asdict(upstream)))
        session.upstreams.pop(server, None)
        self._changed(session)

    async def set_log_level(self, session: Session, level: str) -> None:
        """Keep it for upstream sessions that are opened later."""
        await self._pool.execute(sql.SET_LOG_LEVEL, session.id, level)
        self._changed(session)

    async def settled(self) -> None:
        """Returns when no replica takes a session for what it was before this was called."""
        await asyncio.sleep(RECENT_SECONDS)

    def _changed(self, session: Session) -> None:
        self._changes += 1
        self._recent.pop(session.id, None)


def _own(session: Session) -> Session:
    """For one request, which may change what is upstream in it."""
    said = session.capabilities, session.client_info
    return Session(session.id, session.version, *said, {**session.upstreams}, session.log_level)


def _owner(principal: Principal, profile: Profile) -> Owner:
    return principal.tenant, principal.subject, profile.name


def _plain(identifier: str) -> str:
    """PostgreSQL takes no NUL in a text."""
    return identifier.replace("\0", "")
