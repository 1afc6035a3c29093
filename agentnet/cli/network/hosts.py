"""Settings that attach an MCP host to a gateway, ready to paste. They hold a reference to the key, never the key."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.settings import Settings, default_home

SERVER_NAME = "agentnet"
KEY_VARIABLE = "AGENTNET_API_KEY"
SHOW_KEY_COMMAND = "agentnet keys show-admin"


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What one host wants in which file."""

    host: str
    file: str
    settings: dict[str, Any]
    note: str


def host_settings(settings: Settings) -> list[HostSettings]:
    """For VS Code, Cursor and Claude Desktop."""
    mcp_url = f"{settings.gateway_url}/mcp"
    return [_vs_code(mcp_url), _cursor(mcp_url), _claude_desktop(settings)]


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


def _claude_desktop(settings: Settings) -> HostSettings:
    environment = {"AGENTNET_URL": settings.gateway_url}
    if settings.home != default_home():  # where the bridge finds the key: it gets no variable of this shell
        environment["AGENTNET_HOME"] = str(settings.home.absolute())
    # by its full path: the desktop does not start its commands in a virtual environment
    command = Path(sys.executable).with_name("agentnet")
    server = (
        {"command": str(command), "args": ["mcp"], "env": environment}
        if command.is_file()
        else {"command": sys.executable, "args": ["-m", "agentnet", "mcp"], "env": environment}
    )
    note = (
        f"Add {KEY_VARIABLE} to its env: the network runs with a key of that variable."
        if settings.api_key is not None
        else "On this machine the bridge reads the admin key file."
    )
    return HostSettings("Claude Desktop", "claude_desktop_config.json", {"mcpServers": {SERVER_NAME: server}}, note)
