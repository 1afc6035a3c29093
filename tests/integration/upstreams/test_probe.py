"""Trying an upstream server that answers in ways that it should not."""

import gzip
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.errors import UnavailableError
from agentnet.identity.sealing import Seal
from agentnet.settings import Settings
from agentnet.testing import serving
from agentnet.upstreams import http
from agentnet.upstreams.probe import probe
from agentnet.upstreams.server import OutsideServer
from agentnet.upstreams.upstreams import Upstreams

pytestmark = pytest.mark.anyio

LIMIT = 1_000_000


def server(listed: Response) -> Starlette:
    """A server of the legacy era whose answer to tools/list is `listed`."""

    async def answer(request: Request) -> Response:
        message = json.loads(await request.body())
        if "id" not in message:
            return Response(status_code=202)
        if message["method"] == "initialize":
            info = {"name": "u", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})
        return listed if message["method"] == "tools/list" else Response(status_code=400)

    return Starlette(routes=[Route("/mcp", answer, methods=["POST"])])


def compressed(size: int) -> Response:
    return Response(gzip.compress(b" " * size), media_type="application/json", headers={"content-encoding": "gzip"})


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (Response(b" " * LIMIT * 2, media_type="application/json"), f"over the limit of {LIMIT} bytes"),
        (compressed(LIMIT * 2), "cannot be used"),
        (JSONResponse({"jsonrpc": "2.0", "id": 3, "result": {"tools": "many"}}), "cannot be used"),
        (Response("<html>", media_type="application/json"), "Failed to parse JSON"),
        (Response(status_code=403), "it answered 403"),
    ],
)
async def test_the_reason_is_that_of_the_answer_at_fault(
    database: Any, monkeypatch: pytest.MonkeyPatch, listed: Response, told: str
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", LIMIT)
    upstreams = Upstreams(database, Seal("s" * 32), Settings(allow_private_urls=True))
    try:
        async with serving(server(listed)) as url:
            with pytest.raises(UnavailableError, match=told) as refused:
                await probe(upstreams, OutsideServer("t", "up", f"{url}/mcp", "", None, True, None))
    finally:
        await upstreams.close()
    assert "400" not in str(refused.value)
    assert "\n" not in str(refused.value)


MANY = "[]," * 300_000 + "[]"
OVER = "over a limit: The body "


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (Response(f'{{"result":{{"tools":[{MANY}]}}}}', media_type="application/json"), f"{OVER}has more than 200000"),
        # The SDK's client says no more of a stream that ends in an error.
        (Response(f'data: {{"result":{{"tools":[{MANY}]}}}}\n\n', media_type="text/event-stream"), "SSE stream ended"),
        (Response("[" * 2_000, media_type="application/json"), f"{OVER}is nested more than 1000 levels deep"),
    ],
    ids=["many", "many in an event", "deep"],
)
async def test_what_is_too_much_is_not_built(database: Any, listed: Response, told: str) -> None:
    """A list of 45 MB of nothing but brackets stopped the gateway for 38.9 s, and took 5.2 GB."""
    upstreams = Upstreams(database, Seal("s" * 32), Settings(allow_private_urls=True))
    try:
        async with serving(server(listed)) as url:
            with pytest.raises(UnavailableError, match=told):
                await probe(upstreams, OutsideServer("t", "up", f"{url}/mcp", "", None, True, None))
    finally:
        await upstreams.close()
