"""A home for each test, and the command line as a process over the stand-in services."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentnet.launch import with_free_ports
from agentnet.settings import Settings

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own when root runs the tests
    return with_free_ports(Settings(home=home))


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start `agentnet <arguments>` on the stand-ins, in a process group of its own as a terminal does it."""
    root = Path(__file__).parents[3]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTNET_")} | {
        "AGENTNET_HOME": str(settings.home),
        "AGENTNET_PORT": str(settings.port),
        "AGENTNET_REGISTRY_PORT": str(settings.registry_port),
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "agents")]),
    }
    if settings.database_url:
        environment["DATABASE_URL"] = settings.database_url
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, stdin: int = subprocess.DEVNULL, output: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.cli.standins", *arguments],
            stdin=stdin,
            stdout=output,
            stderr=output,
            text=True,
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
