"""A request's route, looked for among those of its first segment alone.

Starlette asks all in turn, 0.7 us each, and the gateway has fifty.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.types import Receive, Scope, Send

RAISED = "agentnet.raised"
"""In the scope of a request whose route let an error through."""
NOTHING: Scope = {}


class Lookup:
    """Routes by the first segment of their paths, in the order that they have among one another."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        routes = [*routes]
        literal = {segment for route in routes if (segment := _first_segment(route)) is not None}
        self._by_segment: dict[str, list[BaseRoute]] = {
            segment: [route for route in routes if _first_segment(route) in (segment, None)] for segment in literal
        }
        self._others = [route for route in routes if _first_segment(route) is None]

    def candidates(self, scope: Scope) -> Sequence[BaseRoute]:
        """All routes that may be the request's."""
        return self._by_segment.get(_segment_in(scope["path"]), self._others)


def look_up(router: Router) -> None:
    """Have `router` find a request's route so. Where there is none, all else goes as Starlette has it."""
    lookup, in_turn = Lookup(router.routes), router.middleware_stack

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if RAISED in scope:
            raise scope[RAISED]
        route, part = _found(lookup, scope)
        if route is None:
            await in_turn(scope, receive, send)
        else:
            scope.update(part, route=route)
            await route.handle(scope, receive, send)

    router.middleware_stack = app


def lead_straight(app: Starlette, tells: Callable[[BaseRoute], bool]) -> None:
    """Have a request for a route that `tells` errors itself go to it at once, past the layers of `app`.

    They are there to say errors, and make a request and three wrappers for each; one that such a route did not expect
    is told by them too.
    """
    lookup = Lookup(app.router.routes)
    around = cache(app.build_middleware_stack)  # at the first request: until then handlers may be added

    async def stack(scope: Scope, receive: Receive, send: Send) -> None:
        route, part = _found(lookup, scope)
        if route is None or not tells(route):
            await around()(scope, receive, send)
            return
        scope.update(part, route=route)
        try:
            await route.handle(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - it is raised again within the layers that say it
            scope[RAISED] = error
            await around()(scope, receive, send)

    app.middleware_stack = stack


def _found(lookup: Lookup, scope: Scope) -> tuple[BaseRoute | None, Scope]:
    """The first route that takes the request, and its part of the scope."""
    if scope["type"] != "http" or scope.get("root_path"):
        return None, NOTHING
    method = scope["method"]
    for route in lookup.candidates(scope):
        if isinstance(route, Route) and route.methods and method not in route.methods:
            continue  # it would match in part: for that, all are asked
        match, part = route.matches(scope)
        if match is Match.FULL:
            return route, part
    return None, NOTHING


def _first_segment(route: BaseRoute) -> str | None:
    """Of its path; None where that may be any, or there is no path to look at."""
    if not isinstance(route, Route | Mount) or not route.path:
        return None
    segment = _segment_in(route.path)
    return None if "{" in segment else segment


def _segment_in(path: str) -> str:
    # Starlette's patterns end with `$`, which lets a line end go.
    return path[1:].partition("/")[0].removesuffix("\n")
