"""Routes that are looked up by their first segment: the same that Starlette finds when it asks all in turn."""

import itertools
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from agentnet.errors import DatabaseAwayError, NotFoundError
from agentnet.frame.lookup import lead_straight, look_up
from agentnet.http.errors import EXCEPTION_HANDLERS
from agentnet.testing.serving import serving

pytestmark = pytest.mark.anyio


class Named:
    """An ASGI app, which takes every method, that says which one it is."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = {"name": self._name, "path": f"{scope['path_params']}", "route": getattr(scope["route"], "path", "")}
        await JSONResponse(said)(scope, receive, send)


def routes() -> list[BaseRoute]:
    plans: list[tuple[str, list[str] | None]] = [
        ("/", ["GET"]),
        ("/", ["POST"]),
        ("/tasks", None),
        ("/tasks/{path:path}", None),
        ("/v1/tasks/{id:uuid}", ["GET"]),
        ("/agents/{name}", ["GET"]),
        ("/agents", ["GET"]),
        ("/agents/{name}", None),
        ("/agents/{name}/{path:path}", None),
        ("/{tenant}/tasks", ["GET"]),
        ("/v1/tasks/{path:path}", ["POST", "DELETE"]),
        ("/{tenant}:{verb}", ["POST"]),
        ("/mcp", None),
        ("/mcp/", None),
        ("/mcp/{profile}", None),
    ]
    made: list[BaseRoute] = [Route(path, Named(f"{n}"), methods=methods) for n, (path, methods) in enumerate(plans)]
    below = [Route("/x", Named("mounted")), Route("/{more:path}", Named("below"))]
    return [*made[:9], Mount("/v1", routes=below), *made[9:], Mount("/files", routes=below), Mount("", routes=below)]


PATHS = (
    *("/", "//", "", "*", "/tasks", "/tasks/", "/tasks/a/b", "/v1", "/v1/x", "/v1/tasks/9", "/v1/other/y"),
    *("/v1/tasks/00000000-0000-4000-8000-000000000000", "/agents", "/agents/", "/agents/a", "/agents/a/b/c"),
    *(
        "/acme/tasks",
        "/acme:send",
        "/mcp",
        "/mcp/",
        "/mcp/one",
        "/mcp/one/two",
        "/mcp\n",
        "/files",
        "/files/x",
        "/nowhere",
    ),
)


async def answer_of(router: Router, scope: Scope) -> Any:
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await router(scope, receive, send)
    return messages[0]["status"], dict(messages[0]["headers"]).get(b"allow"), messages[1]["body"]


@pytest.mark.parametrize("root_path", ["", "/v1"])
async def test_every_request_finds_the_route_that_it_found_before(root_path: str) -> None:
    for count in (len(routes()), 14):  # with the mount that takes all at its end, and without one
        in_turn, looked_up = (
            Router(routes()[:count], redirect_slashes=False),
            Router(routes()[:count], redirect_slashes=False),
        )
        look_up(looked_up)
        for method, path in itertools.product(("GET", "HEAD", "POST", "DELETE", "BREW"), PATHS):
            scope = {"type": "http", "method": method, "path": path, "root_path": root_path, "headers": []}
            found = [await answer_of(router, dict(scope)) for router in (in_turn, looked_up)]
            assert found[0] == found[1], (method, path)


async def test_an_app_says_of_what_it_has_not_what_it_said_before() -> None:
    app = Starlette(
        routes=[Route("/here", Response("here"), methods=["GET"]), Route("/{any}/there", Response("there"))]
    )
    look_up(app.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        assert (await http.get("/here")).text == "here"
        assert (await http.post("/here")).status_code == 405
        assert (await http.post("/x/there")).text == "there"
        assert (await http.get("/x/here")).status_code == 404
        assert (await http.get("/here/")).status_code == 307  # Starlette's own way to another slash is left to it


class Raising:
    """An ASGI app that lets an error through, behind the head of its answer if it has begun."""

    def __init__(self, error: Exception, *, begins: bool = False) -> None:
        self._error = error
        self._begins = begins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise self._error


LET_THROUGH: dict[str, tuple[Exception, int | None]] = {
    "an error of ours": (NotFoundError("There is none."), 404),
    "one of Starlette's": (HTTPException(405), 405),
    "the database's": (DatabaseAwayError("It is away."), 503),
    "one that nobody expected": (ValueError("on purpose"), None),
}


@pytest.mark.parametrize("name", LET_THROUGH)
@pytest.mark.parametrize("straight", [False, True])
async def test_an_error_that_a_route_lets_through_is_said_as_those_of_others(name: str, straight: bool) -> None:
    error, status = LET_THROUGH[name]
    app = Starlette(routes=[Route("/a", Raising(error))], exception_handlers=EXCEPTION_HANDLERS)
    look_up(app.router)
    lead_straight(app, lambda _: straight)
    raises = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=raises, base_url="http://test") as http:
        answer = await http.get("/a")
    assert answer.status_code == (status or 500)
    assert answer.json()["error"]["message"]
    if status is None:  # so that the server logs it
        with pytest.raises(ValueError, match="on purpose"):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
                await http.get("/a")


async def test_an_error_behind_the_head_of_an_answer_ends_its_connection() -> None:
    app = Starlette(
        routes=[Route("/a", Raising(NotFoundError("late"), begins=True))], exception_handlers=EXCEPTION_HANDLERS
    )
    look_up(app.router)
    lead_straight(app, lambda _: True)
    async with serving(app) as url, httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"{url}/a")


async def test_requests_lead_straight_to_their_routes_and_all_others_where_they_led_before() -> None:
    made = [
        Route("/told/{name}", Named("told")),
        Route("/other", Named("other")),
        Route("/only", Named("o"), methods=["GET"]),
    ]
    app = Starlette(routes=made, exception_handlers=EXCEPTION_HANDLERS)
    look_up(app.router)
    lead_straight(app, lambda route: route is made[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        told = (await http.post("/told/x")).json()
        assert (told["name"], told["path"], told["route"]) == ("told", "{'name': 'x'}", "/told/{name}")
        assert (await http.get("/other")).json()["name"] == "other"
        assert (await http.post("/only")).status_code == 405
        assert (await http.get("/nowhere")).status_code == 404
