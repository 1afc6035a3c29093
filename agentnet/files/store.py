"""Files of a tenant, kept in PostgreSQL and found by the hash of their content, so that any service can read them.

A file is named to models and tools by its URI, `agentnet-file:<id>/<name>`; a tool server reads it for the tenant of
the token that it was called with, and no other.
"""

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from agentnet.database import Database
from agentnet.database.retry import LONG_PAUSES, retried
from agentnet.errors import InvalidInputError, NotFoundError, TooLargeError
from agentnet.files.names import clean_name

SCHEME = "agentnet-file"
ID_CHARACTERS = 32
URI_PATTERN = re.compile(rf"{SCHEME}:([0-9a-f]{{{ID_CHARACTERS}}})/([^\s/]+)")

# Store a file, or make the one that is there young again; and note the task that holds it.
_PUT = """
WITH kept AS (
    INSERT INTO files (tenant, id, name, media_type, size, body) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant, id) DO UPDATE SET created_at = now()
)
INSERT INTO file_uses (task_id, file_id, tenant) SELECT $7, $2, $1 WHERE $7::uuid IS NOT NULL ON CONFLICT DO NOTHING
"""
_HAS = "SELECT EXISTS (SELECT FROM files WHERE tenant = $1 AND id = $2)"
_GET = "SELECT media_type, size, body FROM files WHERE tenant = $1 AND id = $2"


@dataclass(frozen=True, slots=True)
class FileRef:
    """A stored file without its content."""

    id: str
    name: str
    media_type: str
    size: int

    @property
    def uri(self) -> str:
        """How models and tools name it."""
        return f"{SCHEME}:{self.id}/{self.name}"


class FileStore:
    """Puts and gets files; a body over `max_bytes` is refused with the limit named."""

    def __init__(self, database: Database, max_bytes: int) -> None:
        self._pool = database.pool
        self.max_bytes = max_bytes

    async def put(self, tenant: str, name: str, media_type: str, body: bytes, task_id: UUID | None = None) -> FileRef:
        """Store a file; the same content under the same tenant is stored once. Raises `TooLargeError`.

        With `task_id` it goes when that task and all others that hold it are forgotten; without, it stays.
        """
        if len(body) > self.max_bytes:
            raise TooLargeError(
                f"The file {name!r} has {len(body)} bytes; the limit is {self.max_bytes} bytes.", limit=self.max_bytes
            )
        ref = FileRef(hashlib.sha256(body).hexdigest()[:ID_CHARACTERS], clean_name(name), media_type, len(body))
        row = (tenant, ref.id, ref.name, ref.media_type, ref.size, body, task_id)
        # May be done twice: the id is the content's hash.
        await retried(lambda: self._pool.execute(_PUT, *row), LONG_PAUSES)
        return ref

    async def get(self, tenant: str, uri: str) -> tuple[FileRef, bytes]:
        """A file and its content. Raises `InvalidInputError` for a wrong URI, `NotFoundError`."""
        match = URI_PATTERN.fullmatch(uri)
        if match is None:
            raise InvalidInputError(f"{uri!r} is not a file URI of the form {SCHEME}:<id>/<name>.")
        row = await retried(lambda: self._pool.fetchrow(_GET, tenant, match[1]), LONG_PAUSES)
        if row is None:
            raise NotFoundError(f"There is no file {uri}.")
        return FileRef(match[1], match[2], row["media_type"], row["size"]), row["body"]

    async def has(self, tenant: str, uri: str) -> bool:
        """Whether there is a file of that URI; what it holds never changes."""
        match = URI_PATTERN.fullmatch(uri)
        return match is not None and bool(
            await retried(lambda: self._pool.fetchval(_HAS, tenant, match[1]), LONG_PAUSES)
        )
