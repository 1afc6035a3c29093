"""The MCP Inspector's command line: in both eras, over HTTP and stdio, from the settings that are printed for hosts."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.hosts import HOSTS, inspector_config, printed_settings
from tests.conformance.network import AGENTS, UpNetwork

INSPECTOR = Path(__file__).with_name("node_modules") / ".bin" / "mcp-inspector"
TIMEOUT_SECONDS = 360
EXIT_AUTH_REQUIRED = 3
TOOL = "toolbox__calculate"
LIST = ("--method", "tools/list")

era = pytest.mark.parametrize("era", ["legacy", "modern"])
host = pytest.mark.parametrize("host", HOSTS)


def inspect(node: Path, network: UpNetwork, *arguments: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run the Inspector in an empty directory of its own."""
    return subprocess.run(
        [str(node), str(INSPECTOR), "--cli", "--format", "json", *arguments],
        env={"PATH": str(node.parent), "HOME": str(home), "AGENTNET_HOME": str(network.home)},
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


def text_of(result: dict[str, Any]) -> str:
    """What a tool answered."""
    assert not result.get("isError"), result
    return " ".join(part.get("text", "") for part in result["content"])


def over_http(network: UpNetwork) -> tuple[str, ...]:
    return (f"{network.url}/mcp", "--transport", "http")


def bearer(network: UpNetwork) -> tuple[str, str]:
    return ("--header", f"Authorization: Bearer {network.key}")


def as_host(network: UpNetwork, host: str, home: Path) -> tuple[str, ...]:
    """The Inspector in the place of a host, with the settings that the running network has printed."""
    settings = printed_settings(network.home / "up.log", host)
    return inspector_config(settings, network.key, home)


@era
@host
def test_a_host_with_the_printed_settings_lists_every_agent_and_tool(
    network: UpNetwork, node: Path, tmp_path: Path, host: str, era: str
) -> None:
    options = (*as_host(network, host, tmp_path), "--protocol-era", era, *LIST)
    tools = {tool["name"]: tool for tool in answer(inspect(node, network, *options, home=tmp_path))["tools"]}
    assert {"find_agents", TOOL} | AGENTS <= tools.keys()
    assert "message" in tools["writer"]["inputSchema"]["properties"]


@era
@host
def test_a_host_with_the_printed_settings_calls_a_tool(
    network: UpNetwork, node: Path, tmp_path: Path, host: str, era: str
) -> None:
    options = (*as_host(network, host, tmp_path), "--protocol-era", era, "--method", "tools/call")
    call = ("--tool-name", TOOL, "--tool-arg", "expression=6*7")
    assert "42" in text_of(answer(inspect(node, network, *options, *call, home=tmp_path)))


@era
@host
def test_a_host_with_the_printed_settings_gets_an_answer_from_an_agent(
    network: UpNetwork, node: Path, tmp_path: Path, host: str, era: str
) -> None:
    options = (*as_host(network, host, tmp_path), "--protocol-era", era, "--method", "tools/call")
    call = ("--tool-name", "researcher", "--tool-arg", "message=What does the documentation say about leases?")
    assert "concepts.md" in text_of(answer(inspect(node, network, *options, *call, home=tmp_path))).lower()


@era
def test_the_inspector_finds_the_schemas_portable(network: UpNetwork, node: Path, tmp_path: Path, era: str) -> None:
    options = (*over_http(network), *bearer(network), "--protocol-era", era, *LIST, "--strict")
    done = inspect(node, network, *options, home=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_inspector_is_refused_without_a_key(network: UpNetwork, node: Path, tmp_path: Path) -> None:
    done = inspect(node, network, *over_http(network), "--stored-auth-only", *LIST, home=tmp_path)
    assert done.returncode == EXIT_AUTH_REQUIRED, done.stderr
