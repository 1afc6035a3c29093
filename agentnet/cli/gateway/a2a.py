"""A2A 1.0 over JSON-RPC, as much as the CLI speaks. a2a-sdk's types, not its client: that takes 0.5 s to import."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
)
from google.protobuf.message import Message as Proto

from agentnet.cli.gateway.answers import error_for, error_of
from agentnet.cli.gateway.wire import as_dict, parsed
from agentnet.errors import AgentNetError, ConflictError, InvalidInputError, NotFoundError, UnavailableError
from agentnet.http.sse import data_of
from agentnet.ids import new_id
from agentnet.tasks.steps import STEPS

HEADERS = {"a2a-version": "1.0", "a2a-extensions": STEPS}
STREAM_TIMEOUT = httpx.Timeout(None, connect=5.0)

_ERRORS: dict[int, type[AgentNetError]] = {
    -32001: NotFoundError,
    -32002: ConflictError,
    -32004: ConflictError,
    -32602: InvalidInputError,
}


class AgentConnection:
    """One agent behind a gateway."""

    def __init__(self, http: httpx.AsyncClient, url: str, name: str) -> None:
        self._http = http
        self.url = url
        self.name = name

    def send(self, message: Message) -> AsyncIterator[StreamResponse]:
        """SendStreamingMessage: every event until the task rests."""
        return self._stream("SendStreamingMessage", SendMessageRequest(message=message))

    def subscribe(self, task_id: str) -> AsyncIterator[StreamResponse]:
        """SubscribeToTask: the task as it is, then every event. Raises `ConflictError` for one that has ended."""
        return self._stream("SubscribeToTask", SubscribeToTaskRequest(id=task_id))

    async def get(self, task_id: str) -> Task:
        """GetTask. Raises `NotFoundError`."""
        return parsed(await self._call("GetTask", GetTaskRequest(id=task_id)), Task())

    async def cancel(self, task_id: str) -> Task:
        """CancelTask. Raises `ConflictError` for a task that has ended."""
        return parsed(await self._call("CancelTask", CancelTaskRequest(id=task_id)), Task())

    async def _call(self, method: str, params: Proto) -> Any:
        try:
            response = await self._http.post(self.url, json=_request(method, params), headers=HEADERS)
        except httpx.HTTPError as error:
            raise UnavailableError(f"{self.name} does not answer ({type(error).__name__}).") from None
        return _result(_json(response), response)

    async def _stream(self, method: str, params: Proto) -> AsyncIterator[StreamResponse]:
        headers = HEADERS | {"accept": "text/event-stream"}
        request = self._http.build_request(
            "POST", self.url, json=_request(method, params), headers=headers, timeout=STREAM_TIMEOUT
        )
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise UnavailableError(f"{self.name} does not answer ({type(error).__name__}).") from None
        try:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                await response.aread()
                yield _event(_json(response), response)
                return
            async for data in data_of(response.aiter_bytes()):
                yield _event(json.loads(data), response)
        except httpx.HTTPError as error:
            raise UnavailableError(f"The stream of {self.name} broke off ({type(error).__name__}).") from None
        finally:
            await response.aclose()


def _request(method: str, params: Proto) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": new_id(), "method": method, "params": as_dict(params)}


def _json(response: httpx.Response) -> Any:
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and "jsonrpc" in body:
        return body
    if response.is_error:
        raise error_of(response)
    raise UnavailableError("The agent's answer is not JSON-RPC.")


def _result(body: Any, response: httpx.Response) -> Any:
    """Raises by the code where A2A gives it a meaning, else by the status of HTTP."""
    error = body.get("error")
    if error is None:
        return body["result"]
    message = str(error.get("message", "The agent answered with an error."))
    kind = _ERRORS.get(error.get("code"))
    raise kind(message) if kind else error_for(message, response)


def _event(body: Any, response: httpx.Response) -> StreamResponse:
    return parsed(_result(body, response), StreamResponse())
