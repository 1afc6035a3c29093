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
