"""`make help` on a terminal and in a pipe."""

import fcntl
import os
import pty
import struct
import subprocess
import termios

import pytest

from tests.unit.project.repository import ROOT


def in_a_pipe() -> str:
    return subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_help_fits_the_terminal_and_its_words_are_whole(width: int) -> None:
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = os.environ | {"COLUMNS": str(width)}
    process = subprocess.Popen(["make", "help"], cwd=ROOT, env=environment, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""
    try:
        while piece := os.read(outer, 4096):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(outer)
    assert process.wait() == 0
    lines = shown.decode().splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join(in_a_pipe().split())


def test_in_a_pipe_each_target_is_one_line() -> None:
    assert all(line.startswith("  make ") for line in in_a_pipe().splitlines())
