"""The upstream servers that tenants' admins added, in the database. Credentials lie there sealed."""

import json

import asyncpg

from agentnet.database import Database
from agentnet.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError
from agentnet.identity.sealing import Seal, SealError
from agentnet.upstreams import sql
from agentnet.upstreams.credential import Credential, UnreadableCredential, parse_credential, revealed
from agentnet.upstreams.server import NewServer, OutsideServer, Replacement, origin_of
from agentnet.upstreams.timeouts import Timeouts, patterns_of

MAX_SERVERS = 100
"""Of one tenant."""


class UpstreamStore:
    """Every call is for one tenant; another's server is not found."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._pool = database.pool
        self._seal = seal

    async def names(self) -> list[str]:
        """Names of the servers of all tenants."""
        return [row["name"] for row in await self._pool.fetch(sql.NAMES)]

    async def add(self, tenant: str, new: NewServer) -> OutsideServer:
        """Store a server. Raises `ConflictError` for a name that is taken, `TooLargeError` over the limit."""
        values = (tenant, new.name, new.url, new.description, self._sealed(new.credential), new.enabled)
        limits = (new.call_seconds, json.dumps(new.timeouts))
        row = await self._pool.fetchrow(sql.ADD, *values, *limits, MAX_SERVERS)
        if row is not None:
            return self._server(row)
        if await self._pool.fetchrow(sql.GET, tenant, new.name):
            raise ConflictError(
                f"There is an upstream server {new.name!r} already.", hint="Replace it, or remove it first."
            )
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

    async def replace(self, known: OutsideServer, new: Replacement) -> OutsideServer:
        """Put `new` in the place of `known`. Raises `InvalidInputError` where a credential would stay for another
        origin than it was given for, `ConflictError` when the server was changed meanwhile."""
        if new.keeps_credential and known.credential is not None and origin_of(new.url) != origin_of(known.url):
            raise InvalidInputError(
                "The stored credential is for another address: give the credential for the new one, or null."
            )
        row = await self._pool.fetchrow(
            sql.REPLACE,
            known.tenant,
            known.name,
            new.url,
            new.description,
            new.keeps_credential,
            self._sealed(new.credential),
            new.enabled,
            known.url,
            new.keeps_call_seconds,
            new.call_seconds,
            None if new.new_timeouts is None else json.dumps(new.new_timeouts),
        )
        if row is None:
            raise ConflictError(f"The upstream server {known.name!r} was changed meanwhile.")
        return self._server(row)

    async def switch(self, tenant: str, name: str, *, enabled: bool) -> OutsideServer:
        """Switch a server on or off. Raises `NotFoundError`."""
        row = await self._pool.fetchrow(sql.SWITCH, tenant, name, enabled)
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

    def _sealed(self, credential: Credential | None) -> bytes | None:
        return self._seal.close(json.dumps(revealed(credential)).encode()) if credential else None

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
