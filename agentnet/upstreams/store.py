"""The upstream servers that tenants' admins added, in the database. Credentials lie there sealed."""

import json

import asyncpg

from agentnet.database import Database
from agentnet.errors import ConflictError, NotFoundError, TooLargeError
from agentnet.identity.sealing import Seal, SealError
from agentnet.upstreams import sql
from agentnet.upstreams.credential import Credential, UnreadableCredential, parse_credential, revealed
from agentnet.upstreams.server import NewServer, OutsideServer
from agentnet.upstreams.timeouts import Timeouts, patterns_of

MAX_SERVERS = 100
"""Of one tenant."""


class UpstreamStore:
    """Every call is for one tenant; another's server is not found."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._pool = database.pool
        self._seal = seal

    async def add(self, tenant: str, new: NewServer) -> OutsideServer:
        """Store a server. Raises `ConflictError` for a name that is taken, `TooLargeError` over the limit."""
        secret = json.dumps(revealed(new.credential)).encode() if new.credential else None
        credential = self._seal.close(secret) if secret else None
        values = (tenant, new.name, new.url, new.description, credential, new.enabled)
        limits = (new.call_seconds, json.dumps(new.timeouts))
        row = await self._pool.fetchrow(sql.ADD, *values, *limits, MAX_SERVERS)
        if row is not None:
            return self._server(row)
        if await self._pool.fetchrow(sql.GET, tenant, new.name):
            raise ConflictError(f"There is an upstream server {new.name!r} already.", hint="Remove it first.")
        raise TooLargeError(f"There are {MAX_SERVERS} upstream servers, which is the limit.", limit=MAX_SERVERS)

    async def list(self, tenant: str) -> list[OutsideServer]:
        """A tenant's servers by name."""
        return [self._server(row) for row in await self._pool.fetch(sql.LIST, tenant)]

    async def get(self, tenant: str, name: str) -> OutsideServer:
        """One server. Raises `NotFoundError`."""
        row = await self._pool.fetchrow(sql.GET, tenant, name)
        if row is None:
            raise missing(name)
        return self._server(row)

    async def remove(self, tenant: str, name: str) -> None:
        """Forget a server with its credential. Raises `NotFoundError`."""
        if await self._pool.fetchval(sql.REMOVE, tenant, name) is None:
            raise missing(name)

    def _server(self, row: asyncpg.Record) -> OutsideServer:
        return OutsideServer(
            row["tenant"],
            row["name"],
            row["url"],
            row["description"],
            self._credential(row["credential"]),
            row["enabled"],
            row["created_at"],
            Timeouts(row["call_seconds"], patterns_of(json.loads(row["timeouts"]))),
        )

    def _credential(self, sealed: bytes | None) -> Credential | UnreadableCredential | None:
        """One that cannot be opened hides no server: using it says what is wrong."""
        if sealed is None:
            return None
        try:
            return parse_credential(self._seal.open(sealed))
        except SealError:
            return UnreadableCredential()


def missing(name: str) -> NotFoundError:
    """There is no such server, or it is another tenant's."""
    return NotFoundError(f"There is no upstream server {name!r}.", hint="`agentnet mcp servers list` shows them.")
