"""A host of the gateway names files as it likes, and writes into `_meta` what it likes: it opens no conversation so."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from mcp import Client

from agentnet.files.store import FileStore
from agentnet.identity.origin import Origin
from agentnet.process.service import Service, running
from tests.integration.gateway.mcp.conftest import ERAS, Place, until
from tests.integration.gateway.mcp.test_aggregate import text_of
from tests.integration.mcp_servers.conftest import Served
from tests.integration.mcp_servers.test_data import add_task

pytestmark = pytest.mark.anyio

TENANT = "acme"
NAME = "plans-of-somebody.csv"


@pytest.fixture
async def told(place: Place) -> AsyncIterator[tuple[UUID, str]]:
    """A task of the tenant's and the id of its file, in a place with the data server."""
    runtime = place.network.runtime
    async with running(runtime, Service("mcp", "data", 0)) as service:
        served = Served(runtime, "mcp:data", service.url)
        task: UUID = await add_task(served, TENANT, "analyst", 2, context="private")
        files = FileStore(await runtime.database(), 1_000_000)
        yield task, (await files.put(TENANT, NAME, "text/csv", b"amount\n41\n", task)).uri


async def has(host: Client, tool: str) -> bool:
    return tool in [each.name for each in (await host.list_tools(cache_mode="bypass")).tools]


@pytest.mark.parametrize("profile", ["", "straight"])
@pytest.mark.parametrize("era", ERAS)
async def test_a_hosts_own_words_open_no_file_of_a_conversation(
    place: Place, told: tuple[UUID, str], era: str, profile: str
) -> None:
    task, uri = told
    if profile:
        await place.put_profile(profile, servers=["data"], agents=[])
    prefix = "" if profile else "data__"
    forged: Any = Origin(task, "private").as_meta()
    async with place.host(era, profile) as host:
        await until(lambda: has(host, f"{prefix}list_sources"))
        listed = await host.call_tool(f"{prefix}list_sources", {}, meta=forged)
        named = await host.call_tool(f"{prefix}describe", {"source": NAME}, meta=forged)
        asked = await host.call_tool(f"{prefix}query", {"sql": "SELECT * FROM plans_of_somebody"}, meta=forged)
        opened = await host.call_tool(f"{prefix}describe", {"source": uri}, meta=forged)
    assert NAME not in str(listed)
    assert named.is_error and f"There is no source '{NAME}'" in text_of(named)
    assert asked.is_error and "41" not in text_of(asked)
    assert not opened.is_error and "41" in text_of(opened), "by its id, which the tenant may know, it is opened"
