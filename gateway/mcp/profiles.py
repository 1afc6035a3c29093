"""Which profile a caller gets, and who the caller is where a profile admits callers without a key."""

from starlette.types import Scope

from agentnet.errors import NotFoundError
from agentnet.identity import Principal
from agentnet.identity.middleware import credential_of
from agentnet.identity.principal import USE
from gateway.mcp.profile import ANONYMOUS, DEFAULT, Profile
from gateway.relay import principal_of

EVERYTHING = Profile()
DEFAULT_TENANT = "default"


class Profiles:
    """The operator's profiles are for every tenant."""

    def __init__(self, declared: list[Profile]) -> None:
        self._declared = {profile.name: profile for profile in declared}

    def admits(self, scope: Scope) -> bool:
        """Whether a request needs no credential: its profile says so, and it comes from this machine."""
        profile = self._declared.get(name_in(scope["path"]))
        return profile is not None and profile.anonymous and is_from_here(scope) and credential_of(scope) is None

    def principal_of(self, scope: Scope) -> Principal:
        """The caller. Raises `ForbiddenError`."""
        if "principal" not in scope.get("state", {}):
            return Principal(DEFAULT_TENANT, ANONYMOUS, frozenset({USE}))
        return principal_of(scope)

    async def of(self, principal: Principal, name: str | None) -> Profile:
        """The profile of that name. Raises `NotFoundError`."""
        profile = self._declared.get(name or DEFAULT)
        if profile is None:
            if name not in (None, DEFAULT):
                raise NotFoundError(f"There is no profile {name!r}.")
            return EVERYTHING
        return profile


def name_in(path: str) -> str:
    """The profile that a path of the door names."""
    return path.removeprefix("/mcp").strip("/") or DEFAULT


def is_from_here(scope: Scope) -> bool:
    """Whether the peer is this very machine; a proxy on it counts, so a profile for it must be meant."""
    client = scope.get("client")
    return client is not None and client[0] in ("127.0.0.1", "::1")
