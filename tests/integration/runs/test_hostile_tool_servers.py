"""What an MCP server of others lists or answers is untrusted.

One that sends millions of values, or tools that are none, costs its own tools and nothing else.
"""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from agents.testing import assistant_message, function_call
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentnet.database import Database
from agentnet.identity.sealing import Seal
from agentnet.settings import Settings
from agentnet.testing import serving
from agentnet.upstreams.server import NewServer
from agentnet.upstreams.upstreams import Upstreams
from tests.integration.runs.specialists_under_test import DONE, answer, sent, specialist
from tests.integration.tasks.replicas import PRINCIPAL, context

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [evil]
"""
TOOL = {"name": "good", "inputSchema": {"type": "object"}}
MANY = 2_000_000


def listing(tools: str) -> str:
    return f'{{"tools": [{tools}]}}'


LISTS = {
    "brackets": listing(",".join(["[]"] * MANY)),
    "numbers": listing(",".join(["1"] * MANY)),
    "names": listing(",".join(['{"name":"a"}'] * MANY)),
    "beside": f'{{"tools": [], "_meta": {{"a": [{",".join(["[]"] * MANY)}]}}}}',
}
MALFORMED = {
    "arrays": ["[]"] * 90_000,
    "nameless": ["{}"] * 90_000,
    "with wrong schemas": ['{"name":"a\\u0000b","inputSchema":7,"annotations":3}'] * 20_000,
}


def evil(listed: str, called: str = "", *, as_events: bool) -> Starlette:
    """Speaks as much MCP as is needed, in JSON or in events."""

    async def mcp(request: Request) -> Response:
        message = await request.json()
        match message.get("method"):
            case "initialize":
                version = message["params"]["protocolVersion"]
                info = {"name": "evil", "version": "1"}
                result = json.dumps({"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
            case "tools/list":
                result = listed
            case "tools/call":
                result = called
            case "server/discover":
                return Response(status_code=404)
            case _:
                return Response(status_code=202)
        body = f'{{"jsonrpc": "2.0", "id": {json.dumps(message["id"])}, "result": {result}}}'
        if as_events:
            return Response(f"event: message\ndata: {body}\n\n", media_type="text/event-stream")
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/mcp", mcp, methods=["POST"])])


@pytest.fixture(params=["stored", "declared"])
async def upstreams(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Makes `Upstreams` with the server `evil` at a URL, which a tenant stored or the operator declared."""
    database: Database | None = None
    opened: list[Upstreams] = []

    async def made(url: str) -> Upstreams:
        nonlocal database
        file = tmp_path / "servers.yaml"
        file.write_text(
            f"servers:\n  - {{name: evil, url: {url}}}\n" if request.param == "declared" else "servers: []\n"
        )
        settings = Settings(database_url=database_url, allow_private_urls=True, mcp_servers_file=file, _env_file=None)
        database = await Database.open(settings)
        await database.pool.execute("DELETE FROM upstream_servers")
        opened.append(Upstreams(database, Seal("s" * 32), settings))
        if request.param == "stored":
            await opened[0].add(context().state[PRINCIPAL].tenant, NewServer(name="evil", url=url))
        return opened[0]

    yield made
    for each in opened:
        await each.close()
    if database:
        await database.close()


@pytest.mark.parametrize("as_events", [False, True])
@pytest.mark.parametrize("which", LISTS)
async def test_a_list_of_millions_of_values_is_not_built_and_the_task_goes_on(
    database_url: str, tmp_path: Path, upstreams: Any, which: str, as_events: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(evil(LISTS[which], as_events=as_events)) as url:
        servers = await upstreams(f"{url}/mcp")
        steps = [[assistant_message("without it")]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, servers) as (worker, [one]):
            task = await sent(one, "go")
            assert (task.status.state, answer(task)) == (DONE, "without it")
            assert "evil" in str(worker.script.calls[0].system_instructions)
            assert "evil_" not in str(worker.script.calls[0].tools)
    assert len(caplog.text) < 50_000


@pytest.mark.parametrize("which", MALFORMED)
async def test_tools_that_are_none_are_told_in_one_line(
    database_url: str, tmp_path: Path, upstreams: Any, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    listed = listing(",".join([json.dumps(TOOL), *MALFORMED[which]]))
    async with serving(evil(listed, as_events=False)) as url:
        servers = await upstreams(f"{url}/mcp")
        steps = [[assistant_message("with it")]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, servers) as (worker, [one]):
            task = await sent(one, "go")
            assert task.status.state == DONE
            assert "evil_good" in str(worker.script.calls[0].tools)
    lines = [record.getMessage() for record in caplog.records if "well formed" in record.getMessage()]
    assert 1 <= len(lines) <= 2, lines[:5]
    assert all("1999 tools are not well formed" in line or which == "with wrong schemas" for line in lines)
    assert all("are more than are looked at" in line and len(line) < 1000 for line in lines)


async def test_an_answer_of_millions_of_values_is_an_error_of_that_call(
    database_url: str, tmp_path: Path, upstreams: Any
) -> None:
    called = f'{{"content": [{",".join(["[]"] * MANY)}]}}'
    async with serving(evil(listing(json.dumps(TOOL)), called, as_events=False)) as url:
        servers = await upstreams(f"{url}/mcp")
        steps = [[function_call("evil_good", {}, call_id="c1")], [assistant_message("it failed")]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, servers) as (worker, [one]):
            task = await sent(one, "go")
            assert (task.status.state, answer(task)) == (DONE, "it failed")
            outputs = [item.get("output") for item in worker.script.calls[1].input if isinstance(item, dict)]
            assert "rror" in str(outputs[-1]) or "broke" in str(outputs[-1]), outputs
