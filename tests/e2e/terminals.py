"""The terminals of somebody new, who types what a page says, in its order, and nothing else."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE_SECONDS
from tests.ports import free_ports

START_SECONDS = 240.0
ACTIVATE = "source .venv/bin/activate"
ANSWERS = "answers at"
"""What a service logs once it does."""


def blocks(page: str) -> Iterator[tuple[str, list[str]]]:
    """The terminal and the lines of each block of commands, in the order of a page; a line that goes on is one.

    The terminal is that which the words before the block name last.
    """
    terminal, end = "first", 0
    for block in re.finditer(r"```bash\n(.*?)```", page, re.DOTALL):
        if named := re.findall(r"(first|second) terminal", page[end : block.start()]):
            terminal = named[-1]
        end = block.end()
        lines = [line.strip() for line in block[1].replace("\\\n", " ").splitlines()]
        yield terminal, [line for line in lines if line]


def programs(page: str) -> list[str]:
    """The Python programs of a page."""
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


@contextmanager
def own_environment() -> Iterator[dict[str, str]]:
    """As a shell has it in which no environment was activated, with a home and ports of the network's own."""
    home = Path("/tmp") / f"agentnet-readme-{os.getpid()}"  # PostgreSQL's own user must reach it
    home.mkdir(mode=0o755)
    port, registry_port = free_ports(2)
    theirs = ("AGENTNET_", "OPENAI_", "DATABASE")
    settings = {"AGENTNET_HOME": home, "AGENTNET_PORT": port, "AGENTNET_REGISTRY_PORT": registry_port}
    # What is found is what a page says to activate.
    ours = Path(sys.executable).parent
    path = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != ours)
    try:
        yield (
            {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
            | {name: str(value) for name, value in settings.items()}
            | {"PATH": path, "COLUMNS": "80"}
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Terminals:
    """Shells in one folder, in each of which there is what was typed into it. A context manager: it ends what runs."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._typed: dict[str, list[str]] = {}
        self._serving: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Terminals":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def type(self, terminal: str, line: str) -> str:
        """What a line prints; it must succeed. What serves is waited for; a network ends the one before it."""
        before = self._typed.setdefault(terminal, [])
        if line.startswith("source "):
            before.append(line)
            return done("; ".join(before), self._environment, self._folder)
        if line.startswith("agentnet up"):
            self.stop()
            self._serving = self._started([*before, f"exec {line}"], "Stop it: Ctrl-C")
            return ""
        if line.startswith("agentnet serve"):
            stopped(self._started([*before, f"exec {line}"], ANSWERS))
            return ""
        return done("; ".join([*before, line]), self._environment, self._folder)

    def stop(self) -> None:
        """Ctrl-C."""
        serving, self._serving = self._serving, None
        if serving is not None:
            stopped(serving)

    def _started(self, lines: list[str], words: str) -> "subprocess.Popen[bytes]":
        path = self._folder / "serving.log"
        with path.open("w") as log:
            process = subprocess.Popen(
                ["bash", "-c", "; ".join(lines)], cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while words not in (said := path.read_text(errors="replace")):
            assert process.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.2)
        return process


def stopped(process: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C, and a good end."""
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS * 4) == 0


def done(command: str, environment: dict[str, str], folder: Path) -> str:
    """What a line of a page prints; it must succeed. Who is asked whether to go on says yes."""
    line = command.replace("127.0.0.1:8700", f"127.0.0.1:{environment['AGENTNET_PORT']}")
    ran = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False, input="y\n"
    )
    assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout
