"""The relay that stands between the suite and the gateways."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.testing.serving import serving
from tests.conformance.mcp.relay import relaying
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


def saying(name: str) -> Starlette:
    async def answer(request: Request) -> PlainTextResponse:
        said = [name, request.headers.get("authorization", ""), (await request.body()).decode()]
        return PlainTextResponse(" ".join(said), status_code=202, headers={"mcp-session-id": name})

    return Starlette(routes=[Route("/mcp", answer, methods=["GET", "POST", "DELETE"])])


def endless(begun: asyncio.Event, gone: asyncio.Event, *, streaming: bool) -> ASGIApp:
    """Begins an answer and never ends it; tells when the client has gone."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        if streaming:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    return app


async def test_each_request_goes_to_the_next_target_with_the_header_added() -> None:
    async with (
        serving(saying("one")) as one,
        serving(saying("two")) as two,
        relaying([one, two], {"authorization": "Bearer key"}) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        answers = [await client.post("/mcp", content=b"hello") for _ in range(3)]
    assert [answer.text for answer in answers] == [f"{name} Bearer key hello" for name in ("one", "two", "one")]
    assert {answer.status_code for answer in answers} == {202}
    assert answers[0].headers["mcp-session-id"] == "one"


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_client_that_goes_away_takes_its_request_along(streaming: bool) -> None:
    begun, gone = asyncio.Event(), asyncio.Event()
    async with (
        serving(endless(begun, gone, streaming=streaming)) as target,
        relaying([target]) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        asked = asyncio.create_task(client.post("/mcp", content=b"{}"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await begun.wait()
            asked.cancel()
            await gone.wait()
    assert asked.cancelled() or asked.done()
