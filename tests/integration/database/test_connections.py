"""What a service sees of a PostgreSQL that starts, recovers or goes away."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from agentnet.database import Database
from agentnet.errors import DatabaseAwayError, UnavailableError
from agentnet.frame.access import never
from agentnet.frame.authentication import AuthMiddleware, authenticate_with
from agentnet.identity.keys import Keys
from agentnet.identity.tokens import Tokens
from agentnet.settings import Settings
from agentnet.testing.serving import serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@dataclass
class Front:
    """Stands before PostgreSQL; refuses the next `refusals` connections as a server does that is recovering."""

    server: str
    refusals: int = 0
    url: str = ""
    away: bool = False

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if self.refusals > 0:
                self.refusals -= 1
                await self._refuse(reader, writer)
            elif not self.away:
                await self._pass(reader, writer)
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._open()
        both = [asyncio.create_task(_pipe(*pair)) for pair in ((reader, far_writer), (far_reader, writer))]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for pipe in both:
            pipe.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        far_writer.close()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length, code = struct.unpack("!II", await reader.readexactly(8))
        if code == 80877103:  # the question whether there is TLS
            writer.write(b"N")
            length, _ = struct.unpack("!II", await reader.readexactly(8))
        await reader.readexactly(length - 8)
        fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is in recovery mode\0\0"
        writer.write(b"E" + struct.pack("!I", len(fields) + 4) + fields)
        await writer.drain()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.server)
        host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{parts.port or 5432}")
        return await asyncio.open_connection(host, parts.port or 5432)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def front(database_url: str, refusals: int = 0) -> AsyncIterator[Front]:
    before = Front(database_url, refusals)
    server = await asyncio.start_server(before.connect, "127.0.0.1", 0)
    parts = urlsplit(database_url)
    user = parts.netloc.rpartition("@")[0].rstrip(":") or "postgres"
    before.url = f"postgresql://{user}@127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}"
    yield before
    server.close()


async def test_a_server_that_is_recovering_is_waited_for(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.database.connections.STARTING_PAUSE_SECONDS", 0.01)
    async with front(database_url, refusals=4) as before:
        database = await Database.open(Settings(database_url=before.url, database_pool=2))
        assert before.refusals == 0
        assert await database.pool.fetchval("SELECT 1") == 1
        await database.close()


async def test_one_that_never_recovers_is_given_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.database.connections.STARTING_SECONDS", 0.2)
    monkeypatch.setattr("agentnet.database.connections.STARTING_PAUSE_SECONDS", 0.01)
    async with front(database_url, refusals=10_000) as before:
        with pytest.raises(UnavailableError, match="recovery mode"):
            await Database.open(Settings(database_url=before.url, database_pool=2))


async def test_a_caller_is_told_503_and_not_401_while_its_key_cannot_be_read(database_url: str) -> None:
    async with front(database_url) as before:
        database = await Database.open(Settings(database_url=before.url, database_pool=2))
        keys = Keys(database)
        key = await keys.create("default", "test")
        before.away = True
        await database.close()
        authenticate = authenticate_with(Tokens("s" * 32), "x", keys)
        door = AuthMiddleware(Starlette(), authenticate, max_body_bytes=1000, is_open=never)
        async with serving(door) as url, httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
            answer = await http.get(f"{url}/any", headers={"x-api-key": key})
        assert answer.status_code == 503
        assert answer.json()["error"]["status"] == "UNAVAILABLE"
        with pytest.raises(DatabaseAwayError):
            await keys.list()
