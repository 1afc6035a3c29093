"""The entries of the registry: what may be registered and by whom, and what a tenant sees of it."""

import difflib
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from cachetools import LRUCache
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agentnet.database import Database
from agentnet.database.commit import GroupCommit
from agentnet.database.retry import retried
from agentnet.discovery.directory import Kind
from agentnet.errors import BusyError, ForbiddenError, InvalidInputError, NotFoundError, TooLargeError
from agentnet.identity import Principal
from agentnet.identity.principal import SERVICE
from agentnet.manifests.manifest import NAME_PATTERN
from registry import sql
from registry.found import Found
from registry.search import CONNECTIONS, SEARCH_SECONDS, Search
from registry.words import plain

MAX_DOCUMENT_BYTES = 256 * 1024
MAX_WORDS_BYTES = 16 * 1024
MAX_SKILLS = 256
MAX_INSTANCES = 1000
MAX_RESULTS = 50
MAX_NEED_CHARACTERS = 16 * 1024
KEPT_AFTER_EXPIRY_SECONDS = 3600.0
ROTATIONS = 10_000
MAX_LABELS = 1024
NEIGHBOURS = 4
"""Names that are taken on each side of one that is not there."""
MAX_NAME = 64
NEAREST = 3
NEAR_ENOUGH = 0.4
"""Of 1, as `difflib` measures it."""

_NO_NAME = re.compile(r"[^a-z0-9-]+")

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Instance = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@+-]{1,128}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Registration(BaseModel):
    """What an instance says of itself, and for how long it may be believed. Unknown fields are of newer services."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    name: Name
    instance: Instance
    tenant: str = Field(default="*", min_length=1, max_length=128)
    url: str = Field(max_length=2048, pattern=r"^https?://[^\s/?#]+[^\s]*$")
    description: str = Field(default="", max_length=4000)
    skills: list[Label] = Field(default_factory=list[str], max_length=MAX_SKILLS)
    words: str = ""
    document: dict[str, Any] = Field(default_factory=dict[str, Any])
    lease_seconds: float = Field(ge=1, le=3600)


class Need(BaseModel):
    """A search. An empty text lists all."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(default="", max_length=MAX_NEED_CHARACTERS)
    kind: Kind = "agent"
    limit: int = Field(default=5, ge=1, le=MAX_RESULTS)


