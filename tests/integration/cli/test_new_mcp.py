"""`agentnet new mcp`: the folder runs at once, is found, and a specialist whose manifest names it uses it."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app
from agentnet.errors import ConfigurationError
from agentnet.identity.secret import read_key
from agentnet.process.launch import network, plan
from agentnet.settings import Settings

pytestmark = pytest.mark.anyio


def make(kind: str, name: str, directory: Path) -> Path:
    done = CliRunner().invoke(app, ["new", kind, name, "--dir", str(directory)])
    assert done.exit_code == 0, done.output
    return directory / name


def test_the_test_of_a_new_server_passes(tmp_path: Path) -> None:
    folder = make("mcp", "counter", tmp_path / "mine")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_new_server_is_never_overwritten_and_needs_a_name(tmp_path: Path) -> None:
    make("mcp", "counter", tmp_path)
    again = CliRunner().invoke(app, ["new", "mcp", "counter", "--dir", str(tmp_path)])
    wrong = CliRunner().invoke(app, ["new", "mcp", "My Server", "--dir", str(tmp_path)])
    bundled = CliRunner().invoke(app, ["new", "mcp", "data", "--dir", str(tmp_path)])
    assert "Choose another name" in bundled.stderr and not (tmp_path / "data").exists()
    assert "already there" in again.stderr and "is not a name for an MCP server" in wrong.stderr


async def test_a_new_server_runs_with_the_network_and_a_specialist_uses_it(settings: Settings, tmp_path: Path) -> None:
    make("mcp", "words", tmp_path / "servers")
    agent = make("agent", "counter", tmp_path / "agents")
    (agent / "tools.py").unlink()
    manifest = (agent / "agent.yaml").read_text() + "mcp_servers: [words]\n"
    (agent / "agent.yaml").write_text(manifest)
    (agent / "instructions.md").write_text("Use the tool words_count_words; never count by yourself.")
    update = {"mcp_dirs": [tmp_path / "servers"], "agents_dirs": [tmp_path / "agents"], "model": "offline"}
    own = settings.model_copy(update=update)
    async with network(own, only=["words", "counter"]) as running:
        headers = {"authorization": f"Bearer {read_key(settings)}", "a2a-version": "1.0"}
        message = {
            "messageId": "m1",
            "role": "ROLE_USER",
            "parts": [{"text": 'How many words has "the quick brown fox"?'}],
        }
        async with httpx.AsyncClient(base_url=running.gateway_url, headers=headers, timeout=60) as http:
            answer = await http.post("/agents/counter/message:send", json={"message": message})
            assert answer.is_success, answer.text
            [artifact] = answer.json()["task"]["artifacts"]
            assert "4 words" in artifact["parts"][0]["text"] and "19" in artifact["parts"][0]["text"]


def test_two_servers_of_one_name_are_refused(settings: Settings, tmp_path: Path) -> None:
    for directory in ("one", "two"):
        make("mcp", "words", tmp_path / directory)
    own = settings.model_copy(update={"mcp_dirs": [tmp_path / "one", tmp_path / "two"]})
    with pytest.raises(ConfigurationError, match="Two MCP servers are named 'words'"):
        plan(own)
