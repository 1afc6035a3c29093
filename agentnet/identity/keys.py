"""API keys: made, listed, revoked, verified. The store holds a SHA-256 of 256 random bits, never the key."""

import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime, timedelta

from cachetools import LRUCache
from sqlalchemy import or_, tuple_
from sqlmodel import col, select

from agentnet.database import Database
from agentnet.database.tables import ApiKey
from agentnet.errors import ConfigurationError, ConflictError, NotFoundError, UnauthenticatedError
from agentnet.identity.principal import ADMIN, USE, Principal

PREFIX = "ank"
CACHE_SECONDS = 5.0
CACHED_KEYS = 10_000


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


class Keys:
    """The keys of all tenants. A verified key is remembered for `CACHE_SECONDS`: so long a revocation may take."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
        async with self._database.session() as session:
            existing = await session.get(ApiKey, identifier)
            if existing is not None:  # the admin's and AGENTNET_API_KEY are stored at every start
                if existing.hash == _digest(secret) and existing.tenant == tenant:
                    return key
                raise ConflictError(f"There is another key with the id {identifier}.")
            session.add(
                ApiKey(
                    id=identifier,
                    tenant=tenant,
                    name=name,
                    hash=_digest(secret),
                    scopes=scopes or [USE],
                    expires_at=expires,
                )
            )
            await session.commit()
        return key

    async def list(self, tenant: str | None = None, limit: int | None = None, after: str | None = None) -> list[ApiKey]:
        """Keys of `tenant`, or of all, oldest first; so many of them, behind the key with the id `after`."""
        query = select(ApiKey).order_by(col(ApiKey.created_at), col(ApiKey.id)).limit(limit)
        if tenant is not None:
            query = query.where(ApiKey.tenant == tenant)
        async with self._database.session() as session:
            if after is not None:
                last = await session.get(ApiKey, after)
                if last is None or tenant not in (None, last.tenant):
                    raise NotFoundError(f"There is no key {after[:40]}.", hint="`agentnet keys list` shows them.")
                query = query.where(tuple_(col(ApiKey.created_at), col(ApiKey.id)) > (last.created_at, last.id))
            return list((await session.exec(query)).all())

    async def revoke(self, identifier: str, tenant: str | None = None) -> None:
        """Revoke a key for good. Raises `NotFoundError`."""
        async with self._database.session() as session:
            row = await session.get(ApiKey, identifier)
            if row is None or (tenant is not None and row.tenant != tenant):
                raise NotFoundError(f"There is no key {identifier}.", hint="`agentnet keys list` shows them.")
            row.revoked_at = row.revoked_at or datetime.now(UTC)  # the first time counts
            session.add(row)
            await session.commit()
        self._cache.pop(identifier, None)

    async def any_active(self) -> bool:
        """Whether at least one key would be taken."""
        lasts = or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > datetime.now(UTC))
        query = select(ApiKey.id).where(col(ApiKey.revoked_at).is_(None), lasts).limit(1)
        async with self._database.session() as session:
            return (await session.exec(query)).first() is not None

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
        async with self._database.session() as session:
            row = await session.get(ApiKey, identifier)
        if row is None or not _active(row):
            self._cache.pop(identifier, None)  # not kept as missing: made up ids would push real keys out
            return None
        scopes = frozenset(row.scopes) | ({USE} if ADMIN in row.scopes else frozenset())
        entry = (now + CACHE_SECONDS, row.hash, Principal(row.tenant, f"key:{row.id}", scopes))
        self._cache[identifier] = entry
        return entry


def _active(row: ApiKey) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > datetime.now(UTC))
