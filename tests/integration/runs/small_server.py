"""A model behind true sockets whose context is small, and what was asked of it, byte by byte."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agents import OpenAIChatCompletionsModel
from openai import APIStatusError, AsyncOpenAI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.patient import PatientModel
from agentnet.models.wire.client import WireClient
from agentnet.testing import serving

CHARACTERS_PER_TOKEN = 3
"""Of the body's JSON: more tokens than the network takes them for."""


@dataclass
class SmallContext:
    """Refuses prompts of more than `limit` tokens in `words`, and lets the others through to `app`."""

    app: ASGIApp
    limit: int | None = None
    words: str = "request ({size} tokens) exceeds the available context size ({limit} tokens), try increasing it"
    status: int = 400
    refused: int = 0
    bodies: list[bytes] = field(default_factory=list[bytes])
    """Of what was let through."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if scope["path"].endswith("/chat/completions"):
            asked = json.loads(body)
            size = len(json.dumps([asked["messages"], asked.get("tools")])) // CHARACTERS_PER_TOKEN
            if self.limit is not None and size + (asked.get("max_tokens") or 0) > self.limit:
                self.refused += 1
                error = {"message": self.words.format(size=size, limit=self.limit), "type": "invalid_request_error"}
                await JSONResponse({"error": error}, status_code=self.status)(scope, receive, send)
                return
            self.bodies.append(body)

        parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return parts.pop() if parts else await receive()

        await self.app(scope, again, send)

    @property
    def asked(self) -> list[Mapping[str, Any]]:
        """What was let through."""
        return [json.loads(body) for body in self.bodies]


class Told(PatientModel):
    """A model whose refusals are told as what they are, wherever that is done."""

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            async with aclosing(super().stream_response(*args, **kwargs)) as events:  # type: ignore[type-var]
                async for event in events:
                    yield event
        except APIStatusError as error:
            kind = Kind.OVERFLOW if error.status_code in (400, 413) else Kind.REQUEST
            raise ModelError(kind, error.message) from error


@asynccontextmanager
async def model_at(app: ASGIApp, **known: Any) -> AsyncIterator[PatientModel]:
    """The model that `app` serves; `known` of its endpoint."""
    async with serving(app) as url:
        endpoint = Endpoint.model_validate({"name": "local", "model": "local", "base_url": f"{url}/v1", **known})
        client = AsyncOpenAI(
            base_url=endpoint.base_url, api_key="none", max_retries=0, http_client=WireClient(endpoint)
        )
        try:
            yield Told(OpenAIChatCompletionsModel(model=endpoint.model, openai_client=client), endpoint)
        finally:
            await client.close()
