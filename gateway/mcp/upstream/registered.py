"""The MCP servers of the registry: our own kind, which take a service token and nothing else."""

import logging

from pydantic import ValidationError

from agentnet.discovery.directory import Directory, Entry
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from agentnet.upstreams.timeouts import UNLIMITED, Timeouts, limits_in
from gateway.http.transport import Headers
from gateway.mcp.upstream.server import UpstreamServer

logger = logging.getLogger(__name__)


class RegisteredServers:
    """A `Source`."""

    def __init__(self, directory: Directory, tokens: Tokens) -> None:
        self._directory = directory
        self._tokens = tokens

    async def servers(self, principal: Principal) -> list[UpstreamServer]:
        """All live servers that the tenant sees."""
        entries = await self._directory.list(principal, "mcp")
        return [
            UpstreamServer(
                name=entry.name,
                urls=tuple(sorted(entry.urls or [entry.url])),
                tenant=entry.tenant,
                source=self,
                description=entry.description,
                document=entry.document,
                timeouts=said_limits(entry),
            )
            for entry in entries
        ]

    async def credential(self, server: UpstreamServer, principal: Principal) -> Headers:
        """A token that no other server takes, with the caller's tenant and subject."""
        return [(b"authorization", f"Bearer {self._tokens.mint(principal, f'mcp:{server.name}')}".encode())]

    async def refused(self, server: UpstreamServer, principal: Principal) -> bool:
        """Tokens are minted anew when they are due: another one would be the same."""
        return False


def said_limits(entry: Entry) -> Timeouts:
    """What the entry says of the time of calls; nothing where it cannot be read."""
    try:
        return limits_in(entry.document)
    except ValidationError as error:
        logger.warning("the limits in the entry of the MCP server %s are wrong: %s", entry.name, error)
        return UNLIMITED
