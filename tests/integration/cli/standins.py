"""Stand-ins for the network's services: real ports, real keys, scripted agents. As a program: the CLI over them."""

import asyncio
import base64
import copy
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

import agentnet.process.service
from agentnet.frame.access import PUBLIC, Access
from agentnet.frame.authentication import AuthMiddleware, authenticate_with
from agentnet.ids import new_id
from agentnet.process.runtime import Runtime
from agentnet.process.service import Factory
from agentnet.tasks.steps import SOURCE, Step
from gateway.admin.keys import view_of

PNG = b"\x89PNG not really"

entries: dict[tuple[str, str], dict[str, Any]] = {}


class Agents:
    """Scripted agents: the first word of a message says how its task goes."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.canceled: set[str] = set()

    async def events(self, message: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        text = message["parts"][0]["text"]
        task_id = message.get("taskId") or new_id()
        names = {"taskId": task_id, "contextId": "c1"}

        def status(state: str, said: str = "", metadata: dict[str, Any] | None = None) -> dict[str, Any]:
            told: dict[str, Any] = {"state": f"TASK_STATE_{state}"}
            if said:
                told["message"] = {"messageId": new_id(), "role": "ROLE_AGENT", "parts": [{"text": said}]}
            self.tasks[task_id]["status"] = told
            return {"statusUpdate": names | {"status": told, "metadata": metadata or {}}}

        def step(kind: Any, phase: Any, name: str, path: tuple[str, ...], **more: Any) -> dict[str, Any]:
            made = Step(f"{kind}-{name}", kind, phase, name, path, task_id, **more)
            return status("WORKING", metadata=made.as_metadata())

        def artifact(append: bool = False, metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
            made = {"artifactId": fields.pop("id", "answer"), "metadata": metadata or {}, **fields}
            kept = self.tasks[task_id].setdefault("artifacts", [])
            if append:
                kept[-1]["parts"][-1]["text"] += made["parts"][0]["text"]
            else:
                kept.append(copy.deepcopy(made))
            return {"artifactUpdate": names | {"artifact": made, "append": append}}

        task = {"id": task_id, "contextId": "c1", "status": {"state": "TASK_STATE_SUBMITTED"}}
        self.tasks.setdefault(task_id, task)
        yield {"task": self.tasks[task_id]}
        if text.startswith("fail"):
            yield status("FAILED", "The cat sat on it.")
            return
        if text.startswith("refuse"):
            yield status("REJECTED", "That is not for me.")
            return
        if text.startswith("context"):
            yield artifact(parts=[{"text": f"We are in {message.get('contextId') or 'no conversation'}."}])
            yield status("COMPLETED")
            return
        if text.startswith("ask"):
            yield status("INPUT_REQUIRED", "Which year?")
            return
        if text.startswith("break"):
            yield step("delegation", "start", "writer", ("concierge",), summary="It will break.")
            artifact(parts=[{"text": "Done all the same."}])
            status("COMPLETED")
            return
        if text.startswith("sleep"):
            yield step("delegation", "start", "writer", ("concierge",), summary="Sleep well.")
            while task_id not in self.canceled:
                await asyncio.sleep(0.02)
            yield status("CANCELED")
            return
        yield step("delegation", "start", "writer", ("concierge",), summary="Write it.")
        yield step("tool", "start", "search", ("concierge", "writer"))
        yield step("tool", "end", "search", ("concierge", "writer"), ms=84, summary="3 passages")
        yield step("delegation", "end", "writer", ("concierge",), ms=1234)
        raw = base64.b64encode(PNG).decode()
        files = [{"text": "not for you"}, {"raw": raw, "filename": "../chart.png", "mediaType": "image/png"}]
        yield artifact(id="chart", parts=files, metadata={SOURCE: ["concierge", "writer"]})
        yield artifact(parts=[{"text": "The answer to "}])
        yield artifact(append=True, parts=[{"text": f"*{text}* is 42."}])
        yield status("COMPLETED")

    async def rpc(self, request: Request) -> Response:
        body = await request.json()
        params = body["params"]
        if body["method"] == "SendStreamingMessage":
            return StreamingResponse(self._sse(body["id"], params["message"]), media_type="text/event-stream")
        task = self.tasks.get(params["id"])
        if task is None:
            return JSONResponse(_error(body, -32001, "There is no such task."))
        if body["method"] == "CancelTask":
            self.canceled.add(params["id"])
        if body["method"] == "SubscribeToTask" and task["status"]["state"] == "TASK_STATE_WORKING":
            return StreamingResponse(self._followed(body["id"], task), media_type="text/event-stream")
        if body["method"] == "SubscribeToTask":
            return JSONResponse(_error(body, -32004, "The task has ended."))
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": task})

    async def _sse(self, request_id: str, message: dict[str, Any]) -> AsyncIterator[str]:
        async for event in self.events(message):
            yield _frame(request_id, event)

    async def _followed(self, request_id: str, task: dict[str, Any]) -> AsyncIterator[str]:
        """Of a task that sleeps: what it said last, and its end."""
        names = {"taskId": task["id"], "contextId": "c1"}
        made = Step(
            "delegation-writer", "delegation", "start", "writer", ("concierge",), task["id"], summary="Sleep well."
        )
        yield _frame(request_id, {"task": task})
        yield _frame(request_id, {"statusUpdate": names | {"status": task["status"], "metadata": made.as_metadata()}})
        while task["id"] not in self.canceled:
            await asyncio.sleep(0.02)
        yield _frame(request_id, {"statusUpdate": names | {"status": {"state": "TASK_STATE_CANCELED"}}})

    async def list_tasks(self, _request: Request) -> Response:
        return JSONResponse({"tasks": [self._row(task) for task in self.tasks.values()]})

    async def tree(self, request: Request) -> Response:
        return JSONResponse(self._row(self.tasks[request.path_params["id"]]) | {"children": []})

    def _row(self, task: dict[str, Any]) -> dict[str, Any]:
        moment = "2026-01-02T03:04:05+00:00"
        state = task["status"]["state"].removeprefix("TASK_STATE_").lower()
        row = {"id": task["id"], "agent": "concierge", "state": state, "created_at": moment, "status_at": moment}
        return row | {"parent_id": None, "root_id": task["id"], "context_id": "c1", "chain": [], "attempt": 1}


async def create_gateway(runtime: Runtime, _name: str, url: str) -> ASGIApp:
    agents = Agents()
    card = {
        "name": "concierge",
        "supportedInterfaces": [{"url": "http://elsewhere.example/agents/concierge", "protocolBinding": "JSONRPC"}],
    }

    async def list_agents(_request: Request) -> Response:
        listed = {"name": "concierge", "description": "Finds who can do it.", "skills": ["route"], "url": url}
        return JSONResponse({"agents": [listed | {"instances": 1}]})

    async def keys(_request: Request) -> Response:
        made = [view_of(row) for row in await (await runtime.keys()).list()]
        return JSONResponse({"keys": made})

    routes = [
        Route("/health", lambda _request: JSONResponse({})),
        Route("/.well-known/agent-card.json", lambda _request: JSONResponse(card)),
        Route("/agents", list_agents),
        Route("/agents/concierge/.well-known/agent-card.json", lambda _request: JSONResponse(card)),
        Route("/agents/concierge", agents.rpc, methods=["POST"]),
        Route("/v1/tasks", agents.list_tasks),
        Route("/v1/tasks/{id}/tree", agents.tree),
        Route("/v1/keys", keys),
    ]
    authenticate = authenticate_with(runtime.tokens, "gateway", await runtime.keys())
    open_routes = Access(dict.fromkeys(("GET /health", "GET /.well-known/agent-card.json"), PUBLIC))
    limit = runtime.settings.max_body_bytes
    return AuthMiddleware(Starlette(routes=routes), authenticate, max_body_bytes=limit, is_open=open_routes.is_open)


async def create_registry(_runtime: Runtime, _name: str, _url: str) -> ASGIApp:
    async def listed(request: Request) -> Response:
        kind = request.query_params["kind"]
        return JSONResponse({"entries": [entry for key, entry in entries.items() if key[0] == kind]})

    return Starlette(routes=[Route("/v1/entries", listed), Route("/health", lambda _request: JSONResponse({}))])


def create_registered(kind: str) -> Factory:
    async def create(_runtime: Runtime, name: str, url: str) -> ASGIApp:
        entries[kind, name] = {"kind": kind, "name": name, "url": url}
        return Starlette(routes=[Route("/health", lambda _request: JSONResponse({}))])

    return create


FACTORIES: dict[str, Factory] = {
    "gateway": create_gateway,
    "registry": create_registry,
    "mcp": create_registered("mcp"),
    "agent": create_registered("agent"),
}


def load_factory(kind: str) -> Factory:
    return FACTORIES[kind]


def _frame(request_id: str, event: dict[str, Any]) -> str:
    return f"data: {json.dumps({'jsonrpc': '2.0', 'id': request_id, 'result': event})}\n\n"


def _error(body: dict[str, Any], code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": body["id"], "error": {"code": code, "message": message}}


if __name__ == "__main__":
    from agentnet.cli import main

    agentnet.process.service.load_factory = load_factory
    main()
