"""Two networks, each with a gateway, that list each other as upstream MCP servers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentnet.identity.principal import ADMIN, USE
from tests.databases import Databases
from tests.integration.gateway.conftest import Network, network_running
from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LegacySession, answer_in, modern, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

LOOP = 508


@dataclass(frozen=True)
class Apart:
    """What the second network shares with nobody."""

    home: Path
    database_url: str


@pytest.fixture(scope="module")
def apart(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    with databases.copied() as url:
        yield Apart(tmp_path_factory.mktemp("apart"), url)


async def admin_of(network: Network) -> httpx.AsyncClient:
    return network.client(await (await network.runtime.keys()).create("acme", "admin", scopes=[ADMIN, USE]))


async def add(network: Network, name: str, url: str, key: str) -> None:
    async with await admin_of(network) as http:
        await http.delete(f"/v1/mcp/servers/{name}")
        body = {"name": name, "url": url, "credential": {"type": "bearer", "token": key}}
        added = await http.post("/v1/mcp/servers", json=body)
        assert added.status_code in (200, 201), added.text


@asynccontextmanager
async def circle(home: Path, apart: Apart, path: str = "/mcp") -> AsyncIterator[tuple[Place, Place]]:
    """Network `one` with the server alpha and the upstream `two`, which has beta and the upstream `one`."""
    async with (
        network_running(home, allow_private_urls=True) as one,
        network_running(apart.home, allow_private_urls=True, database_url=apart.database_url) as two,
        AsyncExitStack() as stack,
    ):
        places = Place(one, one.url, stack), Place(two, two.url, stack)
        for place, server in zip(places, ("alpha", "beta"), strict=True):
            await (await place.network.runtime.database()).pool.execute("DELETE FROM mcp_profiles")
            await place.server(server)
        await add(one, "two", two.url + path, two.key)
        await add(two, "one", one.url + path, one.key)
        yield places
        for place, name in zip(places, ("two", "one"), strict=True):
            async with await admin_of(place.network) as http:
                await http.delete(f"/v1/mcp/servers/{name}")


async def tools(http: httpx.AsyncClient) -> set[str]:
    message, headers = modern("tools/list")
    return {
        tool["name"]
        for tool in (await answer_in(await http.post("/mcp", json=message, headers=headers)))["result"]["tools"]
    }


async def settled(http: httpx.AsyncClient, wanted: str) -> set[str]:
    """The tools that are listed when `wanted` is among them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await tools(http)
            if any(wanted in name for name in found):
                return found
            await asyncio.sleep(0.1)


def origins(names: set[str]) -> set[str]:
    """What stands before the tools' own names."""
    return {name.rpartition("__")[0] for name in names} - {""}


async def test_each_lists_the_others_tools_and_never_its_own_come_back(home: Path, apart: Apart) -> None:
    async with circle(home, apart) as (one, two):
        async with one.network.client() as at_one, two.network.client() as at_two:
            for number in range(3):
                for place in (one, two):  # lists are asked for anew, on both sides
                    await place.server(f"more-{number}")
                await settled(at_one, f"two__more-{number}__")
                await settled(at_two, f"one__more-{number}__")
            more = {f"more-{number}" for number in range(3)}
            assert origins(await tools(at_one)) == {
                "alpha",
                "two",
                "two__beta",
                *more,
                *(f"two__{name}" for name in more),
            }
            assert origins(await tools(at_two)) == {
                "beta",
                "one",
                "one__alpha",
                *more,
                *(f"one__{name}" for name in more),
            }
            message, headers = modern("tools/call", {"name": "two__beta__echo", "arguments": {"text": "hi"}})
            answer = await answer_in(await at_one.post("/mcp", json=message, headers=headers))
    assert answer["result"]["content"][0]["text"] == "beta: hi"


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_call_that_goes_round_is_refused_and_says_so(home: Path, apart: Apart, era: str) -> None:
    async with circle(home, apart, "/mcp/round") as (one, two):
        await one.put_profile("round", servers=["two"], agents=[])
        await two.put_profile("round", servers=["one"], agents=[])
        async with one.network.client() as http:
            answer = await ask(http, "/mcp/round", era)
            assert origins(await tools(http)) == {"alpha"}
    assert answer.status_code == LOOP
    assert "lead in a circle" in answer.json()["error"]["message"]


async def ask(http: httpx.AsyncClient, path: str, era: str) -> httpx.Response:
    if era == "modern":
        message, headers = modern("tools/list")
        return await http.post(path, json=message, headers=headers)
    params: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t"}}
    headers = {"accept": "application/json, text/event-stream"}
    return await http.post(path, json=request("initialize", params), headers=headers)


async def test_a_host_hears_of_a_list_that_changed_in_the_other_network(home: Path, apart: Apart) -> None:
    async with circle(home, apart) as (one, two):
        async with one.network.client() as http:
            await settled(http, "two__beta__")
            session = await LegacySession.open(http, one.network.url)
            async with http.stream("GET", "/mcp", headers=session.headers) as response:
                await two.server("gamma")
                async with asyncio.timeout(PATIENCE_SECONDS):
                    async for line in response.aiter_lines():
                        if "tools/list_changed" in line:
                            break
            assert origins(await settled(http, "two__gamma__")) == {"alpha", "two", "two__beta", "two__gamma"}
