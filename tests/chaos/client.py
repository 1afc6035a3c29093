"""A streaming client that never gives up: whatever breaks, it takes its stream up again, in one of three ways."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from a2a.types.a2a_pb2 import StreamResponse, Task, TaskState
from google.protobuf.json_format import ParseDict

from agentnet.http.sse import MAX_EVENT_BYTES, events_in
from agentnet.tasks.events import INTERRUPTED_STATES, TERMINAL_STATES
from agentnet.tasks.projection import Projection
from tests.chaos.stage import WORKER, Job

CANCELED = TaskState.TASK_STATE_CANCELED
NOT_CANCELABLE = -32002
SILENCE_SECONDS = 30.0
"""A stream without even a keep-alive for so long is broken."""


class RefusedError(Exception):
    """The server answered with a JSON-RPC error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self.code = error.get("code")


@dataclass(slots=True)
class Client:
    """One job's client and what it saw."""

    http: httpx.AsyncClient
    url: str
    job: Job
    rng: random.Random
    seen: Projection = field(default_factory=Projection)
    task_id: str = ""
    last_event_id: str = ""
    streams: int = 0
    errors: list[str] = field(default_factory=list[str])
    canceled: bool = False
    """Whether the server has said that the task is canceled."""

    @property
    def ended(self) -> bool:
        """Whether it saw the end."""
        return self.seen.state in TERMINAL_STATES

    @property
    def message_id(self) -> str:
        """Of the message that begins the task."""
        return f"chaos-{self.job.number}"

    async def run(self) -> None:
        """Send the job and follow it to its end."""
        method, params, headers = self._message()
        while not self.ended:
            try:
                await self._follow(method, params, headers)
            except (httpx.HTTPError, RefusedError, ValueError) as error:
                self.errors.append(f"{method}: {type(error).__name__}: {error}")
                await asyncio.sleep(self.rng.uniform(0.05, 0.5))
            method, params, headers = self._again()

    async def _follow(self, method: str, params: dict[str, Any], headers: dict[str, str]) -> None:
        self.streams += 1
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self.http.stream("POST", self.url, json=body, headers=headers) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                await response.aread()
                raise RefusedError(response.json().get("error") or {"message": response.text})
            async for event_id, data in _frames(response):
                if "error" in data:
                    raise RefusedError(data["error"])
                self._take(ParseDict(data["result"], StreamResponse()), event_id)
                if self.job.kind == "cancel" and not self.canceled and self.seen.task(0).artifacts:
                    await self._cancel()
                if self.ended:
                    return

    def _take(self, event: StreamResponse, event_id: str) -> None:
        self.seen.apply(event)
        self.last_event_id = event_id or self.last_event_id
        if event.WhichOneof("payload") == "task":
            self.task_id = event.task.id

    async def _cancel(self) -> None:
        """Ask for it once; an answer that does not come is the stream's to tell of."""
        try:
            answer = await call(self.http, self.url, "CancelTask", {"id": self.task_id})
            self.canceled = ParseDict(answer, Task()).status.state == CANCELED
        except RefusedError as error:
            if error.code != NOT_CANCELABLE:
                raise

    def _message(self) -> tuple[str, dict[str, Any], dict[str, str]]:
        message = {"messageId": self.message_id, "role": "ROLE_USER", "parts": [{"text": self.job.text}]}
        return "SendStreamingMessage", {"message": message}, {}

    def _again(self) -> tuple[str, dict[str, Any], dict[str, str]]:
        if self.seen.state in INTERRUPTED_STATES:
            answer = {"messageId": f"{self.message_id}-answer", "role": "ROLE_USER", "parts": [{"text": "blue"}]}
            return "SendStreamingMessage", {"message": answer | {"taskId": self.task_id}}, {}
        ways = ["message", "subscribe", "resume"] if self.task_id and self.last_event_id else ["message"]
        match self.rng.choice(ways):
            case "subscribe":
                return "SubscribeToTask", {"id": self.task_id}, {}
            case "resume":
                return "SubscribeToTask", {"id": self.task_id}, {"Last-Event-ID": self.last_event_id}
            case _:
                return self._message()


async def call(http: httpx.AsyncClient, url: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The result of one JSON-RPC call. Raises `RefusedError`, `httpx.HTTPError`."""
    response = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    answer = response.json()
    if "error" in answer:
        raise RefusedError(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result


async def stored(http: httpx.AsyncClient, url: str, task_id: str) -> Task:
    """What GetTask says, without the history."""
    return ParseDict(await call(http, url, "GetTask", {"id": task_id, "historyLength": 0}), Task())


def agent_url(gateway_url: str) -> str:
    """Where the specialist under test is reached."""
    return f"{gateway_url}/agents/{WORKER}/"


async def _frames(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async for event in events_in(response.aiter_bytes(), MAX_EVENT_BYTES, lambda limit: ValueError(f"over {limit}")):
        if event.data:
            yield event.id or "", json.loads(event.data)
