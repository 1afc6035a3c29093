"""A model's own counter of tokens, over true sockets: asked near the limit alone, once, and never fatal."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from agents import ModelSettings
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from agentnet.models import counting
from agentnet.models.counting import forget_ratios, ratio_of
from agentnet.models.endpoints.endpoint import OPENAI_URL, Endpoint
from agentnet.prompts.tokens import of_text
from agentnet.runs.journal import JournaledModels
from agentnet.runs.scope import RunScope
from agentnet.testing import serving
from tests.unit.runs.small_model import Run, Server

pytestmark = pytest.mark.anyio

TEXT = "x" * 350
"""A hundred tokens, by our count."""


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    forget_ratios()


@dataclass
class Counter:
    """A server beside whose API `/tokenize` answers what `count` says."""

    count: Callable[[dict[str, Any]], Response]
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/tokenize", self._tokenize, methods=["POST"])])

    async def _tokenize(self, request: Request) -> Response:
        self.bodies.append(json.loads(await request.body()))
        self.headers.append(dict(request.headers))
        return self.count(self.bodies[-1])


def of_llama(body: dict[str, Any]) -> Response:
    """Reads `content`, and takes it for nothing where it is not there."""
    return JSONResponse({"tokens": [*range(len(body.get("content", "")) // 2)]})


def of_vllm(body: dict[str, Any]) -> Response:
    """Reads `model` and `prompt`, and refuses what has none."""
    if "prompt" not in body:
        return JSONResponse({"error": {"message": "prompt: Field required"}}, 400)
    count = len(body["prompt"]) // 2
    return JSONResponse({"count": count, "max_model_len": 32768, "tokens": [*range(count)]})


def endless() -> StreamingResponse:
    async def zeros() -> Any:
        while True:
            yield b"0" * 65_536
            await asyncio.sleep(0)  # or the loop would never learn that nobody listens any more

    return StreamingResponse(zeros())


COUNTERS: dict[str, tuple[Callable[[dict[str, Any]], Response], float | None, int]] = {
    "llama.cpp": (of_llama, 1.75, 2),
    "vLLM": (of_vllm, 1.75, 1),
    "none": (lambda _: PlainTextResponse("Not Found", 404), None, 1),
    "one that wants another key": (lambda _: JSONResponse({"error": "no"}, 401), None, 1),
    "LM Studio's way of having none": (lambda _: JSONResponse({"error": "Unexpected endpoint"}), None, 2),
    "a page": (lambda _: HTMLResponse("<html></html>"), None, 1),
    "nonsense": (lambda _: JSONResponse({"count": "many", "tokens": None}), None, 2),
    "a broken one": (lambda _: JSONResponse({"error": "x"}, 500), None, 2),
    "one without an end": (lambda _: endless(), None, 1),
}


def at(url: str, **values: Any) -> Endpoint:
    return Endpoint(name="house", model="m", base_url=f"{url}/v1", **values)


@pytest.mark.parametrize("which", COUNTERS)
async def test_a_counter_is_asked_once_for_each_model_whatever_it_says(which: str) -> None:
    count, wanted, requests = COUNTERS[which]
    counter = Counter(count)
    async with serving(counter.app) as url:
        for _ in range(3):
            assert await ratio_of(at(url), TEXT, of_text(TEXT)) == wanted
    assert len(counter.bodies) == requests


async def test_a_counter_gets_the_key_and_the_headers_of_the_model() -> None:
    counter = Counter(of_vllm)
    endpoint = {"api_key": SecretStr("sk-1"), "headers": (("x-team", SecretStr("blue")),)}
    async with serving(counter.app) as url:
        await ratio_of(at(url, **endpoint), TEXT, of_text(TEXT))
    assert counter.bodies == [{"model": "m", "prompt": TEXT}]
    assert (counter.headers[0]["authorization"], counter.headers[0]["x-team"]) == ("Bearer sk-1", "blue")


async def test_a_counter_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SECONDS", 0.05)
    ended = asyncio.Event()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await ratio_of(at(url), TEXT, of_text(TEXT)) is None
        ended.set()


@pytest.mark.parametrize("base_url", [OPENAI_URL, "", "http://127.0.0.1:1/v1"])
async def test_where_nobody_counts_nothing_is_known(base_url: str) -> None:
    endpoint = Endpoint(name="house", model="m", base_url=base_url)
    assert await ratio_of(endpoint, TEXT, of_text(TEXT)) is None


async def turn(server: Server, run: Run, characters: int, turns: int = 1) -> None:
    """So many turns of a run whose request has so many characters."""
    model = JournaledModels(server, RunScope(cast(Any, run), "a", cast(Any, None)), None).get_model(None)
    for _ in range(turns):
        items = [{"role": "user", "content": "u" * characters}]
        args: tuple[Any, ...] = ("Look.", items, ModelSettings(), [], None, [], None)
        async for _ in model.stream_response(*args):  # type: ignore[call-arg]
            pass


async def test_a_prompt_near_the_limit_is_counted_by_the_model_itself_and_fits_at_once() -> None:
    counter = Counter(of_vllm)
    async with serving(counter.app) as url:
        wise = Server(4_096, 1.75, context_tokens=4_096, base_url=f"{url}/v1")
        run = Run()
        await turn(wise, run, 10_000)
        assert (len(counter.bodies), wise.refused) == (1, 0)
        assert float(run.leased.journal["m1/ratio"]) == pytest.approx(1.75, abs=0.01)
        replayed = Server(4_096, 1.75, context_tokens=4_096)
        await turn(replayed, Run({"m1/ratio": run.leased.journal["m1/ratio"]}), 10_000)
        assert replayed.asked[0][1] == wise.asked[0][1]
        await turn(wise, Run(), 10_000, turns=3)
        assert len(counter.bodies) == 1
    alone = Server(4_096, 1.75, context_tokens=4_096)
    await turn(alone, Run(), 10_000)
    assert alone.refused > 0, "without a counter the first refusal tells"


@pytest.mark.parametrize(("room", "characters"), [(4_096, 1_000), (None, 100_000)], ids=["short", "unknown room"])
async def test_where_nothing_is_near_a_limit_no_counter_is_asked(room: int | None, characters: int) -> None:
    counter = Counter(of_vllm)
    async with serving(counter.app) as url:
        server = Server(10**9, 1.0, context_tokens=room, base_url=f"{url}/v1")
        run = Run()
        await turn(server, run, characters, turns=3)
    assert counter.bodies == []
    assert list(run.leased.journal) == ["m1", "m2", "m3"]
