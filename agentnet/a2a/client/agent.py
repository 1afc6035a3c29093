"""One agent, asked and followed (A2A 1.0, JSON-RPC over HTTP, section 9).

a2a-sdk's types, not its client: that takes 0.5 s to import, and reads lines where JSON may hold U+2028.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
)
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message as Proto

from agentnet.a2a.client.errors import UNSUPPORTED, HttpAnswerError, RefusedError
from agentnet.a2a.client.transport import Headers, Response, Transport
from agentnet.errors import UnavailableError
from agentnet.http.sse import data_of
from agentnet.ids import new_id
from agentnet.tasks.events import RESTING_STATES, TERMINAL_STATES
from agentnet.tasks.steps import STEPS

HEADERS: Headers = (
    (b"content-type", b"application/json"),
    (b"accept", b"application/json, text/event-stream"),
    (b"a2a-version", b"1.0"),
    (b"a2a-extensions", STEPS.encode()),
)
"""Steps are asked for by name: an agent may keep them from those who do not (A2A 1.0, section 4.6)."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Of a whole task with its files."""
MAX_ERROR_BYTES = 1024 * 1024

POLL_SECONDS = 1.0
"""Between two looks at a task of an agent that does not stream."""

M = TypeVar("M", bound=Proto)


class AgentClient:
    """The agent at the other end of `transport`. All that is raised: `RefusedError`, `UnavailableError`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: SendMessageRequest) -> StreamResponse:
        """SendMessage: the task or message that it answers with, at once if the request asks for that."""
        return _parsed(await self._ask("SendMessage", request), StreamResponse())

    async def stream(self, request: SendMessageRequest) -> AsyncGenerator[StreamResponse, None]:
        """SendStreamingMessage: events as they arrive, until the task rests; one answer of an agent that has none."""
        has_begun = False
        try:
            async with aclosing(self._follow("SendStreamingMessage", request)) as events:
                async for event in events:
                    has_begun = True
                    yield event
            return
        except RefusedError as error:
            if has_begun or error.code != UNSUPPORTED:
                raise
        # It may be that it does not stream; was it something else, then this is refused too (A2A 1.0, section 3.3.4).
        answer = await self.send(request)
        yield answer
        while answer.HasField("task") and answer.task.status.state not in RESTING_STATES:
            await asyncio.sleep(POLL_SECONDS)
            answer = StreamResponse(task=await self.get(answer.task.id))
            yield answer

    def subscribe(self, task_id: str) -> AsyncGenerator[StreamResponse, None]:
        """SubscribeToTask: the task as it is, then its events, beyond questions too. One that is over is refused."""
        return self._follow("SubscribeToTask", SubscribeToTaskRequest(id=task_id))

    async def watch(self, task_id: str) -> AsyncGenerator[StreamResponse, None]:
        """The task as it is, then its events until their stream ends; one that is over has no more."""
        task = await self.get(task_id)
        yield StreamResponse(task=task)
        if task.status.state not in TERMINAL_STATES:
            # Nothing is lost in between: a subscription begins with the task as it is by then (A2A 1.0, section 3.1.6).
            async with aclosing(self.subscribe(task_id)) as events:
                async for event in events:
                    yield event

    async def get(self, task_id: str) -> Task:
        """GetTask, without its history."""
        # A long talk has megabytes of history, and nobody who asks through here reads it.
        return _parsed(await self._ask("GetTask", GetTaskRequest(id=task_id, history_length=0)), Task())

    async def cancel(self, task_id: str) -> Task:
        """CancelTask. `RefusedError` also when it can no longer be cancelled."""
        return _parsed(await self._ask("CancelTask", CancelTaskRequest(id=task_id)), Task())

    async def _ask(self, method: str, params: Proto) -> dict[str, Any]:
        response = await self._post(method, params, stream=False)
        try:
            return _result(await _whole(response), response)
        finally:
            await response.close()

    async def _follow(self, method: str, params: Proto) -> AsyncGenerator[StreamResponse, None]:
        response = await self._post(method, params, stream=True)
        try:
            if _header(response, b"content-type").lower().startswith(b"text/event-stream"):
                async with aclosing(data_of(response.chunks())) as frames:
                    async for frame in frames:
                        yield _parsed(_result(frame, response), StreamResponse())
            else:  # an error, or an agent that has its answer already
                yield _parsed(_result(await _whole(response), response), StreamResponse())
        finally:
            await response.close()

    async def _post(self, method: str, params: Proto, *, stream: bool) -> Response:
        call = {"jsonrpc": "2.0", "id": new_id(), "method": method, "params": MessageToDict(params)}
        return await self._transport.post(json.dumps(call).encode(), HEADERS, stream=stream)


async def _whole(response: Response) -> bytes:
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        # An error page that never ends has said enough by then.
        if len(body) > MAX_ERROR_BYTES and response.status >= 400:
            break
        if len(body) > MAX_ANSWER_BYTES:
            raise UnavailableError(f"The agent's answer is over the limit of {MAX_ANSWER_BYTES} bytes.")
    return bytes(body)


def _result(data: bytes, response: Response) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):  # brackets within brackets, as deep as a hostile agent likes
        document = None
    if isinstance(document, dict):
        if isinstance(error := document.get("error"), dict):
            raise _refusal(error, response)
        if isinstance(result := document.get("result"), dict):
            return result
    if response.status >= 400:
        raise HttpAnswerError(response.status, _retry_after(response))
    raise UnavailableError("The agent's answer cannot be read.")


def _refusal(error: dict[str, Any], response: Response) -> RefusedError:
    code = error.get("code")
    if not isinstance(code, int):
        code = response.status if response.status >= 400 else None
    return RefusedError(
        str(error.get("message") or "The agent refused."),
        code=code,
        details=error.get("data"),
        answered=response.status,
        retry=_retry_after(response),
    )


def _parsed(result: dict[str, Any], message: M) -> M:
    try:
        ParseDict(result, message, ignore_unknown_fields=True)  # a later version may have sent more
    except ParseError:
        raise UnavailableError("The agent's answer cannot be read.") from None
    return message


def _retry_after(response: Response) -> float:
    said = _header(response, b"retry-after")
    return float(said) if said.isdigit() else 1.0  # it may be a date, which is no use without their clock


def _header(response: Response, name: bytes) -> bytes:
    return next((value for key, value in response.headers if key.lower() == name), b"")
