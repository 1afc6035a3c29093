"""API keys: made, listed, revoked, verified. The store holds a SHA-256 of 256 random bits, never the key."""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from cachetools import LRUCache

from agentnet.database import Database
from agentnet.database.retry import once
from agentnet.errors import ConfigurationError, ConflictError, NotFoundError, UnauthenticatedError
from agentnet.identity.principal import ADMIN, USE, Principal

PREFIX = "ank"
CACHE_SECONDS = 5.0
CACHED_KEYS = 10_000

# Store a key, unless there is one of that id.
_ADD = """
INSERT INTO api_keys (id, tenant, name, hash, scopes, expires_at) VALUES ($1, $2, $3, $4, $5::jsonb, $6)
ON CONFLICT (id) DO NOTHING RETURNING id
"""

_GET = "SELECT id, tenant, name, hash, scopes, created_at, expires_at, revoked_at FROM api_keys"

# The key of an id.
_OF_ID = f"{_GET} WHERE id = $1"

# All keys, and those of tenant $4: $1 of them in the order of their list, behind the key that $2 and $3 name.
_BEHIND = "(created_at, id) > (coalesce($2, '-infinity'::timestamptz), coalesce($3, ''))"
_ORDER = "ORDER BY created_at, id LIMIT $1"
_ALL = f"{_GET} WHERE {_BEHIND} {_ORDER}"
_OF_TENANT = f"{_GET} WHERE tenant = $4 AND {_BEHIND} {_ORDER}"

# Revoke a key for good; the first time counts.
_REVOKE = """
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)
RETURNING id
"""

# Whether at least one key would be taken.
_ANY_ACTIVE = """
SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))
"""


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def parse_key(key: str) -> tuple[str, str] | None:
    """Id and secret of a key; None where it has not the form of one."""
    prefix, _, rest = key.partition("_")
    identifier, _, secret = rest.partition("_")
    return (identifier, secret) if prefix == PREFIX and identifier and len(secret) >= 32 else None


def generate_key() -> str:
    """A new key in its full form, `ank_<id>_<secret>`; stored nowhere yet."""
    return f"{PREFIX}_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored: without its secret part, of which there is only the hash."""

    id: str
    tenant: str
    name: str
    hash: bytes
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: asyncpg.Record) -> "StoredKey":
        """The key of a row."""
        return cls(**{**row, "scopes": json.loads(row["scopes"])})

    @property
    def is_active(self) -> bool:
        """Whether it would be taken now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > datetime.now(UTC))


class Keys:
    """The keys of all tenants. A verified key is remembered for `CACHE_SECONDS`: so long a revocation may take."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._cache: LRUCache[str, tuple[float, bytes, Principal]] = LRUCache(CACHED_KEYS)

    async def create(
        self,
        tenant: str,
        name: str,
        *,
        scopes: list[str] | None = None,
        days: int | None = None,
        key: str | None = None,
    ) -> str:
        """Store a key and return it in full, for the only time. `key` stores one that was made elsewhere.

        Raises `ConfigurationError` when `key` has the wrong form, `ConflictError` when its id is taken.
        """
        key = key or generate_key()
        parsed = parse_key(key)
        if parsed is None:
            raise ConfigurationError(
                "The API key does not have the form ank_<id>_<secret of 32 characters or more>.",
                hint="`agentnet keys generate` prints one.",
            )
        identifier, secret = parsed
        expires = datetime.now(UTC) + timedelta(days=days) if days is not None else None
        digest = _digest(secret)
        row = (identifier, tenant, name, digest, json.dumps(scopes or [USE]), expires)
        if await once(lambda: self._pool.fetchval(_ADD, *row)) is None:
            stored = await self._get(identifier)  # the admin's and AGENTNET_API_KEY are stored at every start
            if stored is None or (stored.hash, stored.tenant) != (digest, tenant):
                raise ConflictError(f"There is another key with the id {identifier}.")
        return key

    async def list(
        self, tenant: str | None = None, limit: int | None = None, after: str | None = None
    ) -> list[StoredKey]:
        """Keys of `tenant`, or of all, oldest first; so many of them, behind the key with the id `after`.

        Raises `NotFoundError` when there is no such key.
        """
        last = None
        if after is not None:
            last = await self._get(after)
            if last is None or tenant not in (None, last.tenant):
                raise NotFoundError(f"There is no key {after[:40]}.", hint="`agentnet keys list` shows them.")
        page = (limit, last.created_at if last else None, last.id if last else None)
        query, values = (_ALL, page) if tenant is None else (_OF_TENANT, (*page, tenant))
        return [StoredKey.of(row) for row in await once(lambda: self._pool.fetch(query, *values))]

    async def revoke(self, identifier: str, tenant: str | None = None) -> None:
        """Revoke a key for good. Raises `NotFoundError`."""
        if await once(lambda: self._pool.fetchval(_REVOKE, identifier, tenant)) is None:
            raise NotFoundError(f"There is no key {identifier}.", hint="`agentnet keys list` shows them.")
        self._cache.pop(identifier, None)

    async def any_active(self) -> bool:
        """Whether at least one key would be taken."""
        return bool(await once(lambda: self._pool.fetchval(_ANY_ACTIVE)))

    async def verify(self, key: str) -> Principal:
        """The principal of `key`. Raises `UnauthenticatedError`, the same for a wrong, expired and revoked key."""
        parsed = parse_key(key)
        if parsed is None:
            raise UnauthenticatedError("The API key is not valid.")
        identifier, secret = parsed
        digest = _digest(secret)
        now = time.monotonic()
        cached = self._cache.get(identifier)
        if cached is None or cached[0] < now:
            cached = await self._load(identifier, now)
        # In the same time however much of it is right. A fast hash will do: a key is 256 random bits, no password.
        if cached is None or not hmac.compare_digest(cached[1], digest):
            raise UnauthenticatedError("The API key is not valid.")
        return cached[2]

    async def _load(self, identifier: str, now: float) -> tuple[float, bytes, Principal] | None:
        key = await self._get(identifier)
        if key is None or not key.is_active:
            self._cache.pop(identifier, None)  # not kept as missing: made up ids would push real keys out
            return None
        scopes = frozenset(key.scopes) | ({USE} if ADMIN in key.scopes else frozenset())
        entry = (now + CACHE_SECONDS, key.hash, Principal(key.tenant, f"key:{key.id}", scopes))
        self._cache[identifier] = entry
        return entry

    async def _get(self, identifier: str) -> StoredKey | None:
        row = await once(lambda: self._pool.fetchrow(_OF_ID, identifier))
        return StoredKey.of(row) if row else None
