"""Which profile a caller gets, and who the caller is where a profile admits callers without a key."""

import json

from mcp_types.jsonrpc import INVALID_REQUEST
from starlette.types import Scope

from agentnet.database import Database
from agentnet.database.retry import once
from agentnet.errors import ConflictError, InvalidInputError, NotFoundError
from agentnet.frame.access import principal_of
from agentnet.frame.authentication import credential_of
from agentnet.identity import Principal
from agentnet.identity.principal import USE
from gateway.http.cache import Cache
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.profile import ANONYMOUS, DEFAULT, Profile
from gateway.mcp.profiles import sql

EVERYTHING = Profile()
ANONYMOUS_TENANT = "default"
KEY_PREFIX = "key:"
FRESH_SECONDS = 2.0
"""So long a change may take to be seen everywhere."""
GRACE_SECONDS = 300.0
MAX_PROFILES = 200
"""Of one tenant."""


class ProfileStore:
    """The profiles that tenants' admins stored, kept for a moment. One tenant never sees another's."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._kept: Cache[str, dict[str, Profile]] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)

    async def of(self, tenant: str) -> dict[str, Profile]:
        """The tenant's profiles by name. Raises `DatabaseAwayError`."""
        if (kept := self._kept.at_hand(tenant)) is not None:
            return kept

        async def load() -> dict[str, Profile]:
            rows = await once(lambda: self._pool.fetch(sql.LIST_PROFILES, tenant))
            return {row["name"]: Profile.model_validate(json.loads(row["definition"])) for row in rows}

        return await self._kept.get(tenant, load)

    async def put(self, tenant: str, profile: Profile) -> None:
        """Store a profile, in place of the one of that name. Raises `InvalidInputError`, `ConflictError`."""
        if profile.anonymous:
            raise InvalidInputError("Only the operator's file of profiles can admit callers without a key.")
        known = {row["id"] for row in await self._pool.fetch(sql.KNOWN_KEYS, tenant, profile.keys)}
        # Another tenant's is not told from one that there is not.
        if unknown := [key for key in profile.keys if key not in known]:
            raise InvalidInputError(
                f"There is no key {unknown[0][:80]!r}.", hint="`agentnet keys list` shows their ids."
            )
        if await self._pool.fetchval(sql.COUNT_OTHER_PROFILES, tenant, profile.name) >= MAX_PROFILES:
            raise ConflictError(f"A tenant has at most {MAX_PROFILES} profiles.")
        for other in (await self.of(tenant)).values():
            twice = set(other.keys) & set(profile.keys)
            if twice and other.name != profile.name:
                raise ConflictError(f"The key {min(twice)} is bound to the profile {other.name!r} already.")
        await self._pool.execute(sql.PUT_PROFILE, tenant, profile.name, profile.model_dump_json())
        self._kept.forget(tenant)

    async def remove(self, tenant: str, name: str) -> None:
        """Delete a profile. Raises `NotFoundError`; `ConflictError` while it binds keys that hold, for they would see
        everything from then on."""
        bound = [row["id"] for row in await self._pool.fetch(sql.BOUND_KEYS, tenant, name)]
        if bound:
            raise ConflictError(
                f"The profile {name!r} binds keys that hold: {', '.join(bound)}. Without it they would see everything.",
                hint="Revoke them first (`agentnet keys revoke ID`), or store the profile without them.",
            )
        if await self._pool.fetchval(sql.DELETE_PROFILE, tenant, name) is None:
            raise NotFoundError(f"There is no profile {name!r}.")
        self._kept.forget(tenant)


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
        # At /mcp too: a binding that the address takes away binds nobody.
        bound = next((each for each in (*stored.values(), *self._declared.values()) if _binds(each, principal)), None)
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
