"""A user's own MCP server: the `MCPServer` of the SDK in the `server.py` of a folder."""

from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from agentnet.errors import ConfigurationError
from agentnet.manifests.folder_import import import_file
from agentnet.manifests.toolfolders import SERVER_FILE
from mcp_servers.hosting.hosted import Hosted


def load_folder(name: str, folder: Path) -> Hosted:
    """The server in `folder`. Raises `ConfigurationError` that says what is wrong with its file."""
    path, module_name = folder / SERVER_FILE, f"agentnet_mcp_{name.replace('-', '_')}"
    servers = [value for value in vars(import_file(path, module_name)).values() if isinstance(value, MCPServer)]
    if len(servers) != 1:
        raise ConfigurationError(f"{path} must make one mcp.server.mcpserver.MCPServer; it makes {len(servers)}.")
    server: MCPServer[Any] = servers[0]
    # Its tokens are for the folder's name, and its entry is under the server's own.
    if server.name != name:
        raise ConfigurationError(f"{path}: the server is named {server.name!r} and its folder {name!r}.")
    return Hosted(server, server.list_tools, streams=True)
