"""The legacy sessions of aggregated profiles: rows in PostgreSQL, so that any replica serves any of their requests."""

import json
import random
import secrets
from dataclasses import asdict
from typing import Any

import asyncpg
import orjson

from agentnet.database import Database
from agentnet.database.commit import GroupCommit
from agentnet.database.retry import retried
from agentnet.identity import Principal
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


class Sessions:
    """Each is bound to the credential and the profile that it was opened under."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._line = database.line()
        self._reads = GroupCommit(self._read)
        """Every request reads its session: those of one moment are read together."""

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
        row = await self._reads.submit(_plain(identifier))
        owner = (principal.tenant, principal.subject, profile.name)
        if row is None or (row["tenant"], row["subject"], row["profile"]) != owner:
            raise McpError(SESSION_NOT_FOUND, "There is no such session; it may have ended.", http=404)
        if row["is_due"]:
            await self._pool.execute(sql.TOUCH_SESSION, identifier)
        upstreams = {name: UpstreamSession(**kept) for name, kept in orjson.loads(row["upstreams"]).items()}
        said = orjson.loads(row["capabilities"]), orjson.loads(row["client_info"])
        return Session(identifier, row["version"], *said, upstreams, row["log_level"])

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
        return {name: UpstreamSession(**one) for name, one in json.loads(kept or "{}").items()}

    async def join(self, session: Session, server: str, upstream: UpstreamSession) -> UpstreamSession:
        """Keep `upstream` as the session's at `server`, or the one that another request brought first."""
        value = json.dumps(asdict(upstream))
        kept: Any = await self._pool.fetchval(sql.JOIN_UPSTREAM, session.id, server, value)
        found = UpstreamSession(**json.loads(kept)) if kept else upstream
        session.upstreams[server] = found
        return found

    async def leave(self, session: Session, server: str, upstream: UpstreamSession) -> None:
        """Forget the session at `server`: it is gone there."""
        await self._pool.execute(sql.LEAVE_UPSTREAM, session.id, server, json.dumps(asdict(upstream)))
        session.upstreams.pop(server, None)

    async def set_log_level(self, session: Session, level: str) -> None:
        """Keep it for upstream sessions that are opened later."""
        await self._pool.execute(sql.SET_LOG_LEVEL, session.id, level)


def _plain(identifier: str) -> str:
    """PostgreSQL takes no NUL in a text."""
    return identifier.replace("\0", "")