class Entries:
    """The registry over one database. Any number of replicas may stand on the same.

    Heartbeats go together, over a connection of their own; searches have a pool of their own.
    """

    def __init__(self, database: Database, search: Search) -> None:
        self._pool = database.pool
        self._search = search
        self._renewing = database.line()
        self._renewals: GroupCommit[UUID, datetime | None] = GroupCommit(self._renew)
        self._turns: LRUCache[tuple[str, str], Iterator[int]] = LRUCache(ROTATIONS)

    @classmethod
    async def open(cls, database: Database) -> "Entries":
        """The registry over `database`."""
        return cls(database, Search(await database.pool_apart(CONNECTIONS, SEARCH_SECONDS)))

    async def renewed(self, principal: Principal, kind: str, name: str, digest: UUID) -> datetime | None:
        """Renew the lease of what was registered under `digest`: until when; None where nothing was.

        Raises `ForbiddenError` for anyone but the service itself.
        """
        _check_owner(principal, kind, name)
        return await self._renewals.submit(digest)

    async def register(self, principal: Principal, registration: Registration, digest: UUID | None = None) -> datetime:
        """Register what is new or changed, and return when the lease runs out; `renewed` takes the same `digest`.

        Raises `ForbiddenError` for anyone but the service itself, `TooLargeError`, and `BusyError` when the name has
        too many live instances.
        """
        _check_owner(principal, registration.kind, registration.name)
        document = _checked_document(registration)
        until: datetime | None = await self._pool.fetchval(
            sql.REGISTER,
            registration.kind,
            registration.name,
            registration.instance,
            registration.tenant,
            registration.url,
            registration.description,
            json.dumps(registration.skills),
            document,
            _search_words(registration),
            digest or digest_of(registration.model_dump_json().encode()),
            registration.lease_seconds,
            MAX_INSTANCES,
            _labels(registration),
        )
        if until is None:
            raise BusyError(
                f"There are {MAX_INSTANCES} instances of {registration.name} already.",
                retry_after=registration.lease_seconds,
            )
        return until

    async def deregister(self, principal: Principal, kind: str, name: str, instance: str) -> None:
        """Take an instance off; one that is not there is fine. Raises `ForbiddenError`."""
        _check_owner(principal, kind, name)
        await self._pool.execute(sql.DEREGISTER, kind, name, instance)

    async def live(self, tenant: str, kind: Kind, limit: int, after: str = "") -> list[Found]:
        """Live entries of a kind that the tenant sees, by name, behind the name `after`."""
        return [self._entry(kind, row) for row in await self._pool.fetch(sql.LIST, kind, tenant, after, limit)]

    async def get(self, tenant: str, kind: Kind, name: str) -> Found:
        """The live entry of that name. Raises `NotFoundError`, the same for another tenant's, see `unknown`."""
        row = await self._pool.fetchrow(sql.GET, kind, tenant, name)
        if row is None:
            raise await self.unknown(tenant, kind, name)
        return self._entry(kind, row)

    async def unknown(self, tenant: str, kind: Kind, name: str) -> NotFoundError:
        """That there is no such name now.

        With `known` for one that there was: its instances may all be starting. For others with `nearest`, those like it
        among the ones that begin or end like it.
        """
        said = f"There is no live {kind} {name[:MAX_NAME]!r}."
        like = _NO_NAME.sub("-", name[:MAX_NAME].lower())
        if like == name and await self._pool.fetchval(sql.KNOWN, kind, tenant, name):
            return NotFoundError(said, known=True)
        rows = await self._pool.fetch(sql.NEAR, kind, tenant, like, NEIGHBOURS)
        nearest = difflib.get_close_matches(like, sorted(row["name"] for row in rows), NEAREST, NEAR_ENOUGH)
        return NotFoundError(said, nearest=", ".join(nearest)) if nearest else NotFoundError(said)

    async def search(self, tenant: str, need: Need) -> list[Found]:
        """Live entries that fit the need, best first, with scores; the first by name, without, for an empty text."""
        if not need.text.strip():
            return await self.live(tenant, need.kind, need.limit)
        found = await self._search.find(tenant, need.text, need.kind, need.limit)
        return [self._entry(need.kind, row, score=round(score, 1)) for row, score in found]

    async def sweep(self) -> int:
        """Delete some of what ran out long ago; the number of rows deleted."""
        return int(await self._pool.fetchval(sql.SWEEP, KEPT_AFTER_EXPIRY_SECONDS))

    async def ping(self) -> None:
        """Raises what asyncpg raises when the database does not answer."""
        await self._pool.fetchval(sql.PING)

    async def _renew(self, digests: list[UUID]) -> list[datetime | None]:
        rows = await retried(lambda: self._renewing.fetch(sql.RENEW, digests))
        until = {row["digest"]: row["lease_until"] for row in rows}
        return [until.get(digest) for digest in digests]

    def _entry(self, kind: Kind, row: asyncpg.Record, score: float | None = None) -> Found:
        urls = sorted(set(row["urls"]))
        return Found(
            kind=kind,
            name=row["name"],
            tenant=row["tenant"],
            # A reader that takes one address, as a delegation does, gets another with each look.
            url=urls[self._turn(kind, row["name"]) % len(urls)] if len(urls) > 1 else urls[0],
            urls=urls,
            description=row["description"],
            skills_json=row["skills"],
            document_json=row["document"],
            score=score,
        )

    def _turn(self, kind: str, name: str) -> int:
        return next(self._turns.setdefault((kind, name), itertools.count()))


def digest_of(*parts: str | bytes) -> UUID:
    """Names what is registered: the same bytes under the same address, and nothing else."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode() + b"\0")
    return UUID(bytes=digest.digest()[:16])


def _check_owner(principal: Principal, kind: str, name: str) -> None:
    """A service speaks for itself only: `service:agent:writer` registers the agent `writer` and nothing else."""
    subjects = {f"service:{kind}:{name}"}
    if kind == name:
        subjects.add(f"service:{kind}")  # as `Service.label` shortens it
    if SERVICE not in principal.scopes or principal.subject not in subjects:
        raise ForbiddenError(f"Only the service {kind}:{name} itself may register it.")


def _checked_document(registration: Registration) -> str:
    document = json.dumps(registration.document, ensure_ascii=False, separators=(",", ":"))
    _check_size("document", document, MAX_DOCUMENT_BYTES)
    _check_size("words", registration.words, MAX_WORDS_BYTES)
    return document


def _check_size(field: str, text: str, limit: int) -> None:
    try:
        # JSON can hold half of a surrogate pair, and PostgreSQL, whose texts are UTF-8, cannot.
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInputError(f"{field}: holds half of a surrogate pair.") from None
    if size > limit:
        raise TooLargeError(f"{field}: is over the limit of {limit} bytes.", limit=limit)


def _labels(registration: Registration) -> list[str]:
    """Skill ids and tags; a document may hold anything in their place."""
    listed = registration.document.get("skills")
    skills = [skill for skill in listed if isinstance(skill, dict)] if isinstance(listed, list) else []
    tags = [tag for skill in skills if isinstance(skill.get("tags"), list) for tag in skill["tags"]]
    labels = [*registration.skills, *(tag for tag in tags if isinstance(tag, str))]
    return list(dict.fromkeys(plain(label) for label in labels))[:MAX_LABELS]


def _search_words(registration: Registration) -> str:
    """Everything in plain words; name and description stand in columns of their own as well, and count for more."""
    return plain(" ".join((registration.name, registration.description, *registration.skills, registration.words)))
