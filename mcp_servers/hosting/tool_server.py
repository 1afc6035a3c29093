"""`ToolServer`: an MCP server whose tools fail in one clear sentence, and the annotations that its tools share."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import asyncpg
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, GetPromptResult, InputRequiredResult, ToolAnnotations
from mcp_types.jsonrpc import INVALID_PARAMS
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import AnyUrl, ValidationError

from agentnet import __version__
from agentnet.database import Database
from agentnet.errors import AgentNetError, UnavailableError

LEGACY_RESOURCE_NOT_FOUND = -32002
LISTS_FRESH_MILLISECONDS = 60_000
"""How long a client may keep the lists of tools and prompts: they change with a deployment only."""

READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
READ_ONLY_WEB = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)

Ready = Callable[[], Awaitable[None]]
"""Returns when the server can work; raises `AgentNetError` with the reason when it cannot."""


async def always_ready() -> None:
    """Of a server that stands on nothing."""


def database_ready(database: Database) -> Ready:
    """Ready when the database answers."""

    async def ready() -> None:
        try:
            await database.pool.fetchval("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(f"The database does not answer ({type(error).__name__}).") from error

    return ready


class ToolServer(MCPServer[Any]):
    """A server that `mcp_servers.service` can serve. Tools raise `AgentNetError`; the model reads its message."""

    def __init__(
        self, name: str, *, description: str, instructions: str, ready: Ready = always_ready, **options: Any
    ) -> None:
        super().__init__(
            name,
            description=description,
            instructions=instructions,
            version=__version__,
            cache_hints={
                method: CacheHint(ttl_ms=LISTS_FRESH_MILLISECONDS, scope="public")
                for method in ("tools/list", "prompts/list", "resources/templates/list")
            },
            **options,
        )
        self.ready = ready

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. Raises `ToolError` whose text is the sentence to show."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            # The SDK says all else of a tool in general words; of ours the model shall read the sentence.
            cause = error.__cause__
            if isinstance(cause, AgentNetError):
                raise ToolError(str(cause)) from cause
            if isinstance(cause, ValidationError):
                raise ToolError(_sentence(name, cause)) from cause
            raise

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Fill a prompt in. Raises `MCPError` (-32602) for one that there is none of, and for wrong arguments.

        The SDK calls both its own fault, and logs them with a traceback.
        """
        try:
            return await super().get_prompt(name, arguments, context)
        except ValueError as error:
            if error.__cause__ is not None and not isinstance(error.__cause__, ValueError):
                raise
            raise MCPError(INVALID_PARAMS, f"The prompt {name[:80]!r} cannot be filled in: {error}.") from error

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource. Raises `MCPError` (-32002) where there is none in a version of the handshake.

        The SDK says -32602 there too, which is the code of the later revisions.
        """
        try:
            return await super().read_resource(uri, context)
        except ResourceNotFoundError as error:
            if context is None or context.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS:
                raise
            raise MCPError(LEGACY_RESOURCE_NOT_FOUND, str(error), {"uri": str(uri)}) from None


def _sentence(tool: str, error: ValidationError) -> str:
    problems = [
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg'][:1].lower()}{item['msg'][1:]}"
        # Without the input: it may be large, and the model has it.
        for item in error.errors(include_url=False, include_input=False)
    ]
    return f"The arguments of {tool} are wrong: {'; '.join(problems)}."
