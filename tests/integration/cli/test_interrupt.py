"""Ctrl-C, once and twice, in every phase of a command: one line, 130, and nothing is left running."""

import os
import signal
import time
from collections.abc import Sequence

import pytest

from agentnet.settings import Settings
from tests.integration.cli.conftest import Start
from tests.integration.cli.test_commands import STOP_SECONDS, finished, line_with, orphans

ASK = ("ask", "What is it?")
PHASES: list[tuple[str, Sequence[str], str, int]] = [
    ("a network of its own starts", ASK, "starting a network", 1),
    ("a network of its own starts", ASK, "starting a network", 2),
    ("the task runs", ("ask", "sleep well"), "Sleep well.", 1),
    ("the task runs", ("ask", "sleep well"), "Sleep well.", 2),
    ("its network stops", ASK, "completed after", 1),
    ("its network stops", ASK, "completed after", 2),
    ("a talk begins", ("chat",), "You talk with", 1),
    ("a talk begins", ("chat",), "You talk with", 2),
]


@pytest.mark.parametrize(("phase", "arguments", "words", "times"), PHASES)
def test_ctrl_c_is_one_line_and_leaves_nothing(
    start: Start, settings: Settings, phase: str, arguments: Sequence[str], words: str, times: int
) -> None:
    open_end, stdin = os.pipe()
    process = start(*arguments, stdin=open_end)
    os.close(open_end)
    line_with(process, words)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)  # two that come at once are one
    code, _, errors = finished(process)
    os.close(stdin)
    assert code == 130, (phase, errors)
    said = [line for line in errors.splitlines() if line and not line.startswith((" ", "Canceled", "To go on"))]
    assert said == ["Interrupted."]
    deadline = time.monotonic() + STOP_SECONDS
    while orphans(settings):  # who ends at once does not wait for the PostgreSQL that stops
        assert time.monotonic() < deadline
        time.sleep(0.1)
