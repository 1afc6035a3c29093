"""Which profile a caller gets, and who the caller is where a profile admits callers without a key."""

from mcp_types.jsonrpc import INVALID_REQUEST
from starlette.types import Scope

from agentnet.frame.access import principal_of
from agentnet.frame.authentication import credential_of
from agentnet.identity import Principal
from agentnet.identity.principal import USE
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.profile import ANONYMOUS, DEFAULT, Profile
from gateway.mcp.profiles.store import ProfileStore

EVERYTHING = Profile()
ANONYMOUS_TENANT = "default"
KEY_PREFIX = "key:"


class Profiles:
    """The operator's profiles are for every tenant; a tenant's own come before those of the same name."""

    def __init__(self, declared: list[Profile], store: ProfileStore) -> None:
        self._declared = {profile.name: profile for profile in declared}
        self._store = store

    def admits(self, scope: Scope) -> bool:
        """Whether a request needs no credential: its profile says so, and it comes from this machine."""
        profile = self._declared.get(name_in(scope["path"]))
        return profile is not None and profile.anonymous and is_from_here(scope) and credential_of(scope) is None

    def principal_of(self, scope: Scope) -> Principal:
        """The caller. Raises `ForbiddenError`."""
        if "principal" not in scope.get("state", {}):
            return Principal(ANONYMOUS_TENANT, ANONYMOUS, frozenset({USE}))
        return principal_of(scope)

    async def of(self, principal: Principal, name: str | None) -> Profile:
        """The profile of that name, or the caller's own. Raises `McpError` (404), `DatabaseAwayError`."""
        if principal.subject == ANONYMOUS:  # was admitted by a declared profile, and gets that one
            declared = self._declared.get(name or DEFAULT)
            if declared is None or not declared.anonymous:
                raise _unknown(name)
            return declared
        stored = await self._store.of(principal.tenant)
        bound = next((each for each in stored.values() if _binds(each, principal)), None)
        if bound is not None:
            if name not in (None, bound.name):
                raise _unknown(name)
            return bound
        profile = stored.get(name or DEFAULT) or self._declared.get(name or DEFAULT)
        if profile is None and name not in (None, DEFAULT):
            raise _unknown(name)
        return profile or EVERYTHING


def name_in(path: str) -> str:
    """The profile that a path of the door names; empty for a path that is none of its own."""
    if path != "/mcp" and not path.startswith("/mcp/"):
        return ""
    return path.removeprefix("/mcp").strip("/") or DEFAULT


def is_from_here(scope: Scope) -> bool:
    """Whether the peer is this very machine; a proxy on it counts, so a profile for it must be meant."""
    client = scope.get("client")
    return client is not None and client[0] in ("127.0.0.1", "::1")


def _binds(profile: Profile, principal: Principal) -> bool:
    subject = principal.subject
    return subject.startswith(KEY_PREFIX) and subject.removeprefix(KEY_PREFIX) in profile.keys


def _unknown(name: str | None) -> McpError:
    return McpError(INVALID_REQUEST, f"There is no profile {name!r}.", http=404)
