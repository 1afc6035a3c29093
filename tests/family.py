"""Runs a command and ends whatever it leaves behind: `python -m tests.family COMMAND ...`, with the exit code of it.

Ctrl-C in `make test` ends the processes that test amid whatever they do, and what these had started in sessions of
its own would go on: a network, its PostgreSQL. On Linux orphans come to this process, so that none is overlooked;
elsewhere it only waits.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

import psutil

PR_SET_CHILD_SUBREAPER = 36
END_SECONDS = 10.0
"""How long what is told to end may take: a network with a database of its own stops in two."""
LOOK_SECONDS = 0.05
POSTGRES, PART_OF_POSTGRES = "postgres", "postgres: "


def main(command: Sequence[str]) -> int:
    """Run `command` to its end; its exit code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(command)

    def pass_on(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT:  # of which a terminal tells the whole group
            os.kill(child.pid, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    ended = 0
    while ended != child.pid:  # an orphan that ends and is not asked how would be there for ever, and dead
        ended, status = os.waitpid(-1, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if left := _end_all():
        print(f"Ended what was left running: {'; '.join(left)}", file=sys.stderr)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _end_all() -> list[str]:
    """End all that descends from this process, and say what it was."""
    told: dict[int, str] = {}
    until = time.monotonic() + END_SECONDS
    while running := _running():
        is_late = time.monotonic() > until
        for process in running:
            if is_late or process.pid not in told:
                _tell_to_end(process, told, at_once=is_late)
        time.sleep(LOOK_SECONDS)
    return [name for name in told.values() if not name.startswith(PART_OF_POSTGRES)]


def _running() -> list[psutil.Process]:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return psutil.Process().children(recursive=True)


def _tell_to_end(process: psutil.Process, told: dict[int, str], *, at_once: bool) -> None:
    try:
        told.setdefault(process.pid, " ".join(" ".join(process.cmdline()).split())[:200])
        # PostgreSQL waits for its clients unless it is told to quit.
        soon = signal.SIGQUIT if process.name() == POSTGRES else signal.SIGTERM
        process.send_signal(signal.SIGKILL if at_once else soon)
    except psutil.NoSuchProcess:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
