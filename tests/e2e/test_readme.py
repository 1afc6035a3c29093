"""The README and the pages of the documentation, as somebody new would do them: their commands in their order."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.terminals import ACTIVATE, Terminals, blocks, done, own_environment, programs
from tests.unit.project.repository import ROOT

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text()
NOT_HERE = ("make demo", "make compose-env", "make help")
"""Blocks that are tested by themselves, or elsewhere."""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    with own_environment() as environment:
        yield environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with an environment such as `make` leaves in a checkout."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.fixture
def terminals(environment: dict[str, str], checkout: Path) -> Iterator[Terminals]:
    with Terminals(environment, checkout) as terminals:
        yield terminals


@pytest.fixture
def activated(terminals: Terminals) -> Terminals:
    """Two terminals in which the environment is activated, as the README leaves them."""
    for terminal in ("first", "second"):
        terminals.type(terminal, ACTIVATE)
    return terminals


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def test_the_demo_does_its_whole_job(environment: dict[str, str], checkout: Path) -> None:
    said = done(".venv/bin/agentnet demo --out files", environment, checkout)
    assert not re.search(r"failed|left out|cannot", said), said
    made = {path.suffix for path in (checkout / "files").iterdir()}
    assert {".md", ".png"} <= made, said
    [report] = (checkout / "files").glob("*.md")
    assert re.search(r"\.md:\d+", report.read_text())
    assert re.search(r"concierge \| \d+", report.read_text())


def test_the_commands_of_the_readme_work_in_their_order_and_terminals(terminals: Terminals) -> None:
    said: dict[str, str] = {}
    for terminal, lines in blocks(README):
        if not lines[0].startswith(NOT_HERE):
            said |= {line: terminals.type(terminal, line) for line in lines}

    def answer(words: str) -> str:
        [line] = [line for line in said if words in line]
        return said[line]

    assert "lease" in answer('ask "What does the documentation say').lower()
    assert ".md:" in answer('ask "What does the documentation say')
    assert "340" in answer("--file sales.csv")
    assert "4 words" in answer("ask 'How many words")
    assert '"concierge"' in answer("agent-card.json")
    assert "TASK_STATE_COMPLETED" in answer("/message:send")
    assert ".md:" in answer("/message:send")


def test_every_other_command_of_the_readme_is_one_that_is_tested_elsewhere() -> None:
    first = {line.partition(" ")[0] for _, lines in blocks(README) for line in lines}
    assert first <= {"make", "source", "agentnet", "printf", "curl", "docker", ".ci/run"}


def test_the_commands_of_the_page_on_specialists_work(activated: Terminals) -> None:
    said: list[str] = []
    for terminal, lines in blocks(page("specialists.md")):
        for line in lines:
            if line.startswith("AGENTNET_MODEL=offline"):  # where no network runs
                activated.stop()
            said.append(activated.type(terminal, line))
    assert len([words for words in said if "4 words" in words]) == 2


def test_the_commands_of_the_page_on_mcp_work(activated: Terminals) -> None:
    """But for those that reach out: a package of npm, a server elsewhere."""
    here = ("agentnet mcp profiles", "agentnet new mcp", "agentnet up", "agentnet serve")
    activated.type("first", "agentnet up --only data --only knowledge")
    said = [
        activated.type("first" if "up" in line.split() else "second", line)
        for _, lines in blocks(page("mcp.md"))
        for line in lines
        if line.startswith(here)
    ]
    assert len(said) > len(here)


def test_the_commands_of_the_page_on_operations_work(activated: Terminals) -> None:
    """But for those of containers."""
    here = ("agentnet keys", "agentnet tenants", "agentnet push", "agentnet retention", "agentnet agents")
    activated.type("first", "agentnet up --only toolbox")
    said = [
        activated.type("second", line)
        for _, lines in blocks(page("operations.md"))
        for line in lines
        if line.startswith(here)
    ]
    assert len(said) > len(here)


def test_the_programs_of_the_page_on_clients_run_as_they_are_printed(
    activated: Terminals, environment: dict[str, str], checkout: Path
) -> None:
    activated.type("first", "agentnet up")
    [(_, [export])] = blocks(page("clients.md"))
    said: list[str] = []
    for number, program in enumerate(programs(page("clients.md"))):
        name = f"client{number}.py"
        (checkout / name).write_text(program.replace("127.0.0.1:8700", f"127.0.0.1:{environment['AGENTNET_PORT']}"))
        said.append(activated.type("second", f"{export}; python {name}"))
    over_a2a, over_mcp = said
    assert "TASK_STATE_COMPLETED" in over_a2a
    assert "42.1" in over_a2a
    assert "'concierge'" in over_mcp
    assert "42.1" in over_mcp
    assert "1025" in over_mcp
