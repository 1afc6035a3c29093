"""Databases with the tables, each copied in an instant from one that was migrated."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from agentnet.database.embedded import EmbeddedPostgres
from agentnet.database.migrate import migrate

HEIR = """
import os, pathlib, shutil, signal, sys, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # whoever ends all that tests left ends this too, before its work
directory = pathlib.Path(sys.argv[1])
if sys.stdin.read() != "well":
    try:
        server = int((directory / "postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGQUIT)
        for _ in range(100):
            os.kill(server, 0)
            time.sleep(0.1)
    except (OSError, ValueError, IndexError):
        pass
    shutil.rmtree(directory.parent, ignore_errors=True)
"""
"""Reads until its parent has written that all is well, or is gone."""


class Databases:
    """Those of one process on one server."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._template: str | None = None

    @contextmanager
    def copied(self) -> Iterator[str]:
        """The URL of a database with nothing but its tables, for as long as the block runs."""
        if self._template is None:
            self._template = self._create()
            migrate(self._url(self._template))
        name = self._create(self._template)
        yield self._url(name)
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without tables."""
        name = self._create()
        yield self._url(name)
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Leave nothing behind on the server."""
        if self._template is not None:
            self._execute(f"DROP DATABASE {self._template} WITH (FORCE)")

    def _create(self, template: str = "template1") -> str:
        name = f"agentnet_test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))

    def _execute(self, statement: str) -> None:
        asyncio.run(_execute(self._server, statement))


@contextmanager
def databases_of_process() -> Iterator[Databases]:
    """On the server of `DATABASE_URL`, or else on an embedded one."""
    with _server() as url:
        databases = Databases(url)
        yield databases
        databases.close()


@contextmanager
def _server() -> Iterator[str]:
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with reachable_folder() as home:
        embedded = EmbeddedPostgres(home)
        url = embedded.start()
        with left_to_nobody(embedded.directory):
            for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
                asyncio.run(_execute(url, statement))
            yield url
            embedded.stop()


@contextmanager
def left_to_nobody(directory: Path) -> Iterator[None]:
    """Should this process be gone within the block, somebody stops the server and removes the folder around it.

    Ctrl-C in `make test` kills the processes that test amid whatever they do.
    """
    command = [sys.executable, "-c", HEIR, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as heir:
        assert heir.stdin is not None
        yield
        heir.stdin.write(b"well")
        heir.stdin.close()


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A home for an embedded server."""
    # Not pytest's own directory: PostgreSQL runs as its own user and cannot reach below a private one.
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", dir="/tmp", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        yield Path(home)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
