import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable

from tests.integration.cli.test_commands import STOP_SECONDS

Start = Callable[..., "subprocess.Popen[str]"]


def read_until(fd: int, words: str) -> str:
    """What the terminal shows until `words` are there."""
    seen = ""
    while words not in seen:
        try:
            seen += os.read(fd, 4096).decode(errors="replace")
        except OSError as error:
            raise AssertionError(f"{words!r} never came: {seen}") from error
    return seen


def on_terminal(start: Start, *arguments: str) -> tuple["subprocess.Popen[str]", int]:
    outer, inner = pty.openpty()
    process = start(*arguments, stdin=inner, output=inner)
    os.close(inner)
    return process, outer


def test_a_question_is_asked_and_answered_on_the_terminal(start: Start) -> None:
    process, terminal = on_terminal(start, "ask", "ask me something")
    read_until(terminal, "Your answer: ")
    os.write(terminal, b"1984\n")
    shown = read_until(terminal, "completed after")
    assert process.wait(STOP_SECONDS) == 0
    assert "is 42." in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    os.close(terminal)


def test_ctrl_c_at_a_question_leaves_the_task_waiting(start: Start) -> None:
    process, terminal = on_terminal(start, "ask", "ask me something")
    read_until(terminal, "Your answer: ")
    os.killpg(process.pid, signal.SIGINT)
    shown = read_until(terminal, "Interrupted.")
    assert process.wait(STOP_SECONDS) == 130
    assert "agentnet ask --task" in shown
    os.close(terminal)


def test_ctrl_d_at_a_question_ends_the_line(start: Start) -> None:
    process, terminal = on_terminal(start, "ask", "ask me something")
    read_until(terminal, "Your answer: ")
    os.write(terminal, b"\x04")
    shown = read_until(terminal, "agentnet ask --task")
    assert shown.lstrip("^D\b").startswith("\r\n")
    assert process.wait(STOP_SECONDS) == 3
    os.close(terminal)
