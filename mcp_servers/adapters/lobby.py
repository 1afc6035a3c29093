"""The sessions of an adapted server, and which process or connection each of them is served by."""

from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from mcp_servers.adapters.audience import Audience, Context, Host, Key, can_be_asked
from mcp_servers.hosting.caller import caller_of

HOST = "agentnet.host"
"""Where a connection of the SDK keeps its `Host`."""


class Lobby:
    """Lets sessions in, by the SDK's middleware. A host that can be asked has a process to itself, for what a process
    asks does not say whom; all other sessions of a tenant share one. `emptied` is told of a key that nobody needs."""

    def __init__(self, emptied: Callable[[Key], Awaitable[None]]) -> None:
        self._emptied = emptied
        self._audiences: dict[Key, Audience] = {}

    def audience(self, key: Key) -> Audience:
        """Who is served by the process of that key."""
        return self._audiences.setdefault(key, Audience(key))

    def is_watched(self, key: Key) -> bool:
        """Whether some session waits to hear of a resource."""
        return key in self._audiences and bool(self._audiences[key].watched)

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Middleware: sessions only, for the 2026-07-28 revision has no way to ask a host in the middle of a call but
        to begin it anew. The gateway translates."""
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            said: dict[str, Any] = {"supported": list(HANDSHAKE_PROTOCOL_VERSIONS), "requested": ctx.protocol_version}
            raise MCPError(types.UNSUPPORTED_PROTOCOL_VERSION, "This server needs a session.", said)
        if ctx.method != "initialize":
            self.host(ctx)
        return await call_next(ctx)

    def host(self, context: Context) -> Host:
        """The session of a request, let in by the first one."""
        connection = context.session._connection
        found: Host | None = connection.state.get(HOST)
        if found is not None:
            return found
        # Only where questions can come is a process of its own needed.
        alone = connection.session_id if can_be_asked(connection.client_capabilities) else None
        host = Host(connection, Key(caller_of(context).tenant, alone or ""))
        connection.state[HOST] = host
        self.audience(host.key).hosts.add(host)
        connection.exit_stack.push_async_callback(self._leave, host)
        return host

    async def _leave(self, host: Host) -> None:
        self.audience(host.key).hosts.discard(host)
        if host.key.session:
            self._audiences.pop(host.key, None)
            await self._emptied(host.key)
