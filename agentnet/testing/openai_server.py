"""A local OpenAI-compatible server, so that the whole network can be run over the true client path without a model.

It speaks Chat Completions and Responses, answers from a script, or decides like the offline model, and fails on purpose
at counted requests. Servers that answer otherwise than the protocol says are played by `agentnet.testing.quirks`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agents import Model
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agentnet.models import OFFLINE_MODEL, load_model
from agentnet.testing.apis import complaint, frames, request_of, streamed, whole
from agentnet.testing.turns import Decision, Request, decided_by
from agentnet.testing.wire import Api, WireTurn, wired

MODEL = "rules"
"""The one model that the server lists; any name is answered."""

Brain = Callable[[Request], Decision]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at every n-th request for a turn."""

    every: int
    status: int | None = None
    """HTTP status answered in place of a turn; None answers well, after the delay."""
    retry_after: float | None = None
    """Seconds of the Retry-After header."""
    delay_seconds: float = 0.0
    """Wait before answering: longer than the client's timeout, it is a timeout."""
    breaks_stream: bool = False
    """Ends a stream after its first event, without its end."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be 1 or more, not {self.every}")


@dataclass(frozen=True)
class Scenario:
    """How a server behaves."""

    script: Sequence[Decision] = ()
    """Answers of the first requests, in order; after them the brain decides."""
    brain: Brain | None = None
    """Without one the offline model decides, which must be installed then."""
    faults: Sequence[Fault] = ()
    """Of several that meet at one request, the first counts. Failed requests use up no script."""
    chunk_delay_seconds: float = 0.0
    """Pause between the events of a stream."""


@dataclass
class OpenAIServer:
    """The ASGI application is `app`; what was asked is in `requests`, what failed in `faulted`."""

    scenario: Scenario = field(default_factory=Scenario)
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Bodies of all requests for a turn, in order."""
    faulted: list[int] = field(default_factory=list[int])
    """Numbers, from 1, of the requests at which a fault happened."""
    answered: int = 0

    def __post_init__(self) -> None:
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/responses", self._responses, methods=["POST"]),
            ]
        )

    async def _models(self, _: HttpRequest) -> Response:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "agentnet"}
        return JSONResponse({"object": "list", "data": [model]})

    async def _chat(self, request: HttpRequest) -> Response:
        return await self._answer(request, "chat")

    async def _responses(self, request: HttpRequest) -> Response:
        return await self._answer(request, "responses")

    async def _answer(self, request: HttpRequest, api: Api) -> Response:
        try:
            body = await request.json()
        except ValueError:
            return _error(400, "The body is not JSON.")
        if (wrong := complaint(api, body)) is not None:
            return _error(400, wrong)
        self.requests.append(body)
        fault = self._fault(len(self.requests))
        if fault is not None:
            await asyncio.sleep(fault.delay_seconds)
            if fault.status is not None:
                return _error(fault.status, "This failure is part of the scenario.", fault.retry_after)
        turn = wired(await self._decide(request_of(api, body)), body)
        if turn.streams:
            breaks = fault is not None and fault.breaks_stream
            return StreamingResponse(self._stream(api, turn, breaks=breaks), media_type="text/event-stream")
        return JSONResponse(whole(api, turn))

    def _fault(self, number: int) -> Fault | None:
        fault = next((fault for fault in self.scenario.faults if number % fault.every == 0), None)
        if fault is not None:
            self.faulted.append(number)
        return fault

    async def _decide(self, request: Request) -> Decision:
        number, self.answered = self.answered, self.answered + 1
        script, brain = self.scenario.script, self.scenario.brain
        if number < len(script):
            return script[number]
        return brain(request) if brain else await decided_by(self._offline, request)

    @cached_property
    def _offline(self) -> Model:
        return load_model(OFFLINE_MODEL)

    async def _stream(self, api: Api, turn: WireTurn, *, breaks: bool) -> AsyncIterator[str]:
        for frame in frames(api, streamed(api, turn)):
            yield frame
            if breaks:
                raise ConnectionResetError("The scenario breaks this stream.")
            await asyncio.sleep(self.scenario.chunk_delay_seconds)


def _error(status: int, message: str, retry_after: float | None = None) -> JSONResponse:
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    kind = "rate_limit_exceeded" if status == 429 else "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse(
        {"error": {"message": message, "type": kind, "code": kind}}, status_code=status, headers=headers
    )
