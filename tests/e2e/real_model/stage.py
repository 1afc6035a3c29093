"""What the tests of a real model look at: its slot, and the tasks of a network before it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.chaos.processes import Process
from tests.patience import PATIENCE_SECONDS

CONTEXT_TOKENS = 2048
LONGEST_SECONDS = 300.0
"""What a slow machine takes for a test of these."""

AGENTS = {"storyteller": "chat", "narrator": "responses"}
"""Each agent with the API by which its model is spoken to."""
MANIFEST = """
name: {name}
description: Tells stories.
skills:
  - {{id: tell, name: Tell, description: Tells stories.}}
limits: {{timeout_seconds: 240}}
model: {api}
"""
AGENT = "storyteller"
STORY = "Write a very long story about a lighthouse, with many chapters. Never stop early."


@dataclass
class RealModel:
    """The server of the model."""

    http: httpx.AsyncClient
    url: str

    async def slot(self) -> dict[str, Any]:
        """Its only one."""
        [slot] = (await self.http.get("/slots")).json()
        found: dict[str, Any] = slot
        return found

    async def is_busy(self) -> bool:
        """Whether it computes anything."""
        return bool((await self.slot())["is_processing"])

    async def until_free(self) -> None:
        """Wait until it computes nothing; raises `TimeoutError`."""
        await until(lambda: _opposite(self.is_busy()))


@dataclass
class Stage:
    """A network in a process."""

    process: Process
    http: httpx.AsyncClient

    async def stream(self, text: str, agent: str = AGENT) -> AsyncIterator[dict[str, Any]]:
        """The events of a task."""
        async with self.http.stream("POST", f"/agents/{agent}/message:stream", json=message(text)) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    async def ask(self, text: str, agent: str = AGENT) -> dict[str, Any]:
        """The task, at its end."""
        answer = await self.http.post(f"/agents/{agent}/message:send", json=message(text))
        answer.raise_for_status()
        task: dict[str, Any] = answer.json()["task"]
        return task

    async def task(self, task_id: str, agent: str = AGENT) -> dict[str, Any]:
        """A task as it is."""
        found: dict[str, Any] = (await self.http.get(f"/agents/{agent}/tasks/{task_id}")).json()
        return found

    async def cancel(self, task_id: str, agent: str = AGENT) -> None:
        """Cancel a task."""
        (await self.http.post(f"/agents/{agent}/tasks/{task_id}:cancel", json={})).raise_for_status()

    async def until_words(self, text: str, agent: str = AGENT) -> str:
        """Begin a task, and leave it when its first words have come; gives its id."""
        async with aclosing(self.stream(text, agent)) as events:  # type: ignore[type-var]
            async for event in events:
                if words_in(event):
                    found: str = event["artifactUpdate"]["taskId"]
                    return found
        raise AssertionError("it ended without a word")


def message(text: str) -> dict[str, Any]:
    """A message that begins a task."""
    return {"message": {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}]}}


def words_in(event: dict[str, Any]) -> str:
    """The words of the answer in an event."""
    update = event.get("artifactUpdate") or {}
    return "".join(part.get("text", "") for part in (update.get("artifact") or {}).get("parts", []))


def state_of(task: dict[str, Any]) -> str:
    """Such as `completed`."""
    return str(task["status"]["state"]).removeprefix("TASK_STATE_").lower()


def reason_of(task: dict[str, Any]) -> str:
    """What is said beside the state."""
    return "".join(part.get("text", "") for part in task["status"].get("message", {}).get("parts", []))


def answer_of(task: dict[str, Any]) -> str:
    """The words of the answer."""
    return "".join(part.get("text", "") for artifact in task.get("artifacts", []) for part in artifact["parts"])


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.05)


async def answers(process: Process, url: str, http: httpx.AsyncClient | None = None) -> None:
    """Wait until a process answers there."""
    deadline = time.monotonic() + LONGEST_SECONDS
    async with httpx.AsyncClient(trust_env=False) as plain:
        while time.monotonic() < deadline:
            assert process.runs, f"{process.name} ended:\n{process.log.read_text()[-3000:]}"
            try:
                if (await (http or plain).get(url)).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError(f"{process.name} does not answer:\n{process.log.read_text()[-3000:]}")


async def _opposite(holds: Awaitable[bool]) -> bool:
    return not await holds
