"""Ctrl-C, once and twice, in every phase of a command: one line, 130, and nothing is left running."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from agentnet.settings import Settings
from tests.integration.cli.conftest import Start
from tests.integration.cli.test_commands import RUN_SECONDS, STOP_SECONDS, finished, line_with, orphans

HOME = "{home}"
ASK = ("ask", "What is it?")
DEMO = ("demo", "--home", HOME)


@dataclass(frozen=True)
class Phase:
    """Where a command is when it has said `words`."""

    name: str
    arguments: Sequence[str]
    words: str
    typed: str = ""
    stream: str = "stderr"

    def __str__(self) -> str:
        return self.name


PHASES = [
    Phase("a network of its own starts", ASK, "starting a network"),
    Phase("the task runs", ("ask", "sleep well"), "Sleep well."),
    Phase("its network stops", ASK, "completed after"),
    Phase("a talk begins", ("chat",), "You talk with"),
    Phase("a turn of a talk runs", ("chat",), "Sleep well.", typed="sleep well\n"),
    Phase("the network of a talk stops", ("chat",), "To go on later", typed="What is it?\n\n"),
    Phase("the network of a demo starts", DEMO, "PostgreSQL  ", stream="stdout"),
    Phase("the job of a demo runs", DEMO, "The job:", stream="stdout"),
    Phase("the network of a demo stops", DEMO, "Stopping the network", stream="stdout"),
]


@pytest.mark.parametrize("phase", PHASES, ids=str)
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_is_one_line_and_leaves_nothing(start: Start, settings: Settings, phase: Phase, times: int) -> None:
    open_end, stdin = os.pipe()
    process = start(*(each.replace(HOME, str(settings.home)) for each in phase.arguments), stdin=open_end)
    os.close(open_end)
    os.write(stdin, phase.typed.encode())
    line_with(process, phase.words, phase.stream)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)  # two that come at once are one
    is_interrupted(process)
    os.close(stdin)
    deadline = time.monotonic() + STOP_SECONDS
    while orphans(settings):  # who ends at once does not wait for the PostgreSQL that stops
        assert time.monotonic() < deadline
        time.sleep(0.1)


SILENT = [
    ("doctor", "DATABASE_URL", "postgresql://me@{}/x"),
    ("doctor", "REDIS_URL", "redis://{}/0"),
    ("doctor", "OPENAI_BASE_URL", "http://{}/v1"),
    ("models test", "OPENAI_BASE_URL", "http://{}/v1"),
    ("models compare", "OPENAI_BASE_URL", "http://{}/v1"),
    ("agents", "AGENTNET_URL", "http://{}"),
    ("watch 00000000-0000-0000-0000-000000000000", "AGENTNET_URL", "http://{}"),
]


@pytest.mark.parametrize(("command", "variable", "url"), SILENT)
def test_ctrl_c_ends_the_wait_for_what_never_answers(
    start: Start, settings: Settings, monkeypatch: pytest.MonkeyPatch, command: str, variable: str, url: str
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(RUN_SECONDS)
        address = url.format(f"127.0.0.1:{silent.getsockname()[1]}")
        if variable == "AGENTNET_URL":
            arguments = [*command.split(), "--url", address]
        else:
            monkeypatch.setenv(variable, address)
            arguments = command.split()
        process = start(*arguments)
        connection, _ = silent.accept()
        with connection:
            os.killpg(process.pid, signal.SIGINT)
            is_interrupted(process)
    assert orphans(settings) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=["its terminal is closed", "it is told to end"])
def test_a_network_stops_in_order_and_leaves_no_database_behind(start: Start, settings: Settings, number: int) -> None:
    process = start("up", "--json", "--only", "toolbox")
    line_with(process, "Ready")
    assert orphans(settings)
    process.send_signal(number)
    code, _, errors = finished(process)
    assert (code, errors.splitlines()[-1]) == (0, "Stopped.")
    assert orphans(settings) == []


def test_a_reader_that_has_gone_ends_a_command_without_a_word(start: Start, settings: Settings) -> None:
    process = start(*(each.replace(HOME, str(settings.home)) for each in DEMO))
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(RUN_SECONDS) == 1
    assert process.stderr.read() == ""
    assert orphans(settings) == []


def is_interrupted(process: "subprocess.Popen[str]") -> None:
    """It ends as who was interrupted, and says no more than that and what it still did."""
    code, _, errors = finished(process)
    assert code == 130, errors
    still = (" ", "Canceled", "To go on", "Asking")
    assert [line for line in errors.splitlines() if line and not line.startswith(still)] == ["Interrupted."]
