"""What runs tests leaves nothing running, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.databases import reachable_folder
from tests.patience import PATIENCE_SECONDS
from tests.unit.project.repository import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux alone")

LEAVES = """
import os, subprocess, sys, time
program = "import signal, time, sys; exec(sys.argv[1]); print('there', flush=True); time.sleep(600)"
child = subprocess.Popen(
    [sys.executable, "-c", program, sys.argv[1]], start_new_session=True, stdout=subprocess.PIPE, env={}
)
child.stdout.readline()
print(child.pid, flush=True)
exec(sys.argv[2])
"""
"""Starts a process in a session of its own, says which, and goes on as it is told."""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
CLI = "tests/integration/cli/test_interrupt.py -k job"
"""Starts a network with a PostgreSQL in a session of its own."""


def family(child: str, then: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.family", sys.executable, "-c", LEAVES, child, then]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.mark.parametrize(
    ("then", "number", "code"),
    [
        ("sys.exit(0)", None, 0),
        ("sys.exit(5)", None, 5),
        ("os._exit(3)", None, 3),
        ("os.kill(os.getpid(), 9)", None, 128 + 9),
        ("time.sleep(600)", signal.SIGINT, 128 + 2),
        ("time.sleep(600)", signal.SIGTERM, 128 + 15),
    ],
)
def test_what_a_command_leaves_is_ended_and_its_exit_code_stays(
    then: str, number: signal.Signals | None, code: int
) -> None:
    with family("pass", then) as process:
        assert process.stdout is not None
        left = int(process.stdout.readline())
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        elif number is not None:
            process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, psutil.pid_exists(left)) == (code, False)
    assert "Ended what was left running" in errors


@pytest.mark.slow
def test_what_does_not_heed_its_end_is_killed() -> None:
    with family(DEAF, "sys.exit(0)") as process:
        assert process.stdout is not None
        left = int(process.stdout.readline())
        process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, psutil.pid_exists(left)) == (0, False)


def test_an_orphan_that_ends_by_itself_is_not_there_as_a_dead_one() -> None:
    then = "child.terminate(); os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT); sys.exit(0)"
    with family("pass", then) as process:
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, errors) == (0, "")


def left_in(folder: Path) -> list[str]:
    """The processes that have `folder` in their command, as a database has, or for what is temporary."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if str(folder) in command or process.environ().get("TMPDIR") == str(folder):
                found.append(command)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
def test_ctrl_c_in_make_test_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with reachable_folder() as folder:
        for name in [*os.environ]:
            if name.startswith(("PYTEST", "DATABASE_URL")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("TMPDIR", str(folder))
        command = ["make", "test", f"PYTEST_ARGS={CLI} -p no:cacheprovider", f"VENV={sys.prefix}"]
        log = folder / "log"
        with log.open("w") as file:
            make = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
        try:
            deadline = time.monotonic() + 4 * PATIENCE_SECONDS
            while not any(f"postgres -D {folder}" in each for each in left_in(folder)):
                assert make.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            os.killpg(make.pid, signal.SIGINT)
            make.wait(4 * PATIENCE_SECONDS)
        finally:
            if make.poll() is None:
                os.killpg(make.pid, signal.SIGKILL)
        assert make.returncode != 0
        assert left_in(folder) == [], log.read_text()
