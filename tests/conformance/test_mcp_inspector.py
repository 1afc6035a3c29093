"""The MCP Inspector's command line, in the legacy and in the modern era of the protocol."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.network import AGENTS, UpNetwork

INSPECTOR = Path(__file__).with_name("node_modules") / ".bin" / "mcp-inspector"
TIMEOUT_SECONDS = 180
EXIT_AUTH_REQUIRED = 3

era = pytest.mark.parametrize("era", ["legacy", "modern"])


def inspect(node: Path, url: str, *arguments: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run the Inspector against the gateway's MCP address."""
    return subprocess.run(
        [str(node), str(INSPECTOR), "--cli", f"{url}/mcp", "--transport", "http", "--format", "json", *arguments],
        env={"PATH": str(node.parent), "HOME": str(home)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def answer(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """The result that the Inspector printed."""
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    printed = json.loads(done.stdout)
    result: dict[str, Any] = printed.get("result", printed)
    return result


def bearer(network: UpNetwork) -> tuple[str, str]:
    return ("--header", f"Authorization: Bearer {network.key}")


@era
def test_the_inspector_lists_every_agent_as_a_tool(network: UpNetwork, node: Path, tmp_path: Path, era: str) -> None:
    options = ("--protocol-era", era, "--method", "tools/list", *bearer(network))
    tools = {tool["name"]: tool for tool in answer(inspect(node, network.url, *options, home=tmp_path))["tools"]}
    assert {"find_agents"} | AGENTS <= tools.keys()
    assert "message" in tools["writer"]["inputSchema"]["properties"]


@era
def test_the_inspector_finds_the_schemas_portable(network: UpNetwork, node: Path, tmp_path: Path, era: str) -> None:
    options = ("--protocol-era", era, "--method", "tools/list", "--strict", *bearer(network))
    done = inspect(node, network.url, *options, home=tmp_path)
    assert done.returncode == 0, done.stderr


@era
def test_the_inspector_gets_an_answer_from_an_agent(network: UpNetwork, node: Path, tmp_path: Path, era: str) -> None:
    call = (
        "--method",
        "tools/call",
        "--tool-name",
        "researcher",
        "--tool-arg",
        "message=What does the documentation say about leases?",
    )
    result = answer(inspect(node, network.url, "--protocol-era", era, *call, *bearer(network), home=tmp_path))
    assert not result.get("isError")
    assert "concepts.md" in " ".join(part.get("text", "") for part in result["content"]).lower()


def test_the_inspector_is_refused_without_a_key(network: UpNetwork, node: Path, tmp_path: Path) -> None:
    done = inspect(node, network.url, "--stored-auth-only", "--method", "tools/list", home=tmp_path)
    assert done.returncode == EXIT_AUTH_REQUIRED, done.stderr
