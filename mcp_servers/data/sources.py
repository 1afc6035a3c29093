"""Where tables come from: the tenant's task log, the tenant's files, and files inside the data folders."""

import asyncio
import difflib
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from agentnet.database import Database
from agentnet.errors import InvalidInputError, NotFoundError, TooLargeError
from agentnet.files.store import SCHEME, URI_PATTERN, FileStore
from mcp_servers.data import sql
from mcp_servers.data.models import Format, Table

TASK_LOG = "task_log"
MAX_TASKS = 10_000
MAX_SOURCES = 8
MAX_LISTED = 200
MAX_SCANNED = 5000
MAX_BYTES = 64 * 1024 * 1024

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A source that can be named."""

    source: str
    kind: str
    """`tasks`, `file` or `path`."""
    size: int
    """Bytes, or rows of the task log."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Opens sources for a tenant; everything else is as if it were not there."""

    database: Database
    files: FileStore
    roots: Sequence[Path]

    async def find(self, tenant: str) -> list[Found]:
        """All that `tenant` can name, its own first."""
        pool = self.database.pool
        tasks = await pool.fetchval(sql.TASK_COUNT, tenant, MAX_TASKS)
        rows = await pool.fetch(sql.FILES, tenant, MAX_LISTED)
        files = [Found(f"{SCHEME}:{row['id']}/{row['name']}", "file", row["size"]) for row in rows]
        paths = await asyncio.to_thread(self._paths)
        return [Found(TASK_LOG, "tasks", tasks), *files, *paths][:MAX_LISTED]

    @asynccontextmanager
    async def open(self, tenant: str, sources: Sequence[str]) -> AsyncIterator[tuple[Table, ...]]:
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
                tables.append(await self._table(tenant, source, Path(folder) / f"table-{len(tables)}", taken))
            yield tuple(tables)

    async def _table(self, tenant: str, source: str, path: Path, taken: set[str]) -> Table:
        if source.lower().replace(" ", "_") == TASK_LOG:
            await self._export_tasks(tenant, path)
            return Table(name=TASK_LOG, label=TASK_LOG, path=str(path), format="csv", types=sql.TASK_LOG_TYPES)
        if match := URI_PATTERN.fullmatch(source):
            name = unquote(match[2])
            kind = _format(name)
            _, body = await self.files.get(tenant, source)
            await asyncio.to_thread(path.write_bytes, body)
        else:
            file = await asyncio.to_thread(self._inside, source)
            name, kind = file.name, _format(file.name)
            # DuckDB reads * and [ in a path as a pattern; the link has neither.
            await asyncio.to_thread(path.symlink_to, file)
        return Table(name=table_name(name, taken), label=name, path=str(path), format=kind)

    async def _export_tasks(self, tenant: str, path: Path) -> None:
        async with self.database.pool.acquire() as connection:
            # COPY writes the file as rows come: none of them is held here.
            await connection.copy_from_query(sql.TASK_LOG, tenant, MAX_TASKS, output=path, format="csv", header=True)

    def _inside(self, source: str) -> Path:
        named = Path(source)
        for root in (root.resolve() for root in self.roots):
            for candidate in (named if named.is_absolute() else root / named, root.parent / named):
                file = candidate.resolve()
                # Looked at after links and .. are gone.
                if file.is_relative_to(root) and file.is_file():
                    return _sized(file, source)
        near = self._near(source)
        raise NotFoundError(
            f"There is no source {source!r} in the data folders.",
            hint=f"{'Perhaps ' + near + ' is meant; list' if near else 'List'}_sources names all.",
        )

    def _near(self, source: str) -> str | None:
        known = {Path(found.source).name.lower(): found.source for found in self._paths()}
        near = difflib.get_close_matches(Path(source).name.lower(), known, n=1, cutoff=0.6)
        return known[near[0]] if near else None

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
    named = [item.source for item in found if item.source not in uris and _name_of(item) in words]
    return [*uris, *named][:MAX_SOURCES]


def _name_of(found: Found) -> str:
    return found.source if found.kind == "tasks" else table_name(Path(found.source).name, set())


def _format(name: str) -> Format:
    kind = FORMATS.get(Path(name).suffix.lower())
    if kind is None:
        raise InvalidInputError(f"{name} is not a table; a file ends in {', '.join(FORMATS)}.")
    return kind


def _sized(file: Path, source: str) -> Path:
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise TooLargeError(f"{source} has {size >> 20} MiB; the limit is {MAX_BYTES >> 20} MiB.", limit=MAX_BYTES)
    return file
