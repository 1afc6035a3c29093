"""Hosts that answer questions, and calls of agents frame by frame."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import mcp_types as types
from mcp.client.context import ClientRequestContext

from tests.integration.gateway.mcp.conftest import Place, home, network, place
from tests.integration.gateway.mcp.raw import Message, messages_of, modern

__all__ = ["home", "network", "place"]

TASKS = "io.modelcontextprotocol/tasks"
DECLARED = {"extensions": {TASKS: {}}, "elicitation": {}}


class Person:
    """Answers elicitations in order, and keeps what was asked."""

    def __init__(self, *answers: types.ElicitResult) -> None:
        self.answers = list(answers)
        self.asked: list[types.ElicitRequestParams] = []

    async def __call__(self, _: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.asked.append(params)
        return self.answers.pop(0)


def says(**content: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content=content)


def text_of(result: types.CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, types.TextContent))


class Wire:
    """A modern client of one replica, with one key."""

    def __init__(self, http: httpx.AsyncClient, place: Place, key: str = "", **capabilities: Any) -> None:
        self._http = http
        self._urls = place.urls
        self._key = key or place.network.key
        self._capabilities = capabilities or DECLARED

    async def ask(self, method: str, params: Message, replica: int = 0) -> Message:
        """The whole response message."""
        async with self.stream(method, params, replica) as messages:
            found = [message async for message in messages]
        return found[-1]

    @asynccontextmanager
    async def stream(self, method: str, params: Message, replica: int = 0) -> AsyncIterator[AsyncIterator[Message]]:
        """The messages as they come."""
        body, headers = modern(method, params, **self._capabilities)
        headers |= {"authorization": f"Bearer {self._key}"}
        if task_id := params.get("taskId"):
            headers["mcp-name"] = task_id
        url = f"{self._urls[replica]}/mcp"
        async with self._http.stream("POST", url, json=body, headers=headers) as response:
            yield messages_of(response)

    async def result(self, method: str, params: Message, replica: int = 0) -> Message:
        """The result; the test fails at an error."""
        message = await self.ask(method, params, replica)
        assert "result" in message, message
        result: Message = message["result"]
        return result

    async def call(self, message: str, replica: int = 0, **arguments: Any) -> Message:
        """The result of a call of the agent `echo`."""
        params = {"name": "echo", "arguments": {"message": message, **arguments}}
        return await self.result("tools/call", params, replica)
