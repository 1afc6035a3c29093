"""Where tables come from: the tenant's task log, files that were sent or made, and files inside the data folders."""

import asyncio
import difflib
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from uuid import UUID

from agentnet.database import Database
from agentnet.errors import NotFoundError, TooLargeError
from agentnet.files.names import clean_name
from agentnet.files.store import SCHEME, URI_PATTERN, FileStore
from mcp_servers.data import sql
from mcp_servers.data.models import Table
from mcp_servers.data.recognition import FORMATS, MEDIA_TYPES, recognize

TASK_LOG = "task_log"
MAX_TASKS = 10_000
MAX_SOURCES = 8
MAX_LISTED = 200
MAX_SCANNED = 5000
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """A source that can be named."""

    source: str
    kind: str
    """`tasks`, `file` or `path`."""
    size: int
    """Bytes, or rows of the task log."""


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom sources are found and opened."""

    tenant: str
    task_id: UUID | None = None
    """The task whose files are found by their names; without one those of no task are, and no others."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Opens sources for a tenant; everything else is as if it were not there.

    A name means a file of the asker's own conversation, then one that all of the tenant have, then one in a folder. One
    of another conversation, which may be called the same, is opened by its URI alone.
    """

    database: Database
    files: FileStore
    roots: Sequence[Path]

    async def find(self, asker: Asker) -> list[Found]:
        """All that `asker` can name, what is nearest first."""
        pool = self.database.pool
        tasks = await pool.fetchval(sql.TASK_COUNT, asker.tenant, MAX_TASKS)
        named = (asker.tenant, asker.task_id, MAX_LISTED, list(FORMATS), list(MEDIA_TYPES))
        rows = await pool.fetch(sql.FILES, *named)
        files = [Found(f"{SCHEME}:{row['id']}/{row['name']}", "file", row["size"]) for row in rows]
        paths = await asyncio.to_thread(self._paths)
        return [Found(TASK_LOG, "tasks", tasks), *files, *paths][:MAX_LISTED]

    @asynccontextmanager
    async def open(self, asker: Asker, sources: Sequence[str]) -> AsyncIterator[tuple[Table, ...]]:
        """The tables of `sources`, for as long as the block runs.

        Raises `NotFoundError`, `InvalidInputError` and `TooLargeError`, each naming the source.
        """
        wanted = list(dict.fromkeys(source.strip() for source in sources))
        if len(wanted) > MAX_SOURCES:
            raise TooLargeError(f"{len(wanted)} sources are named; the limit is {MAX_SOURCES} in one call.")
        # Files get names of our own in it: what a caller wrote as a path never reaches SQL.
        with tempfile.TemporaryDirectory(prefix="agentnet-data-", ignore_cleanup_errors=True) as folder:
            tables: list[Table] = []
            for source in wanted:
                taken = {table.name for table in tables}
                tables.append(await self._table(asker, source, Path(folder) / f"table-{len(tables)}", taken))
            yield tuple(tables)

    async def _table(self, asker: Asker, source: str, path: Path, taken: set[str]) -> Table:
        if source.lower().replace(" ", "_") == TASK_LOG:
            await self._export_tasks(asker.tenant, path)
            return Table(name=TASK_LOG, label=TASK_LOG, path=str(path), format="csv", types=sql.TASK_LOG_TYPES)
        label, media_type, sheet = await self._fetch(asker, source, path)
        kind = await asyncio.to_thread(recognize, path, label, media_type)
        return Table(name=table_name(label, taken), label=label, path=str(path), format=kind, sheet=sheet)

    async def _fetch(self, asker: Asker, source: str, path: Path) -> tuple[str, str, str | None]:
        """Put the file of `source` at `path`. Returns its name, its media type, and the sheet that is meant."""
        for name, sheet in _readings(source):
            meant = await self._meant(asker, name)
            if isinstance(meant, Path):
                # DuckDB reads * and [ in a path as a pattern; the link has neither.
                await asyncio.to_thread(path.symlink_to, meant)
                return meant.name, "", sheet
            if meant is not None:
                ref, body = await self.files.get(asker.tenant, meant)
                await asyncio.to_thread(path.write_bytes, body)
                return unquote(ref.name), ref.media_type, sheet
        raise NotFoundError(f"There is no source {source!r}.", hint=await self._hint(asker, source))

    async def _meant(self, asker: Asker, name: str) -> Path | str | None:
        """What `name` means: a file in a folder, or the URI of one that is stored: people name what they sent."""
        if URI_PATTERN.fullmatch(name):
            return name
        row = await self.database.pool.fetchrow(sql.NAMED_FILE, asker.tenant, asker.task_id, clean_name(name))
        uri = f"{SCHEME}:{row['id']}/{row['name']}" if row else None
        # A folder is everybody's: what the tenant has of that name is nearer. Who says a path means it.
        if uri and "/" not in name:
            return uri
        return await asyncio.to_thread(self._inside, name) or uri

    async def _export_tasks(self, tenant: str, path: Path) -> None:
        async with self.database.pool.acquire() as connection:
            # COPY writes the file as rows come: none of them is held here.
            await connection.copy_from_query(sql.TASK_LOG, tenant, MAX_TASKS, output=path, format="csv", header=True)

    def _inside(self, source: str) -> Path | None:
        named = Path(source)
        for root in (root.resolve() for root in self.roots):
            for candidate in (named if named.is_absolute() else root / named, root.parent / named):
                file = candidate.resolve()
                # Looked at after links and .. are gone.
                if file.is_relative_to(root) and file.is_file():
                    return _sized(file, source)
        return None

    async def _hint(self, asker: Asker, source: str) -> str:
        known = {Path(found.source).name.lower(): found.source for found in await self.find(asker)}
        near = difflib.get_close_matches(Path(source).name.lower(), known, n=1, cutoff=0.6)
        if near:
            return f"Perhaps {known[near[0]]} is meant; list_sources names all."
        return f"list_sources names all; a file of another conversation is named by its URI, {SCHEME}:<id>/<name>."

    def _paths(self) -> list[Found]:
        found: list[Found] = []
        for root in (root.resolve() for root in self.roots):
            for scanned, file in enumerate(root.rglob("*")):
                if scanned >= MAX_SCANNED or len(found) >= MAX_LISTED:
                    break
                real = file.resolve()
                if file.suffix.lower() in FORMATS and real.is_file() and real.is_relative_to(root):
                    found.append(Found(file.relative_to(root).as_posix(), "path", real.stat().st_size))
        return sorted(found, key=lambda item: item.source)


def table_name(name: str, taken: set[str]) -> str:
    """A name for SQL: the file's without its ending, in lower case, unlike those taken."""
    stem = re.sub(r"\W+", "_", Path(name).stem.lower()).strip("_") or "data"
    stem = f"t_{stem}" if stem[0].isdigit() else stem
    number = 1
    while (candidate := stem if number == 1 else f"{stem}_{number}") in taken:
        number += 1
    return candidate


