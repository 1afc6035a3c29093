"""The profiles that tenants' admins stored, read from PostgreSQL and kept for a moment."""

import json

from agentnet.database import Database
from agentnet.database.retry import once
from agentnet.errors import ConflictError, InvalidInputError, NotFoundError
from gateway.http.cache import Cache
from gateway.mcp.messages.profile import Profile
from gateway.mcp.profiles import sql

FRESH_SECONDS = 2.0
"""So long a change may take to be seen everywhere."""
GRACE_SECONDS = 300.0
MAX_PROFILES = 200
"""Of one tenant."""


class ProfileStore:
    """One tenant never sees another's."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._kept: Cache[str, dict[str, Profile]] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)

    async def of(self, tenant: str) -> dict[str, Profile]:
        """The tenant's profiles by name. Raises `DatabaseAwayError`."""

        async def load() -> dict[str, Profile]:
            rows = await once(lambda: self._pool.fetch(sql.LIST_PROFILES, tenant))
            return {row["name"]: Profile.model_validate(json.loads(row["definition"])) for row in rows}

        return await self._kept.get(tenant, load)

    async def put(self, tenant: str, profile: Profile) -> None:
        """Store a profile, in place of the one of that name. Raises `InvalidInputError`, `ConflictError`."""
        if profile.anonymous:
            raise InvalidInputError("Only the operator's file of profiles can admit callers without a key.")
        if await self._pool.fetchval(sql.COUNT_OTHER_PROFILES, tenant, profile.name) >= MAX_PROFILES:
            raise ConflictError(f"A tenant has at most {MAX_PROFILES} profiles.")
        for other in (await self.of(tenant)).values():
            twice = set(other.keys) & set(profile.keys)
            if twice and other.name != profile.name:
                raise ConflictError(f"The key {min(twice)} is bound to the profile {other.name!r} already.")
        await self._pool.execute(sql.PUT_PROFILE, tenant, profile.name, profile.model_dump_json())
        self._kept.forget(tenant)

    async def remove(self, tenant: str, name: str) -> None:
        """Delete a profile. Raises `NotFoundError`."""
        if await self._pool.fetchval(sql.DELETE_PROFILE, tenant, name) is None:
            raise NotFoundError(f"There is no profile {name!r}.")
        self._kept.forget(tenant)
