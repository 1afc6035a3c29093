"""Clients that leave take their searches with them, those that wait for their turn too."""

import asyncio
import json
from urllib.parse import urlsplit

import anyio
import pytest

from agentnet.discovery.directory import AUDIENCE, Directory
from agentnet.identity import Principal
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from registry.search import CONNECTIONS
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ACME = Principal("acme", "key:1")
AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'
  AND query LIKE '%registry_entries%'"""


async def test_searches_of_clients_that_left_end_and_those_of_others_are_answered(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.entries.SEARCH_SECONDS", 10 * PATIENCE_SECONDS)
    database = await runtime.database()
    async with running(runtime, Service("registry", "registry", 0)) as service, database.pool.acquire() as blocker:
        directory = Directory(service.url, runtime.http, runtime.tokens, "agent:writer")
        assert await directory.search(ACME, "letters") == []
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE registry_entries IN ACCESS EXCLUSIVE MODE")
            clients = [await _asking(runtime, service.url) for _ in range(3 * CONNECTIONS)]
            await _until_at_work(runtime, CONNECTIONS)
            for client in clients:
                client.close()
            await _until_at_work(runtime, 0)
        assert await directory.search(ACME, "letters") == []


async def _asking(runtime: Runtime, url: str) -> asyncio.StreamWriter:
    """A client that has sent a search and waits."""
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps({"text": "letters"})
    token = runtime.tokens.mint(ACME, AUDIENCE)
    lines = ("POST /v1/search HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {token}")
    writer.write("\r\n".join((*lines, f"Content-Length: {len(body)}", "", body)).encode())
    await writer.drain()
    return writer


async def _until_at_work(runtime: Runtime, number: int) -> None:
    """Until so many searches are under way in PostgreSQL."""
    database = await runtime.database()
    with anyio.fail_after(PATIENCE_SECONDS):
        while await database.pool.fetchval(AT_WORK) != number:
            await anyio.sleep(0.02)
