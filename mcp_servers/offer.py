"""The servers that there are: this package's, those in the user's folders, and those that the operator's file declares.

A new one of this package is a sub-package with `create_server`, and one line here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec

from agentnet.errors import ConfigurationError, NotFoundError
from agentnet.manifests.toolfolders import find_tool_folders
from agentnet.process.runtime import Runtime
from agentnet.upstreams.declarations import CommandServer, OpenApiServer, SseServer, load_declarations
from mcp_servers.hosting.hosted import Hosted
from mcp_servers.hosting.tool_server import ToolServer

CreateServer = Callable[[Runtime], Awaitable[ToolServer]]

KNOWN = {
    "data": "mcp_servers.data.server",
    "knowledge": "mcp_servers.knowledge.server",
    "toolbox": "mcp_servers.toolbox.server",
    "web": "mcp_servers.web.server",
}
"""Name of a server to the module that has its `create_server`; imported when it is asked for."""
EXTRAS = {"data": ("duckdb", "openpyxl", "vl_convert")}
"""What a server imports that only the extra of its name brings along."""


def names() -> list[str]:
    """The names of this package's servers, sorted."""
    return sorted(KNOWN)


async def create_server(runtime: Runtime, name: str) -> ToolServer:
    """Build this package's server of that name. Raises `NotFoundError`, `ConfigurationError` without its extra."""
    module = KNOWN.get(name)
    if module is None:
        raise NotFoundError(f"There is no MCP server {name!r}.", hint=f"There are {', '.join(names())}.")
    missing = [package for package in EXTRAS.get(name, ()) if find_spec(package) is None]
    if missing:
        raise ConfigurationError(
            f"The MCP server {name!r} needs packages that are not installed: {', '.join(missing)}.",
            hint=f"Install the extra agentnet[{name}]; the image whose tag ends in -{name} has it.",
        )
    create: CreateServer = import_module(module).create_server
    return await create(runtime)


async def find_server(runtime: Runtime, name: str) -> Hosted:
    """The server of that name, made ready to be served.

    Raises `NotFoundError` that names the known ones, `ConfigurationError`.
    """
    settings = runtime.settings
    folders = find_tool_folders(settings.mcp_dirs)
    declared = {server.name: server for server in load_declarations(settings.mcp_servers_file).adapted}
    taken = [other for other in (*folders, *declared) if other in KNOWN or (other in folders and other in declared)]
    if taken:
        raise ConfigurationError(f"Two MCP servers are named {taken[0]!r}.")
    if name in folders:
        # It runs a user's code; and each adapter brings libraries that others need not load.
        from mcp_servers.folder import load_folder

        return load_folder(name, folders[name])
    if name in declared:
        hosted = await _adapt(runtime, declared[name])
        return replace(hosted, limits=declared[name])
    if name not in KNOWN:
        known = ", ".join(sorted((*KNOWN, *folders, *declared)))
        raise NotFoundError(f"There is no MCP server {name!r}.", hint=f"There are {known}.")
    server = await create_server(runtime, name)
    return Hosted(server, server.list_tools, server.ready)


async def _adapt(runtime: Runtime, declared: CommandServer | SseServer | OpenApiServer) -> Hosted:
    match declared:
        case CommandServer():
            from mcp_servers.adapters.command import create_command

            adapted = create_command(declared, runtime.settings)
        case SseServer():
            from mcp_servers.adapters.sse import create_sse

            adapted = create_sse(declared, await runtime.upstreams())
        case OpenApiServer():
            from mcp_servers.adapters.openapi.server import create_openapi

            return create_openapi(declared, await runtime.upstreams())
    return Hosted(adapted, adapted.list_tools, adapted.ready, declared.tenant, streams=True, sessions=True)
