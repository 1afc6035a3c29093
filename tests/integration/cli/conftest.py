"""A home for each test, and the command line as a process over the stand-in services."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentnet.settings import Settings
from tests.ports import free_ports

Start = Callable[..., "subprocess.Popen[str]"]


def inherited() -> dict[str, str]:
    """The environment of the test as it is now, without settings of whoever runs it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AGENTNET_")}


@contextmanager
def new_settings() -> Iterator[Settings]:
    """Settings with a home and ports that nobody else has."""
    # not below pytest's own folder: PostgreSQL runs as a user of its own when root runs the tests, and each session of
    # pytest closes that folder to others anew
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        port, registry_port = free_ports(2)
        yield Settings(home=Path(folder), port=port, registry_port=registry_port)


@contextmanager
def starting(settings: Settings, folder: Path) -> Iterator[Start]:
    """Start `agentnet <arguments>` on the stand-ins, in a process group of its own as a terminal does it."""
    root = Path(__file__).parents[3]
    ours = {
        "AGENTNET_PORT": str(settings.port),
        "AGENTNET_REGISTRY_PORT": str(settings.registry_port),
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "agents")]),
    }
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str, stdin: int = subprocess.DEVNULL, output: int = subprocess.PIPE, home: Path = settings.home
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.cli.standins", *arguments],
            stdin=stdin,
            stdout=output,
            stderr=output,
            text=True,
            cwd=folder,
            env={**inherited(), **ours, "AGENTNET_HOME": str(home)},
            start_new_session=True,
        )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def settings() -> Iterator[Settings]:
    with new_settings() as settings:
        yield settings


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts commands, each with `settings`."""
    with starting(settings, tmp_path) as start:
        yield start
