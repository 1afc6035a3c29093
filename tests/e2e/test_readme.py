"""The README, top to bottom, as somebody new would do it: its commands are taken from it and run in its order."""

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

import httpx
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.ports import free_ports
from tests.unit.project.repository import ROOT

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
START_SECONDS = 240.0
SET_UP = ("make demo", "make up", "source ", "agentnet up")
"""What is done otherwise here: the environment is there, and the network is started in a process of its own."""


def commands_with(words: str) -> list[str]:
    """The lines of the block that has `words`, those of the set-up left out; a line that goes on is one."""
    [block] = [block for block in BLOCKS if words in block]
    lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith(SET_UP)]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    home = Path("/tmp") / f"agentnet-readme-{os.getpid()}"  # PostgreSQL's own user must reach it
    home.mkdir(mode=0o755)
    port, registry_port = free_ports(2)
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("AGENTNET_", "OPENAI_", "DATABASE"))
    }
    settings = {"AGENTNET_HOME": home, "AGENTNET_PORT": port, "AGENTNET_REGISTRY_PORT": registry_port}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    yield ours | {name: str(value) for name, value in settings.items()} | {"PATH": path, "COLUMNS": "80"}
    shutil.rmtree(home, ignore_errors=True)


@contextmanager
def up(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[None]:
    """The network, as `make up` and `agentnet up` start it."""
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(["agentnet", "up", *arguments], cwd=folder, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{environment['AGENTNET_PORT']}/ready"
    deadline = time.monotonic() + START_SECONDS
    try:
        while not _answers(url):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "up.log").read_text()
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS * 4)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def done(command: str, environment: dict[str, str], folder: Path) -> str:
    """What a line of the README prints; it must succeed."""
    line = command.replace("127.0.0.1:8700", f"127.0.0.1:{environment['AGENTNET_PORT']}")
    ran = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def test_the_demo_does_its_whole_job(environment: dict[str, str], tmp_path: Path) -> None:
    said = done("agentnet demo --out files", environment, tmp_path)
    assert not re.search(r"failed|left out|cannot", said), said
    made = {path.suffix for path in (tmp_path / "files").iterdir()}
    assert {".md", ".png"} <= made, said
    [report] = (tmp_path / "files").glob("*.md")
    assert re.search(r"\.md:\d+", report.read_text())
    assert re.search(r"concierge \| \d+", report.read_text())


def test_the_first_questions_of_the_readme_are_answered(environment: dict[str, str], tmp_path: Path) -> None:
    with up(environment, tmp_path):
        documents, *others = [done(line, environment, tmp_path) for line in commands_with("--file sales.csv")]
        assert "lease" in documents.lower()
        assert ".md:" in documents
        assert "340" in others[-1]
        card, answer = [done(line, environment, tmp_path) for line in commands_with("curl")]
        assert '"concierge"' in card
        assert "TASK_STATE_COMPLETED" in answer
        assert ".md:" in answer


def test_the_readmes_own_agent_answers(environment: dict[str, str], tmp_path: Path) -> None:
    make, ask = commands_with("agentnet new agent counter")
    done(make, environment, tmp_path)
    with up(environment, tmp_path, "--agents", "my-agents"):
        assert "4 words" in done(ask, environment, tmp_path)


def test_every_other_command_of_the_readme_is_one_that_is_tested_elsewhere() -> None:
    first = {line.strip().partition(" ")[0] for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()}
    assert first - {""} <= {"make", "source", "agentnet", "printf", "curl", "docker", ".ci/run"}
