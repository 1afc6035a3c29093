"""Lists of upstream servers, and what becomes of them when a server says that they changed."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from agentnet.identity import Principal
from gateway.mcp.messages.era import Era
from gateway.mcp.upstream.eras import Spoken
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.server import Kind, UpstreamServer

pytestmark = pytest.mark.anyio

ASKER = Principal("acme", "key:1")


class Server:
    """Answers as `UpstreamClient` does: with the name of the tool that there is when it is asked, once it may."""

    def __init__(self) -> None:
        self.tool = "old"
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def ask(self, *_: object) -> dict[str, Any]:
        found = {"tools": [{"name": self.tool}], "ttlMs": 3_600_000, "cacheScope": "public"}
        self.asked.set()
        await self.go.wait()
        return found

    async def of(self, *_: object) -> Spoken:
        return Spoken(frozenset({Era.MODERN}), keeps_sessions=False, tells_of_resources=False, completes=False)


async def test_a_list_that_was_asked_for_before_it_changed_is_not_kept_as_new() -> None:
    server: Any = Server()
    listings = Listings(server, server, server, SimpleNamespace(admits=lambda item: True))  # type: ignore[arg-type]
    upstream = UpstreamServer("alpha", (), "*", "", {}, server)
    early = asyncio.create_task(listings.get(upstream, ASKER, Kind.TOOLS))
    await server.asked.wait()
    server.tool = "new"
    listings.forget(upstream, frozenset({Kind.TOOLS}))
    late = asyncio.create_task(listings.get(upstream, ASKER, Kind.TOOLS))
    await asyncio.sleep(0)
    server.go.set()
    await early
    for listing in (await late, await listings.get(upstream, ASKER, Kind.TOOLS)):
        assert [item["name"] for item in listing.items] == ["new"]
