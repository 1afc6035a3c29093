"""The HTTP client of one endpoint: the one seam that its requests and answers pass."""

import logging
from functools import partial
from typing import Any

import httpx2
from openai import DefaultAsyncHttpxClient

from agentnet.models.endpoints.endpoint import Endpoint, on_this_machine
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_of, redirected
from agentnet.models.wire.answers import Repair, repaired_whole
from agentnet.models.wire.asked import Api, Asked
from agentnet.models.wire.body import MAX_WHOLE_BYTES, RepairedBody
from agentnet.models.wire.chat import ChatRepair
from agentnet.models.wire.habits import Habits, habits_of
from agentnet.models.wire.omissions import lasting, leave_out
from agentnet.models.wire.quirks import Noted, noted_for
from agentnet.models.wire.reading import dumps, loads
from agentnet.models.wire.refused import ONCE, candidates
from agentnet.models.wire.responses import ResponsesRepair

logger = logging.getLogger(__name__)

MAX_REFUSAL_BYTES = 64 * 1024
MOST_TRIES = 10
"""Requests for one turn, each without something more that the endpoint refused."""
APIS: dict[str, Api] = {"/chat/completions": "chat", "/responses": "responses"}
CHANGED_HEADERS = frozenset({"content-length", "content-encoding", "transfer-encoding", "content-type"})
EVENTS = "text/event-stream"


class WireClient(DefaultAsyncHttpxClient):
    """Proxies of the environment and limits of connections are those of the OpenAI client's own."""

    def __init__(self, endpoint: Endpoint) -> None:
        # As the check of endpoints does: what is on this machine is not asked through a proxy. The trust is the
        # system's and that of SSL_CERT_FILE in any case, which goes with the proxies otherwise.
        super().__init__(
            verify=httpx2.create_ssl_context(),
            timeout=endpoint.silence_seconds,
            trust_env=not on_this_machine(endpoint.base_url),
        )
        self._endpoint = endpoint
        self._habits = habits_of(endpoint.base_url, endpoint.model)

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Answer one request of the OpenAI client. Raises `ModelError`."""
        api: Api | None = next((api for path, api in APIS.items() if request.url.path.endswith(path)), None)
        if api is None or request.method != "POST":
            return await super().send(request, stream=stream, **options)
        asked = Asked(api, await request.aread(), self._habits)
        noted = noted_for(self._endpoint.name, self._habits.quirks)
        response = await self._accepted(request, asked, options)
        if not asked.is_stream:
            return await _whole(response, asked, noted)
        answer = _answer(response, RepairedBody(response, asked, noted, repair_of(asked, noted)))
        if not stream:
            await answer.aread()
        return answer

    async def _accepted(self, request: httpx2.Request, asked: Asked, options: dict[str, Any]) -> httpx2.Response:
        """The answer to the request, or to as much of it as the endpoint takes. Raises `ModelError`."""
        trial = _Trial(asked, self._habits, [*sorted(self._endpoint.omit), *self._habits.refused])
        failure = ModelError(Kind.REQUEST, "The model's server was not asked.")
        # The OpenAI client asks to follow redirects: a server could have keys and conversations sent anywhere.
        options = {**options, "follow_redirects": False}
        for _ in range(MOST_TRIES):
            response = await super().send(_with_body(request, trial.body), stream=True, **options)
            if 300 <= response.status_code < 400:
                await response.aclose()
                raise redirected(response.status_code, response.headers.get("location"))
            if response.status_code < 400:
                trial.keep(self._endpoint.name)
                return response
            body = await _read(response, MAX_REFUSAL_BYTES)
            failure = failure_of(response.status_code, response.headers, body)
            if not trial.leaves_out_more(response.status_code, body, failure):
                break
        raise failure

    @property
    def habits(self) -> Habits:
        """What is known of its model by now."""
        return self._habits


def repair_of(asked: Asked, noted: Noted) -> Repair:
    """The reader of the answer to that request."""
    return ChatRepair(asked, noted) if asked.api == "chat" else ResponsesRepair(asked, noted)


class _Trial:
    """One request, with less in it at each try."""

    def __init__(self, asked: Asked, habits: Habits, known: list[str]) -> None:
        self._asked = asked
        self._habits = habits
        self._left_out = known
        self._tried = set(known)
        self._new: dict[str, list[str]] = {}
        """What was left out by now, and under which names it is remembered."""
        self._said: str | None = None
        self.body = self._made(known) if known else asked.body

    def leaves_out_more(self, status: int, said: bytes, failure: ModelError) -> bool:
        """Whether the refusal names something that can be left out: it is, then."""
        if failure.message == self._said and self._new:  # what was left out last was not it
            name, _ = self._new.popitem()
            self._left_out = [each for each in self._left_out if each != name]
        self._said = failure.message
        for name in candidates(status, said, failure):
            if name in self._tried:
                continue
            self._tried.add(name)
            before = self._parsed(self._left_out)
            remembered = lasting(before, name)
            if leave_out(before, name):
                self._left_out = [*self._left_out, name]
                self._new[name] = [] if name in ONCE else remembered
                self.body = dumps(before)
                return True
        return False

    def keep(self, endpoint: str) -> None:
        """Remember what was left out, now that the rest was taken."""
        for name, remembered in self._new.items():
            if remembered:
                logger.warning("the model %s refuses %s: it is left out from now on (%s)", endpoint, name, self._said)
            for each in remembered:
                self._habits.refuse(each)

    def _parsed(self, names: list[str]) -> dict[str, Any]:
        parsed = loads(self._asked.body) if self._asked.parsed else {}
        for name in names:
            leave_out(parsed, name)
        return parsed

    def _made(self, names: list[str]) -> bytes:
        body = self._parsed(names)
        return dumps(body) if body and body != self._asked.parsed else self._asked.body


def _with_body(request: httpx2.Request, body: bytes) -> httpx2.Request:
    if body is request.content:
        return request
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
    return httpx2.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)


def _answer(response: httpx2.Response, body: httpx2.AsyncByteStream) -> httpx2.Response:
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in CHANGED_HEADERS]
    return httpx2.Response(
        response.status_code,
        headers=[*headers, ("content-type", EVENTS)],
        stream=body,
        request=response.request,
        extensions=response.extensions,
        history=response.history,
    )


async def _whole(response: httpx2.Response, asked: Asked, noted: Noted) -> httpx2.Response:
    """An answer that was asked for in one piece, repaired as a stream is. Raises `ModelError`."""
    body = await _read(response, MAX_WHOLE_BYTES + 1)
    if len(body) > MAX_WHOLE_BYTES:
        raise ModelError(Kind.GARBLED, f"The model's server sent an answer over the limit of {MAX_WHOLE_BYTES} bytes.")
    made = repaired_whole(body, asked, noted, partial(repair_of, asked, noted))
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in CHANGED_HEADERS]
    return httpx2.Response(
        response.status_code,
        headers=[*headers, ("content-type", "application/json")],
        content=made,
        request=response.request,
        extensions=response.extensions,
    )


async def _read(response: httpx2.Response, most: int) -> bytes:
    """The body, up to so many bytes, and the connection given back."""
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in response.aiter_bytes():
            parts.append(chunk)
            size += len(chunk)
            if size >= most:
                break
    except httpx2.RequestError:  # what came of a refusal is enough
        if response.status_code < 400:
            raise
    finally:
        await response.aclose()
    return b"".join(parts)[:most]
