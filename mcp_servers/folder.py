"""A user's own MCP server: the `MCPServer` of the SDK in the `server.py` of a folder."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from agentnet.errors import AgentNetError, ConfigurationError
from agentnet.toolfolders import SERVER_FILE
from mcp_servers.hosted import Hosted


def load_folder(name: str, folder: Path) -> Hosted:
    """The server in `folder`. Raises `ConfigurationError` that says what is wrong with its file."""
    path = folder / SERVER_FILE
    servers = [value for value in vars(_import(name, path)).values() if isinstance(value, MCPServer)]
    if len(servers) != 1:
        raise ConfigurationError(f"{path} must make one mcp.server.mcpserver.MCPServer; it makes {len(servers)}.")
    server: MCPServer[Any] = servers[0]
    if server.name != name:
        raise ConfigurationError(f"{path}: the server is named {server.name!r} and its folder {name!r}.")
    return Hosted(server, server.list_tools, streams=True)


def _import(name: str, path: Path) -> Any:
    """Import a folder's file under a name of its own, so that two folders' `server.py` do not meet."""
    module_name = f"agentnet_mcp_{name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except AgentNetError:
        raise
    except Exception as error:  # a user's own code: whatever it raises is said in one line
        raise ConfigurationError(f"{path} cannot be imported: {type(error).__name__}: {error}.") from error
    return module
