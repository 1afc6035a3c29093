"""Settings that attach an MCP host to a gateway, ready to paste. They hold a reference to the key, never the key."""

import sys
from dataclasses import dataclass
from typing import Any

SERVER_NAME = "agentnet"
KEY_VARIABLE = "AGENTNET_API_KEY"
SHOW_KEY_COMMAND = "agentnet keys show-admin"
KEY_PLACEHOLDER = f"<the output of `{SHOW_KEY_COMMAND}`>"


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What one host wants in which file."""

    host: str
    file: str
    settings: dict[str, Any]
    note: str


def host_settings(gateway_url: str) -> list[HostSettings]:
    """For VS Code, Cursor and Claude Desktop."""
    mcp_url = f"{gateway_url}/mcp"
    return [_vs_code(mcp_url), _cursor(mcp_url), _claude_desktop(gateway_url)]


def _vs_code(mcp_url: str) -> HostSettings:
    key_input = {"id": "agentnet-key", "type": "promptString", "description": "Agent Network key", "password": True}
    server = {"type": "http", "url": mcp_url, "headers": {"Authorization": "Bearer ${input:agentnet-key}"}}
    return HostSettings(
        "VS Code",
        ".vscode/mcp.json",
        {"servers": {SERVER_NAME: server}, "inputs": [key_input]},
        "VS Code asks for the key once.",
    )


def _cursor(mcp_url: str) -> HostSettings:
    server = {"url": mcp_url, "headers": {"Authorization": f"Bearer ${{env:{KEY_VARIABLE}}}"}}
    return HostSettings(
        "Cursor",
        ".cursor/mcp.json",
        {"mcpServers": {SERVER_NAME: server}},
        f"Start Cursor with {KEY_VARIABLE} set.",
    )


def _claude_desktop(gateway_url: str) -> HostSettings:
    # by its full path: the desktop does not start its commands in a virtual environment
    environment = {"AGENTNET_URL": gateway_url, KEY_VARIABLE: KEY_PLACEHOLDER}
    server = {"command": sys.executable, "args": ["-m", "agentnet", "mcp"], "env": environment}
    return HostSettings(
        "Claude Desktop",
        "claude_desktop_config.json",
        {"mcpServers": {SERVER_NAME: server}},
        "On this machine the key may be left out: the bridge reads the admin key file.",
    )
