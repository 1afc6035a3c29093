"""A command over standard input and output as a server of the network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import mcp

from agentnet.errors import ConfigurationError
from agentnet.mcp_connection import End, watched
from agentnet.settings import Settings
from agentnet.upstreams.declarations import CommandServer
from mcp_servers.adapters.adapted import AdaptedServer
from mcp_servers.adapters.process import run_command
from mcp_servers.adapters.seats import Seats


def create_command(declared: CommandServer, settings: Settings) -> AdaptedServer:
    """The server; its command is started by the first call. Raises `ConfigurationError` unless commands may be run."""
    if not settings.mcp_commands:
        raise ConfigurationError(
            f"The MCP server {declared.name!r} is a command, and commands are off.",
            hint="Set AGENTNET_MCP_COMMANDS=true to let the network run those that its file declares.",
        )

    @asynccontextmanager
    async def opened(end: End) -> AsyncIterator[mcp.Client]:
        async with mcp.Client(watched(run_command(declared), end), cache=None) as client:
            yield client

    return AdaptedServer(declared, Seats(declared.name, opened))
