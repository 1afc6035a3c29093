"""Who may use a route: one rule for each, in one table for each service.

A table's keys are the route's method, `*` for one that takes all, and its path: `"GET /v1/keys"`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute, Mount, Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.errors import ForbiddenError
from agentnet.frame.authentication import Authenticate, credential_of
from agentnet.identity.principal import ADMIN, USE, Principal

ANY_METHOD = "*"


def never(_: Scope) -> bool:
    """No request needs no credential."""
    return False


def always(_: Scope) -> bool:
    """No request needs a credential."""
    return True


def without_credential(scope: Scope) -> bool:
    """Open to those who show none; one that is shown must hold, and the answer is for its tenant."""
    return credential_of(scope) is None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a request must show."""

    scope: str | None = None
    """What its credential must reach; None: it is enough that the service takes it."""
    in_person: bool = False
    """Whether the caller must have come itself, not by an agent that works for it."""
    is_open: Callable[[Scope], bool] = never
    """Which requests need no credential."""
    is_told: bool = False
    """Whether the route refuses in its own protocol: it asks `principal_of` in its own time and reads its own body, the
    frame does neither."""

    def check(self, principal: Principal) -> None:
        """Raises `ForbiddenError` when the caller's credential does not reach so far."""
        if self.scope is None:
            return
        if self.scope not in principal.scopes or (self.in_person and principal.chain):
            raise ForbiddenError(f"This needs a key with the scope {self.scope!r}.")


PUBLIC = Rule(is_open=always)
CALLER = Rule()
USER = Rule(USE)
ADMINISTRATOR = Rule(ADMIN, in_person=True)

Rules = Mapping[str, Rule]


def principal_of(scope: Scope) -> Principal:
    """The caller of a route. Raises `ForbiddenError` when the route's rule asks for more."""
    principal: Principal = scope["state"]["principal"]
    rule: Rule = scope["state"]["rule"]
    rule.check(principal)
    return principal


def under_rule(rule: Rule, authenticate: Authenticate) -> Authenticate:
    """`authenticate`, which refuses who does not reach as far as `rule` says: for ways that lead past the routes."""

    async def admit(credential: str) -> Principal:
        principal = await authenticate(credential)
        rule.check(principal)
        return principal

    return admit


class Access:
    """The table of one service at work. `checked` stands before the routes that the frame refuses for."""

    def __init__(self, rules: Rules, checked: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> None:
        self._rules = rules
        self._checked = checked
        self._exact: dict[str, _Open] = {}
        self._patterns: dict[str, list[_Open]] = {}
        """By the first segment of their paths; empty where that may be any."""
        for key, rule in rules.items():
            if rule.is_open is not never:
                self._note(_Open(key, rule))

    def _note(self, opening: "_Open") -> None:
        if "{" in opening.path:
            segment = _first_segment(opening.path)
            self._patterns.setdefault("" if "{" in segment else segment, []).append(opening)
        else:
            self._exact[opening.path] = opening

    def is_open(self, scope: Scope) -> bool:
        """Whether a request needs no credential."""
        path = scope["path"]
        if (exact := self._exact.get(path)) is not None:
            return exact.admits(scope)
        for segment in {_first_segment(path), ""}:
            for pattern in self._patterns.get(segment, ()):
                if pattern.admits(scope):
                    return True
        return False

    def under_rules(self, routes: Iterable[BaseRoute], prefix: str = "") -> list[BaseRoute]:
        """`routes`, each under its rule. Raises `KeyError` for one that has none."""
        return [self._under_rule(route, prefix) for route in routes]

    def _under_rule(self, route: BaseRoute, prefix: str) -> BaseRoute:
        if isinstance(route, Mount):
            return Mount(route.path, routes=self.under_rules(route.routes, prefix + route.path))
        assert isinstance(route, Route)
        [rule] = {self._rules[key] for key in _keys_of(route, prefix)}
        app = route.app if rule.is_told else self._checked(route.app)
        return Route(route.path, _Ruled(app, rule), methods=_methods_of(route), name=route.name)


def keys_of(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    """The keys that a table must have for these routes."""
    for route in routes:
        if isinstance(route, Mount):
            yield from keys_of(route.routes, prefix + route.path)
        else:
            assert isinstance(route, Route)
            yield from _keys_of(route, prefix)


def tells_errors(route: BaseRoute) -> bool:
    """Whether a route refuses in its own protocol, and says all errors itself that it expects."""
    return isinstance(route, Route) and isinstance(route.app, _Ruled) and route.app.rule.is_told


class _Ruled:
    """A route's app under a rule."""

    def __init__(self, app: ASGIApp, rule: Rule) -> None:
        self._app = app
        self.rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: dict[str, Any] = scope.setdefault("state", {})
        state["rule"] = self.rule
        if not self.rule.is_told and "principal" in state:
            self.rule.check(state["principal"])
        await self._app(scope, receive, send)


class _Open:
    """A route that some requests may use without a credential."""

    def __init__(self, key: str, rule: Rule) -> None:
        method, _, self.path = key.partition(" ")
        self._methods = None if method == ANY_METHOD else {method} | ({"HEAD"} if method == "GET" else set())
        self._pattern = compile_path(self.path)[0]
        self._is_open = rule.is_open

    def admits(self, scope: Scope) -> bool:
        if self._methods is not None and scope["method"] not in self._methods:
            return False
        return self._pattern.fullmatch(scope["path"]) is not None and self._is_open(scope)


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]


def _methods_of(route: Route) -> list[str] | None:
    """Those that it was made with: Starlette adds HEAD to GET."""
    return None if route.methods is None else sorted(route.methods - ({"HEAD"} if "GET" in route.methods else set()))


def _keys_of(route: Route, prefix: str) -> list[str]:
    return [f"{method} {prefix}{route.path}" for method in _methods_of(route) or [ANY_METHOD]]