def mentioned(statement: str, found: Sequence[Found]) -> list[str]:
    """The sources that a statement speaks of, by their URI or by the name of their table."""
    uris = [match[0] for match in re.finditer(URI_PATTERN.pattern.replace(r"[^\s/]", r"[^\s/'\"]"), statement)]
    words = set(re.findall(r"\w+", statement.lower()))
    named: dict[str, str] = {}
    for item in found:
        if item.source not in uris and (name := _name_of(item)) in words:
            named.setdefault(name, item.source)  # of several that are called the same the nearest, which comes first
    return [*uris, *named.values()][:MAX_SOURCES]


def _name_of(found: Found) -> str:
    return found.source if found.kind == "tasks" else table_name(Path(found.source).name, set())


def _readings(source: str) -> Iterator[tuple[str, str | None]]:
    """What a source may mean: a file, or a sheet of a workbook that is named after a #."""
    book, sign, sheet = source.rpartition("#")
    if not (sign and URI_PATTERN.fullmatch(source)):
        yield source, None
    if sign and book:
        yield book, unquote(sheet)


def _sized(file: Path, source: str) -> Path:
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise TooLargeError(f"{source} has {size >> 20} MiB; the limit is {MAX_BYTES >> 20} MiB.", limit=MAX_BYTES)
    return file
