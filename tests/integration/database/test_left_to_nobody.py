"""Tests that are killed leave no PostgreSQL behind, and no folder."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.unit.project.repository import ROOT

HOLDING = """
import time
from tests.databases import databases_of_process
with databases_of_process() as databases, databases.empty() as url:
    print(url, flush=True)
    time.sleep(600)
"""


def alive(pid: int) -> bool:
    """One whose parent has not asked how it ended is still there, and dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_whoever_is_killed_leaves_nothing(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with subprocess.Popen([sys.executable, "-c", HOLDING], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        home = Path(process.stdout.readline().strip().rpartition("host=")[2]).parent
        assert (home / "postgres" / "postmaster.pid").is_file()
        server = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
        process.send_signal(number)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alive(server) or home.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
