"""The library: documents in PostgreSQL, put in from folders, searched and read for a tenant."""

import asyncio
import difflib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from agentnet.database import Database
from agentnet.errors import AgentNetError, InvalidInputError, NotFoundError
from agentnet.ids import uuid7
from mcp_servers.knowledge import sql
from mcp_servers.knowledge.folders import Document, Folder, Located, hash_of, read

NO_DOCUMENTS = (
    "No documents are loaded, so there is nothing to search or read. The operator loads a folder with "
    "`agentnet up --knowledge DIR` or the setting AGENTNET_KNOWLEDGE_DIRS."
)
MAX_LISTED = 500
SUGGESTED = 5000
ASKING = "according docs document documentation explain guide handbook happen manual mention say tell"
"""Words of the asking. "What does the documentation say about leases?" asks for leases: the passage about them has
neither "documentation" nor "say", and where few passages have, these two would outweigh what is asked for."""

logger = logging.getLogger(__name__)

_OPERATORS = re.compile(r'"|\sor\s', re.IGNORECASE)
_REFUSED = re.compile(r'(?:^|(?<=\s))-(?:\w+|"[^"]*")')


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found."""

    source: str
    heading: str
    line: int
    text: str
    score: float
    """0 to 1; comparable within one search only."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A document in a list."""

    source: str
    title: str
    shared: bool
    passages: int
    characters: int
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Text:
    """A document with its text."""

    source: str
    title: str
    text: str


@dataclass(slots=True)
class Ingested:
    """What an ingestion did, as sources."""

    added: list[str] = field(default_factory=list[str])
    unchanged: int = 0
    removed: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    """Sentences, one for each document that could not be read."""
    partial: list[str] = field(default_factory=list[str])
    """Sentences, one for each new document of which a part could not be read."""


class Library:
    """The documents of all tenants; every call is for one.

    Only those below `folders` are seen: what an operator names no longer is kept, and answered from by nobody.
    """

    def __init__(self, database: Database, folders: Sequence[Folder]) -> None:
        self._pool = database.pool
        self._prefixes = [folder.prefix for folder in folders]

    async def ingest(self, tenant: str, folder: Folder) -> Ingested:
        """Bring the documents of `folder` up to date for `tenant`. Replicas may do it at the same time.

        Raises `TooLargeError` when the folder has too many documents; what cannot be read is in the result.
        """
        located = await asyncio.to_thread(folder.documents)
        known = {row["source"]: row["hash"] for row in await self._pool.fetch(sql.HASHES, tenant, folder.prefix)}
        result = Ingested()
        for item in located:
            await self._take(tenant, item, known.get(item.source), result)
        names = [item.source for item in located]
        gone = await self._pool.fetch(sql.DELETE_MISSING, tenant, folder.prefix, names)
        result.removed.extend(row["source"] for row in gone)
        return result

    async def _take(self, tenant: str, item: Located, known: str | None, result: Ingested) -> None:
        try:
            if known == await asyncio.to_thread(hash_of, item):
                result.unchanged += 1
                return
            document = await asyncio.to_thread(read, item)
            stored = await self._store(tenant, document)
        except AgentNetError as error:
            result.failed.append(str(error))
        except OSError as error:
            result.failed.append(f"{item.source} cannot be read: {error.strerror}.")
        except asyncpg.DataError as error:
            result.failed.append(f"{item.source} cannot be stored: {error}.")
        except Exception as error:
            # Whatever one document does to the code that reads it, the others are ingested.
            if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
                raise
            logger.exception("%s is not ingested", item.source)
            result.failed.append(f"{item.source} cannot be read ({type(error).__name__}).")
        else:
            if stored:
                result.added.append(document.source)
                result.partial.extend(filter(None, [document.missing]))
            else:
                result.unchanged += 1

    async def _store(self, tenant: str, document: Document) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            row = (tenant, document.source, document.title, document.hash, document.text)
            identifier = await connection.fetchval(sql.UPSERT_DOCUMENT, uuid7(), *row)
            if identifier is None:
                return False
            await connection.execute(sql.DELETE_PASSAGES, identifier)
            await connection.execute(
                sql.INSERT_PASSAGES,
                identifier,
                tenant,
                [passage.heading for passage in document.passages],
                [passage.first_line for passage in document.passages],
                [passage.text for passage in document.passages],
            )
            return True

    async def search(self, tenant: str, query: str, limit: int) -> list[Hit]:
        """The passages that fit `query` best. Raises `InvalidInputError` when it has no word to look for."""
        strict, loose = await self._queries(_REFUSED.sub(" ", query), ASKING)
        if not loose:
            raise InvalidInputError(
                "The query has no word to look for.", hint="Use words that the passage should contain."
            )
        _, refused = await self._queries(" ".join(_REFUSED.findall(query)))
        without = f" & !({refused})" if refused else ""
        exact = _OPERATORS.search(query) and strict
        rows = await self._matches(tenant, f"({strict}){without}", loose, limit) if exact else []
        # Nothing holds the words as they stand: those that hold some are better than none.
        rows = rows or await self._matches(tenant, f"({loose}){without}", loose, limit)
        return [
            Hit(row["source"], row["heading"], row["first_line"], row["text"], round(row["score"], 3)) for row in rows
        ]

    async def _queries(self, text: str, asking: str = "") -> tuple[str, str]:
        row = await self._pool.fetchrow(sql.QUERIES, text, asking)
        return (row["strict"], row["loose"]) if row else ("", "")

    async def _matches(self, tenant: str, matching: str, loose: str, limit: int) -> "list[asyncpg.Record]":
        return await self._pool.fetch(sql.SEARCH, tenant, self._prefixes, matching, loose, limit)

    async def documents(self, tenant: str) -> list[Shelved]:
        """The documents that `tenant` sees, by source, at most `MAX_LISTED`."""
        return [Shelved(**row) for row in await self._pool.fetch(sql.DOCUMENTS, tenant, self._prefixes, MAX_LISTED)]

    async def is_empty(self, tenant: str) -> bool:
        """Whether `tenant` sees no document at all."""
        return not await self._pool.fetch(sql.SOURCES, tenant, self._prefixes, 1)

    async def document(self, tenant: str, source: str) -> Text:
        """A document. Raises `NotFoundError` with the nearest source."""
        row = await self._pool.fetchrow(sql.DOCUMENT, tenant, self._prefixes, source)
        if row is None:
            raise NotFoundError(f"There is no document {source!r}.", hint=await self._hint(tenant, source))
        return Text(row["source"], row["title"], row["text"])

    async def _hint(self, tenant: str, source: str) -> str:
        known = [row["source"] for row in await self._pool.fetch(sql.SOURCES, tenant, self._prefixes, SUGGESTED)]
        if not known:
            return NO_DOCUMENTS
        tails = {name.rpartition("/")[2].lower(): name for name in known}
        wanted = source.rpartition("/")[2].lower()
        near = difflib.get_close_matches(source, known, n=1) or [
            tails[tail] for tail in difflib.get_close_matches(wanted, tails, n=1)
        ]
        return f"Perhaps {near[0]} is meant." if near else "list_documents names all."
