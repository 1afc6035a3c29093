"""An agent that was ever there is away and not unknown, whoever knew it; clients read "there is none" as for ever."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from tests.integration.gateway.conftest import Network

pytestmark = pytest.mark.anyio

V1 = {"a2a-version": "1.0"}


def rpc(method: str) -> dict[str, Any]:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
    return {"jsonrpc": "2.0", "id": "x-1", "method": method, "params": {"message": message}}


async def deregistered(network: Network) -> None:
    await network.deregister("gone")


async def ran_out(network: Network) -> None:
    await sql(network, "UPDATE registry_leases SET lease_until = now() - interval '1 second'")


async def swept(network: Network) -> None:
    await sql(network, "DELETE FROM registry_entries")


async def sql(network: Network, statement: str) -> None:
    await (await network.runtime.database()).pool.execute(statement)


async def shapes(http: httpx.AsyncClient, name: str) -> AsyncIterator[httpx.Response]:
    """What an agent answers at each of its addresses, JSON-RPC first."""
    yield await http.post(f"/agents/{name}", json=rpc("SendMessage"), headers=V1)
    yield await http.post(f"/agents/{name}", json=rpc("message/send"))
    for method, path in (
        ("POST", "/message:send"),
        ("POST", "/v1/message:send"),
        ("GET", "/tasks"),
        ("GET", "/v1/tasks/t"),
        ("GET", "/.well-known/agent-card.json"),
        ("GET", ""),
    ):
        yield await http.request(method, f"/agents/{name}{path}", json={}, headers=V1)


async def assert_away(http: httpx.AsyncClient, name: str) -> None:
    async for answer in shapes(http, name):
        error = answer.json()["error"]
        assert int(answer.headers["retry-after"]) > 0, answer.request.url
        if "jsonrpc" in answer.json():
            assert (answer.status_code, error["code"], answer.json()["id"]) == (200, -32051, "x-1")
        else:
            assert (answer.status_code, error["status"]) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("goes", [deregistered, ran_out, swept])
async def test_a_gateway_that_never_saw_an_agent_says_that_it_is_away(
    network: Network, goes: Callable[[Network], Awaitable[None]]
) -> None:
    await network.register("gone", ["http://127.0.0.1:9"])
    await goes(network)
    async with network.client() as http:
        await assert_away(http, "gone")
        async for answer in shapes(http, "never"):
            assert answer.status_code == 404


async def test_another_tenants_agent_that_is_away_is_one_that_there_never_was(network: Network) -> None:
    await network.register("gone", ["http://127.0.0.1:9"], tenant="other")
    await deregistered(network)
    async with network.client() as http:
        async for answer in shapes(http, "gone"):
            assert answer.status_code == 404


@asynccontextmanager
async def without_registry(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway that has no registry to ask."""
    settings = network.runtime.settings.model_copy(update={"registry_url": "http://127.0.0.1:9", "port": 0})
    async with Runtime.open(settings) as runtime, running(runtime, Service("gateway", "gateway", 0)) as gateway:
        headers = {"authorization": f"Bearer {network.key}"}
        async with httpx.AsyncClient(base_url=gateway.url, headers=headers, trust_env=False) as http:
            yield http


async def test_a_gateway_that_can_ask_nobody_knows_of_no_agent_that_there_is_none(network: Network) -> None:
    async with without_registry(network) as http:
        await assert_away(http, "anybody")
        assert (await http.get("/agents")).status_code == 503
