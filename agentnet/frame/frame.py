"""What stands around the routes of every service: who may pass, how errors are said, and whether the service lives."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from agentnet.errors import AgentNetError, error_body
from agentnet.frame.access import PUBLIC, Access, Rules, tells_errors
from agentnet.frame.authentication import Authenticate, AuthMiddleware
from agentnet.frame.bodies import Check, CheckedBody, Refuse, any_form, say_plainly
from agentnet.frame.lookup import lead_straight, look_up
from agentnet.http.errors import EXCEPTION_HANDLERS
from agentnet.http.json_scan import JsonLimits

RULES: Rules = {"GET /health": PUBLIC, "GET /ready": PUBLIC, "GET /.well-known/{path:path}": PUBLIC}
"""Of the routes that the frame itself has."""
ALIVE = {"status": "ok"}
READY = {"status": "ready"}


@dataclass(frozen=True, slots=True)
class Frame:
    """Of one service. `app` makes its routes an app, `closed` lets nobody to an app who may not pass."""

    rules: Rules
    """Of the service's own routes."""
    authenticate: Authenticate
    max_body_bytes: int
    ready: Callable[[], Awaitable[object]]
    """Raises when no request could be served now."""
    ready_body: Mapping[str, str] = field(default_factory=lambda: READY)
    json: JsonLimits = field(default_factory=JsonLimits)
    """Of request bodies, where the frame reads them."""
    refuse: Refuse = say_plainly
    """How a body is refused."""
    check_body: Check = any_form
    """What it must be besides."""
    leads_on: bool = True
    """Whether an address with a slash too many or too few leads to the right one."""

    @property
    def access(self) -> Access:
        """The table of all routes."""
        return Access({**RULES, **self.rules}, self.checked)

    def app(self, routes: Iterable[BaseRoute], lifespan: Lifespan[Starlette] | None = None) -> Starlette:
        """The frame's routes and `routes`, each under its rule. Raises `KeyError` for one that has none."""
        # Two, as Kubernetes asks: a database that is away must not have the process killed, only not called.
        own = [Route("/health", _health), Route("/ready", self._ready)]
        app = Starlette(
            routes=self.access.under_rules([*own, *routes, NOTHING_KNOWN]),
            lifespan=lifespan,
            exception_handlers=EXCEPTION_HANDLERS,
        )
        if self.leads_on:
            _lead_to_other_slash(app.router)
        else:
            app.router.redirect_slashes = False
        look_up(app.router)
        lead_straight(app, tells_errors)
        return app

    def checked(self, app: ASGIApp) -> ASGIApp:
        """`app` for bodies that can be read, held and stored."""
        return CheckedBody(app, self.json, self.refuse, self.check_body)

    def closed(self, app: ASGIApp) -> ASGIApp:
        """`app` for those who show a credential, but for what is open."""
        return AuthMiddleware(app, self.authenticate, max_body_bytes=self.max_body_bytes, is_open=self.access.is_open)

    async def _ready(self, _: Request) -> Response:
        try:
            await self.ready()
        except AgentNetError as error:
            return JSONResponse(error_body(error), status_code=503)
        return JSONResponse(dict(self.ready_body))


async def nothing(_: Request) -> Response:
    """Nothing is here, for whoever asks: a client that gets 401 for OAuth's metadata waits for a login in vain."""
    raise HTTPException(404)


NOTHING_KNOWN = Route("/.well-known/{path:path}", nothing)
"""Behind all that a service has there."""


async def _health(_: Request) -> Response:
    """Alive, whatever else is."""
    return JSONResponse(ALIVE)


def _lead_to_other_slash(router: Router) -> None:
    """An address with a slash too many or too few at its end leads to the right one, on the same host.

    In the place of Starlette's own way, which repeats whatever `Host` said: a cache would keep it for others.
    """
    router.redirect_slashes = False
    not_found = router.default

    async def default(scope: Scope, receive: Receive, send: Send) -> None:
        path = _other_end(scope)
        if path is None or all(route.matches({**scope, "path": path})[0] is Match.NONE for route in router.routes):
            await not_found(scope, receive, send)
            return
        query = scope.get("query_string", b"").decode("latin-1")
        await RedirectResponse(f"{path}?{query}" if query else path)(scope, receive, send)

    router.default = default


def _other_end(scope: Scope) -> str | None:
    """The path with the other end; None where it would be none, or the name of another host."""
    if scope["type"] != "http":
        return None
    path: str = scope["path"]
    other = path.rstrip("/") if path.endswith("/") else f"{path}/"
    return other if other.startswith("/") and not other.startswith(("//", "/\\")) else None
