"""Turns of one model: asked over HTTP, timed, and repeated without what the server refuses to be sent."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from agentnet.http.sse import Reader
from agentnet.models.check.asking import MAX_BYTES, Answer, Asker, UnreachedError, whole
from agentnet.models.check.chat import Chat, Heard, Prompt, Responses
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_of, failure_said

MAX_TRIES = 6
SAY_AFTER_SECONDS = 3.0
STREAM_BEGINS = (b"data:", b"event:", b"id:", b"retry:", b":")
REFUSALS = {
    "stream_options": re.compile(r"stream_options|include_usage", re.IGNORECASE),
    "max_tokens": re.compile(r"max_completion_tokens|max_tokens\W+(?:is|are)? ?not supported", re.IGNORECASE),
    "store": re.compile(r"\bstore\b", re.IGNORECASE),
    "stream": re.compile(r"streaming? (?:is|are) not|not support stream", re.IGNORECASE),
    "tools": re.compile(r"\btools?\b|tool_choice|tool[ _-]call|function[ _-]?(?:call|declaration)", re.IGNORECASE),
}
"""By what words fields are refused that a turn does without; the last costs most."""
REFUSING = frozenset({400, 404, 422, 500, 501})
"""llama.cpp refuses tools with 500, OpenRouter with 404."""
INSTEAD = {"max_tokens": "max_completion_tokens"}

Say = Callable[[str], None]


class Turns:
    """Asks one model, and remembers what its server refused."""

    def __init__(self, asker: Asker, endpoint: Endpoint, model: str, say: Say) -> None:
        self._asker = asker
        self._api = Responses() if endpoint.speaks_responses else Chat()
        self._model = model
        self._omit = endpoint.omit
        self._say = say
        self._left_out: dict[str, str] = {}
        self._url = f"{endpoint.base_url.rstrip('/')}/{self._api.path}"

    async def ask(self, prompt: Prompt) -> Heard:
        """One turn. Raises `ModelError`, `UnreachedError`."""
        for _ in range(MAX_TRIES):
            try:
                return await self._loaded(prompt)
            except _RefusedError as refused:
                name = self._left_out_for(refused, prompt)
                if name is None:
                    raise refused.failure from None
                self._left_out[name] = refused.words
        raise ModelError(
            Kind.REQUEST, f"The model's server refuses one thing after another: {', '.join(self._left_out)}."
        )

    async def _loaded(self, prompt: Prompt) -> Heard:
        """The turn of a model that has loaded: a server that still loads it is waited for."""
        end, told = time.monotonic() + self._asker.bounds.loading_seconds, False
        while True:
            try:
                return await self._once(prompt)
            except _RefusedError as refused:
                if refused.failure.kind is not Kind.LOADING or time.monotonic() > end:
                    raise
                if not told:
                    self._say(f"{self._model} loads ({refused.words or refused.status}): waiting")
                    told = True
            await asyncio.sleep(self._asker.bounds.pause_seconds)

    async def _once(self, prompt: Prompt) -> Heard:
        heard, bounds = Heard(left_out=dict(self._left_out)), self._asker.bounds
        began, loop = time.monotonic(), asyncio.get_running_loop()
        try:
            async with asyncio.timeout(bounds.first_token_seconds) as bound:
                with self._said_late("waiting for the first token") as quiet:
                    async with self._asker.post(self._url, self._body(prompt)) as response:
                        if not response.is_success:
                            raise _RefusedError(await whole(response))
                        async for event in _events(response, heard):
                            if not self._api.hear(heard, event):
                                continue
                            heard.pieces += 1
                            heard.last_seconds = time.monotonic() - began
                            if heard.first_seconds is None:
                                quiet()
                                heard.first_seconds = heard.last_seconds
                                bound.reschedule(loop.time() + bounds.call_seconds)
        except UnreachedError:
            if heard.pieces == 0:
                raise
        except TimeoutError:
            if heard.first_seconds is None:
                found = f"No token came within {bounds.first_token_seconds:g} s."
                raise ModelError(Kind.SILENT, found) from None
            heard.is_cut = True
        return heard

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        body = self._api.body(self._model, prompt)
        for name in (*self._omit, *self._left_out):
            value = body.pop(name, None)
            if name in INSTEAD and name in self._left_out:
                body[INSTEAD[name]] = value
        if "stream" not in body:
            body.pop("stream_options", None)
        return body

    def _left_out_for(self, refused: "_RefusedError", prompt: Prompt) -> str | None:
        """The field that the server refuses, of those that a turn does without."""
        if refused.status not in REFUSING or refused.failure.kind not in (Kind.REQUEST, Kind.SERVER):
            return None
        sent = self._body(prompt)
        return next((name for name, said in REFUSALS.items() if name in sent and said.search(refused.words)), None)

    @contextmanager
    def _said_late(self, words: str) -> Iterator[Callable[[], None]]:
        """Says `words` unless what they wait for comes soon. Gives what keeps it quiet."""
        timer = asyncio.get_running_loop().call_later(SAY_AFTER_SECONDS, self._say, words)
        try:
            yield timer.cancel
        finally:
            timer.cancel()


class _RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.status = answer.status
        self.words = answer.words
        self.failure = failure_of(answer.status, answer.headers, answer.body)


async def _events(response: httpx.Response, heard: Heard) -> AsyncIterator[Mapping[str, Any]]:
    """The events of a stream, or the one whole answer. Raises `ModelError` for an error in them, and other content."""
    chunks = response.aiter_raw()
    first = await _beginning(chunks)
    read = (
        _streamed(first, chunks, heard) if first.lstrip().startswith(STREAM_BEGINS) else _in_one(first, chunks, heard)
    )
    async for event in read:
        inner = event.get("response") if event.get("type") == "response.failed" else event
        if isinstance(inner, Mapping) and (inner.get("error") or event.get("type") == "error"):
            raise failure_said(inner, response.headers)
        yield event


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    first = b""
    async for chunk in chunks:
        first += chunk
        if len(first.lstrip()) >= len(b"retry:"):
            break
    return first


async def _streamed(first: bytes, chunks: AsyncIterator[bytes], heard: Heard) -> AsyncIterator[Mapping[str, Any]]:
    reader, size = Reader(MAX_BYTES, _too_large), 0
    async for chunk in _after(first, chunks):
        size += len(chunk)
        for event in reader.feed(chunk):
            data = (event.data or b"").strip()
            if data == b"[DONE]":
                heard.is_over = True
                return
            value = _loaded(data)
            if isinstance(value, Mapping):
                yield value
        if size > MAX_BYTES:
            heard.is_cut = True
            return


async def _in_one(first: bytes, chunks: AsyncIterator[bytes], heard: Heard) -> AsyncIterator[Mapping[str, Any]]:
    body = bytearray()
    async for chunk in _after(first, chunks):
        body += chunk
        if len(body) > MAX_BYTES:
            raise _too_large(MAX_BYTES)
    heard.is_whole = True
    answer = Answer("", 200, httpx.Headers(), bytes(body))
    if not isinstance(answer.json, Mapping):
        what = "a web page" if answer.is_page else "text that is no JSON" if body else "nothing"
        words = f": {answer.words}" if answer.words else ""
        raise ModelError(Kind.GARBLED, f"The model's server answers with {what}{words}.")
    yield answer.json


async def _after(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk


def _loaded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _too_large(limit: int) -> ModelError:
    return ModelError(Kind.GARBLED, f"The model's server answers with more than {limit // 1024**2} MiB.")
