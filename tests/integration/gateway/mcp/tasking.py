"""A modern MCP server, frame by frame, whose one tool becomes a task, and that tells of it or does not."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agentnet.process.service import bind
from tests.integration.gateway.echo import serving

MODERN = "2026-07-28"
TASKS = "io.modelcontextprotocol/tasks"


class Tasking:
    """What a test sees of the server, and how it ends the tasks."""

    def __init__(self, *, tells: bool) -> None:
        self.tells = tells
        self.tasks: dict[str, str] = {}
        self.listened: list[list[str]] = []
        self._cuts = 0
        self._ids = itertools.count(1)
        self._changed = asyncio.Condition()

    async def settle(self, task_id: str) -> None:
        """Complete a task."""
        async with self._changed:
            self.tasks[task_id] = "completed"
            self._changed.notify_all()

    async def cut(self) -> None:
        """Break off the streams that are open."""
        async with self._changed:
            self._cuts += 1
            self._changed.notify_all()

    async def answer(self, request: Request) -> Response:
        message: dict[str, Any] = await request.json()
        params, method = message.get("params", {}), message["method"]
        if request.headers.get("mcp-protocol-version") != MODERN:
            return JSONResponse({"error": "modern only"}, 400)
        if method == "subscriptions/listen":
            return StreamingResponse(
                self._listen(message["id"], params["notifications"]), media_type="text/event-stream"
            )
        result: dict[str, Any] = {"ttlMs": 1000, "cacheScope": "public"}
        if method == "server/discover":
            result |= {"supportedVersions": [MODERN], "capabilities": {"tools": {}, "extensions": {TASKS: {}}}}
        elif method == "tools/list":
            result |= {"tools": [{"name": "work", "inputSchema": {"type": "object"}}]}
        elif method == "tools/call":
            task_id = f"t{next(self._ids)}"
            self.tasks[task_id] = "working"
            result |= self._task(task_id) | {"resultType": "task"}
        elif method == "tasks/get" and params["taskId"] in self.tasks:
            result |= self._task(params["taskId"])
        else:
            code = -32602 if method == "tasks/get" else -32601
            error = {"code": code, "message": "There is no such thing."}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete"} | result})

    def _task(self, task_id: str) -> dict[str, Any]:
        return {"taskId": task_id, "status": self.tasks[task_id], "ttlMs": None, "pollIntervalMs": 100}

    async def _listen(self, identifier: str, asked: dict[str, Any]) -> AsyncIterator[bytes]:
        wanted: list[str] = asked.get("taskIds", [])
        honoured = {"taskIds": [one for one in wanted if one in self.tasks]} if self.tells and wanted else {}
        self.listened += [wanted] if wanted else []
        yield event("notifications/subscriptions/acknowledged", {"notifications": honoured}, identifier)
        cuts = self._cuts
        while True:
            async with self._changed:
                await self._changed.wait()
                if self._cuts > cuts:
                    return
                for task_id in honoured.get("taskIds", []):
                    yield event("notifications/tasks", self._task(task_id), identifier)


def event(method: str, params: dict[str, Any], identifier: str) -> bytes:
    params = params | {"_meta": {"io.modelcontextprotocol/subscriptionId": identifier}}
    return f"data: {json.dumps({'jsonrpc': '2.0', 'method': method, 'params': params})}\n\n".encode()


@asynccontextmanager
async def tasking(*, tells: bool) -> AsyncIterator[tuple[str, Tasking]]:
    """The URL of a server on a free port, and the server."""
    server = Tasking(tells=tells)
    listener = bind("127.0.0.1", 0, "tasking")
    app = Starlette(routes=[Route("/mcp", server.answer, methods=["POST"])])
    async with serving(app, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", server
