"""A command over standard input and output as a server of the network."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import mcp

from agentnet.errors import ConfigurationError, UnavailableError
from agentnet.mcp.connection import End, is_closed, watched
from agentnet.settings import Settings
from agentnet.upstreams.declarations import CommandServer
from mcp_servers.adapters.adapted import AdaptedServer
from mcp_servers.adapters.audience import Audience
from mcp_servers.adapters.environment import private_environment
from mcp_servers.adapters.process import Ending, run_command

HOMES = "commands"
"""Folder of the commands' homes, in the network's own."""


def create_command(declared: CommandServer, settings: Settings) -> AdaptedServer:
    """The server; its command is started by the first call. Raises `ConfigurationError` unless commands may be run."""
    if not settings.mcp_commands:
        raise ConfigurationError(
            f"The MCP server {declared.name!r} is a command, and commands are off.",
            hint="Set AGENTNET_MCP_COMMANDS=true to let the network run those that its file declares.",
        )
    homes = settings.home / HOMES

    @asynccontextmanager
    async def opened(audience: Audience, end: End) -> AsyncIterator[mcp.Client]:
        over, live, ending = set[str](), set[str](), Ending()

        def ended(mode: str) -> None:
            over.add(mode)
            if over & live:  # the end of a process that refused is not the end of the next one
                end()

        try:
            with private_environment(declared, homes, audience.key.tenant) as environment:
                async with AsyncExitStack() as stack:

                    async def connect(mode: str) -> mcp.Client:
                        command = run_command(declared, environment, ending)
                        transport = watched(command, partial(ended, mode), declared.name)
                        client = mcp.Client(transport, mode=mode, cache=None, **audience.callbacks())
                        connected = await stack.enter_async_context(client)
                        live.add(mode)
                        return connected

                    try:
                        client = await connect("legacy")  # only there it tells of changes and asks in mid-call
                    except (mcp.MCPError, BaseExceptionGroup) as error:
                        if not _is_refusal(error):
                            raise
                        # It answered, and takes no handshake: it speaks 2026-07-28 alone.
                        client = await connect("auto")
                    yield client
        except Exception as error:  # whatever the SDK makes of a process that is not there any more
            if live or ending.code is None:
                raise
            raise UnavailableError(f"its command ended with exit code {ending.code}; the log has its words") from error

    return AdaptedServer(declared, opened)


def _is_refusal(error: BaseException) -> bool:
    """Whether the server answered that it takes no handshake."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return isinstance(error, mcp.MCPError) and not is_closed(error)
