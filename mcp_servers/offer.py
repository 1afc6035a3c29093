"""The servers that this package offers. A new one is a sub-package with `create_server`, and one line here."""

from collections.abc import Awaitable, Callable
from importlib import import_module

from agentnet.errors import NotFoundError
from agentnet.runtime import Runtime
from mcp_servers.server import ToolServer

CreateServer = Callable[[Runtime], Awaitable[ToolServer]]

KNOWN = {
    "data": "mcp_servers.data.server",
    "knowledge": "mcp_servers.knowledge.server",
    "toolbox": "mcp_servers.toolbox.server",
    "web": "mcp_servers.web.server",
}
"""Name of a server to the module that has its `create_server`; imported when it is asked for."""


def names() -> list[str]:
    """The names of all servers, sorted."""
    return sorted(KNOWN)


async def create_server(runtime: Runtime, name: str) -> ToolServer:
    """Build the server of that name. Raises `NotFoundError` that names the known ones."""
    module = KNOWN.get(name)
    if module is None:
        raise NotFoundError(f"There is no MCP server {name!r}.", hint=f"There are {', '.join(names())}.")
    create: CreateServer = import_module(module).create_server
    return await create(runtime)
