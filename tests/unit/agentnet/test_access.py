"""Rules of routes: what a request must show, where it is checked, and which need no credential."""

from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from agentnet.errors import UnauthenticatedError, UnavailableError
from agentnet.frame.access import ADMINISTRATOR, CALLER, PUBLIC, USER, Access, Rule, keys_of, principal_of
from agentnet.frame.access import without_credential as without
from agentnet.frame.frame import Frame
from agentnet.identity.principal import ADMIN, USE, Principal

pytestmark = pytest.mark.anyio

CALLERS = {
    "user": Principal("acme", "key:1", frozenset({USE})),
    "admin": Principal("acme", "key:2", frozenset({ADMIN, USE})),
    "agent": Principal("acme", "key:2", frozenset({ADMIN, USE}), ("writer",)),
    "neither": Principal("acme", "key:3", frozenset({"other"})),
}


async def authenticate(credential: str) -> Principal:
    if credential not in CALLERS:
        raise UnauthenticatedError("The API key is not valid.")
    return CALLERS[credential]


async def shown(request: Request) -> Response:
    known = request.scope["state"].get("principal")
    return JSONResponse({"who": known and known.subject})


async def told(request: Request) -> Response:
    """Refuses in its own words."""
    try:
        principal_of(request.scope)
    except Exception as error:  # whatever it is
        return JSONResponse({"told": str(error)}, 403)
    return Response()


async def ready() -> None:
    raise UnavailableError("What it stands on does not answer.")


def client() -> httpx.AsyncClient:
    rules = {
        "GET /public": PUBLIC,
        "GET /card": Rule(is_open=without),
        "GET /any": CALLER,
        "GET /use": USER,
        "PUT /admin": ADMINISTRATOR,
        "GET /told": Rule(USE, is_told=True),
        "GET /{tenant}/below": USER,
    }
    routes = [
        Route("/public", shown),
        Route("/card", shown),
        Route("/any", shown),
        Route("/use", shown),
        Route("/admin", shown, methods=["PUT"]),
        Route("/told", told, methods=["GET"]),
        Mount("/{tenant}", routes=[Route("/below", shown)]),
    ]
    frame = Frame(rules, authenticate, 1000, ready)
    app: Any = frame.closed(frame.app(routes))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("GET", "/public", {"": 200, "user": 200, "wrong": 200}),
        ("HEAD", "/public", {"": 200}),
        ("POST", "/public", {"": 401, "user": 405}),
        ("GET", "/card", {"": 200, "user": 200, "wrong": 401}),
        ("GET", "/any", {"": 401, "neither": 200, "wrong": 401}),
        ("GET", "/use", {"": 401, "neither": 403, "user": 200}),
        ("GET", "/acme/below", {"": 401, "neither": 403, "user": 200}),
        ("PUT", "/admin", {"": 401, "user": 403, "agent": 403, "admin": 200}),
        ("GET", "/admin", {"": 401, "user": 405}),
        ("GET", "/nothing/at/all", {"": 401, "user": 404}),
        ("GET", "/health", {"": 200}),
        ("GET", "/ready", {"": 503}),
    ],
)
async def test_a_rule_says_who_may(method: str, path: str, statuses: dict[str, int]) -> None:
    async with client() as http:
        for caller, status in statuses.items():
            headers = {"authorization": f"Bearer {caller}"} if caller else {}
            assert (await http.request(method, path, headers=headers)).status_code == status, caller


async def test_a_refusal_names_the_scope_and_a_missing_credential_is_asked_for() -> None:
    async with client() as http:
        refused = await http.put("/admin", headers={"x-api-key": "user"})
        assert refused.json()["error"]["message"] == "This needs a key with the scope 'admin'."
        assert (await http.get("/use")).headers["www-authenticate"] == 'Bearer realm="agentnet"'


async def test_a_route_with_a_protocol_of_its_own_refuses_in_its_own_words() -> None:
    async with client() as http:
        refused = await http.get("/told", headers={"x-api-key": "neither"})
        assert refused.json() == {"told": "This needs a key with the scope 'use'."}


async def test_who_need_not_show_a_credential_is_known_to_no_public_route() -> None:
    async with client() as http:
        assert (await http.get("/public", headers={"x-api-key": "user"})).json() == {"who": None}
        assert (await http.get("/card", headers={"x-api-key": "user"})).json() == {"who": "key:1"}


def test_a_route_without_a_rule_is_not_served() -> None:
    with pytest.raises(KeyError, match="GET /forgotten"):
        Access({}).under_rules([Route("/forgotten", shown)])


def test_the_keys_of_routes_name_methods_and_whole_paths() -> None:
    class App:
        async def __call__(self, *_: object) -> None: ...

    routes = [
        Route("/a", shown, methods=["POST", "GET"]),
        Route("/all", App()),
        Mount("/{tenant}", routes=[Route("/b", shown)]),
    ]
    assert [*keys_of(routes)] == ["GET /a", "POST /a", "* /all", "GET /{tenant}/b"]
