"""The A2A client of services: sends a message to another agent and reads its stream (A2A 1.0, JSON-RPC over SSE).

It uses the process's one HTTP pool: a client per call would make a TLS context each time.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
from a2a.types.a2a_pb2 import SendMessageRequest, StreamResponse
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.http.sse import data_of

VERSION_HEADERS = {"A2A-Version": "1.0", "Accept": "text/event-stream, application/json"}
IDLE_SECONDS = 60.0
"""Longest silence of a stream; servers send keep-alive comments every 15 s."""
MAX_EVENT_BYTES = 32 * 1024 * 1024


TRANSIENT_CODES = frozenset({-32050, -32051, 429, 500, 502, 503, 504})
"""Busy, unavailable, and what HTTP says of such: worth another try."""


class PeerError(AgentNetError):
    """The other agent refused, in its own words. `code` is the JSON-RPC error code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code=code)
        self.code = code


async def send_streaming(
    http: httpx.AsyncClient, url: str, token: str, request: SendMessageRequest
) -> AsyncGenerator[StreamResponse, None]:
    """Send `request` to the agent at `url` and yield its events until it closes the stream.

    Raises `PeerError` when the agent refuses, `UnavailableError` when it does not answer or the stream breaks.
    """
    body = _call("SendStreamingMessage", MessageToDict(request))
    headers = {**VERSION_HEADERS, "authorization": f"Bearer {token}"}
    timeout = httpx.Timeout(IDLE_SECONDS, connect=5.0)
    try:
        async with http.stream("POST", url.rstrip("/") + "/", json=body, headers=headers, timeout=timeout) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                await response.aread()
                raise _refusal(response)
            async with aclosing(data_of(response.aiter_bytes(), MAX_EVENT_BYTES)) as frames:
                async for frame in frames:
                    yield _event(frame)
    except httpx.HTTPError as error:
        raise UnavailableError(f"The agent at {url} does not answer ({type(error).__name__}).") from error


def _call(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _refusal(response: httpx.Response) -> AgentNetError:
    try:
        return _peer_error(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return UnavailableError(f"The agent answered {response.status_code} {response.reason_phrase}.")


def _peer_error(error: dict[str, Any]) -> AgentNetError:
    message, code = str(error["message"]), int(error["code"])
    return UnavailableError(message) if code in TRANSIENT_CODES else PeerError(message, code)


def _event(frame: bytes) -> StreamResponse:
    try:
        answer = json.loads(frame)
        if "error" in answer:
            raise _peer_error(answer["error"])
        event: StreamResponse = ParseDict(answer["result"], StreamResponse(), ignore_unknown_fields=True)
    except (ValueError, KeyError, TypeError, ParseError) as error:
        raise UnavailableError(f"The agent sent what is not an A2A event ({type(error).__name__}).") from error
    return event
