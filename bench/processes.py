"""Child processes and PostgreSQL, each on its core, and what CPU and memory they use."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from agentnet.database.embedded import EmbeddedPostgres
from agentnet.identity.admin import DEFAULT_TENANT
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings
from bench.servers import KEYED, OURS

SERVER_CORE = 0
LOAD_CORE = 1
"""Core of PostgreSQL and of the load generator, when there are two or more."""
START_SECONDS = 60.0
STOP_SECONDS = 10.0
FILL_SECONDS = 900.0
FOREIGN_PREFIXES = ("AGENTNET_", "DATABASE_URL", "REDIS_URL", "OPENAI_", "OTEL_", "UVICORN_", "PYTHON")
"""Environment that could make a server another than the one that is to be measured."""


def pin(core: int | None, pid: int = 0) -> bool:
    """Keep a process (this one by default) on one core, or let it use all (None); False where that cannot be done."""
    cores = os.cpu_count() or 1
    if not hasattr(os, "sched_setaffinity") or cores < 2:
        return False
    os.sched_setaffinity(pid, range(cores) if core is None else {core})
    return True


@dataclass
class Server:
    """A server under measurement."""

    kind: str
    port: int
    key: str
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def cpu_seconds(self) -> float:
        """CPU time that it has used."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def rss_bytes(self) -> int:
        """Resident memory."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """End it in good order, and with SIGKILL if it does not."""
        if self.process.returncode is not None:
            return
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            await self.kill()


class Bed:
    """A PostgreSQL of its own and the servers upon it. Open with `Bed.open`."""

    def __init__(self, home: Path, url: str, directory: Path) -> None:
        self.home = home
        self._url = url
        self._directory = directory
        self._databases: dict[str, str] = {}
        self.key = ""
        self._postmaster = psutil.Process(int((directory / "postmaster.pid").read_text().split()[0]))

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Bed"]:
        """Start PostgreSQL below a temporary directory; it is stopped and removed with the block."""
        # PostgreSQL runs as its own user where this is root, and must be able to reach its directory.
        home = Path(tempfile.mkdtemp(prefix="agentnet-bench-"))
        home.chmod(0o755)
        embedded = EmbeddedPostgres(home)
        try:
            url = await asyncio.to_thread(embedded.start)
            try:
                yield cls(home, url, embedded.directory)
            finally:
                await asyncio.to_thread(embedded.stop)
        finally:
            shutil.rmtree(home, ignore_errors=True)

    @asynccontextmanager
    async def serving(
        self,
        kind: str,
        *,
        core: int | None = SERVER_CORE,
        lease_seconds: float = 10.0,
        concurrency: int = 64,
        gc_mode: str = "default",
        registry_url: str | None = None,
        mcp_profiles: Path | None = None,
    ) -> AsyncIterator[Server]:
        """A server of that kind, answering, for as long as the block runs."""
        database_url = await self.database(kind)
        arguments = [kind, "--home", str(self.home), "--database-url", database_url]
        arguments += ["--lease-seconds", str(lease_seconds), "--concurrency", str(concurrency), "--gc", gc_mode]
        arguments += ["--registry-url", registry_url] if registry_url else []
        arguments += ["--mcp-profiles", str(mcp_profiles)] if mcp_profiles else []
        async with child(kind, "bench.servers", *arguments, core=core, key=self.key if kind in KEYED else "") as server:
            yield server

    async def database(self, kind: str) -> str:
        """The URL of the database of that kind of server, made at the first call; ours gets a key.

        The services of one network share ours.
        """
        kind = OURS if kind in KEYED else kind
        if kind not in self._databases:
            self._databases[kind] = await self.new_database(kind.replace("-", "_"))
            if kind == OURS:
                async with Runtime.open(Settings(home=self.home, database_url=self._databases[kind])) as runtime:
                    self.key = await (await runtime.keys()).create(DEFAULT_TENANT, "bench")
        return self._databases[kind]

    async def new_database(self, name: str) -> str:
        """The URL of a new database, empty."""
        await self.execute(f"CREATE DATABASE bench_{name}")
        return self._url.replace("/postgres?", f"/bench_{name}?", 1)

    async def fetch(self, kind: str, query: str) -> list[asyncpg.Record]:
        """Rows of a query in the database of that kind of server."""
        connection = await asyncpg.connect(await self.database(kind))
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def run(self, kind: str, statement: str, *values: object) -> None:
        """Run a statement that may take minutes in the database of that kind of server."""
        connection = await asyncpg.connect(await self.database(kind))
        try:
            if values:
                await connection.fetch(statement, *values, timeout=FILL_SECONDS)
            else:
                await connection.execute(statement, timeout=FILL_SECONDS)
        finally:
            await connection.close()

    async def execute(self, query: str) -> None:
        """Run a statement outside the servers' databases."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(query)
        finally:
            await connection.close()

    async def wal_bytes(self) -> int:
        """How much write-ahead log PostgreSQL has ever written."""
        connection = await asyncpg.connect(self._url)
        try:
            return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
        finally:
            await connection.close()

    async def settings(self) -> dict[str, str]:
        """What makes a PostgreSQL fast or safe."""
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "wal_level")
        connection = await asyncpg.connect(self._url)
        try:
            return {name: str(await connection.fetchval("SELECT current_setting($1)", name)) for name in names}
        finally:
            await connection.close()

    def spread(self) -> None:
        """Let PostgreSQL use all cores, where it is what is measured."""
        for process in (self._postmaster, *self._postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                pin(None, process.pid)

    def cpu_seconds(self) -> float:
        """CPU time that PostgreSQL has used, in all its processes."""
        times = self._postmaster.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in self._postmaster.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                own = child.cpu_times()
                total += own.user + own.system
        return float(total)


@asynccontextmanager
async def child(
    kind: str, module: str, *arguments: str, core: int | None = SERVER_CORE, key: str = ""
) -> AsyncIterator[Server]:
    """Run a module that says `ready PORT` and ends with its standard input, for as long as the block runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    pin(core, process.pid)
    server = Server(kind, 0, key, process)
    try:
        async with asyncio.timeout(START_SECONDS):
            assert process.stdout is not None
            line = await process.stdout.readline()
        if not line.startswith(b"ready "):
            raise RuntimeError(f"The server {kind} did not start.")
        server.port = int(line.split()[1])
        yield server
    finally:
        await server.stop()


def environment() -> dict[str, str]:
    """The environment of what is measured: without what could make it another."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_PREFIXES)}
    return kept | {"OTEL_INSTRUMENTATION_A2A_SDK_ENABLED": "false"}
