"""The upstream servers that a tenant sees, stored and declared, and clients to them. One for a process."""

import httpx
import httpx2

from agentnet.database import Database
from agentnet.errors import NotFoundError
from agentnet.http.ssrf import check_url, guarded_client
from agentnet.identity.sealing import Seal
from agentnet.ids import EVERYONE
from agentnet.settings import Settings
from agentnet.upstreams.authorization import Authorization
from agentnet.upstreams.credential import ClientCredentials
from agentnet.upstreams.declarations import load_declarations
from agentnet.upstreams.http import upstream_client
from agentnet.upstreams.server import NewServer, OutsideServer, Replacement
from agentnet.upstreams.store import UpstreamStore
from agentnet.upstreams.tokens import MAX_ANSWER_BYTES, AccessTokens


class Upstreams:
    """What a tenant's admin added goes before what the operator declared."""

    def __init__(self, database: Database, seal: Seal, settings: Settings) -> None:
        self.store = UpstreamStore(database, seal)
        self.allow_private = settings.allow_private_urls
        declarations = load_declarations(settings.mcp_servers_file)
        self._declared = declarations.remote
        self._names = [(server.tenant, server.name) for server in declarations.servers]
        tls = httpx.create_ssl_context(trust_env=False)
        self._http = guarded_client(allow_private=self.allow_private, max_bytes=MAX_ANSWER_BYTES, verify=tls)
        self._private_http = guarded_client(allow_private=True, max_bytes=MAX_ANSWER_BYTES, verify=tls)
        self.authorization = Authorization(AccessTokens(self._http), AccessTokens(self._private_http))

    async def names(self) -> list[str]:
        """Of every server that some tenant may use."""
        return [*(server.name for server in self._declared), *await self.store.names()]

    async def visible(self, tenant: str) -> list[OutsideServer]:
        """The servers that a tenant sees, by name, those that are switched off too."""
        found = {server.name: server for server in self.declared(tenant)}
        found |= {server.name: server for server in await self.store.list(tenant)}
        return [found[name] for name in sorted(found)]

    async def get(self, tenant: str, name: str) -> OutsideServer:
        """One that the tenant sees. Raises `NotFoundError`."""
        try:
            return await self.store.get(tenant, name)
        except NotFoundError:
            for server in self.declared(tenant):
                if server.name == name:
                    return server
            raise

    async def add(self, tenant: str, new: NewServer) -> OutsideServer:
        """Store a server whose address may be used. Raises `UnsafeUrlError`, and what `UpstreamStore.add` raises."""
        await self._check(new)
        return await self.store.add(tenant, new)

    async def replace(self, server: OutsideServer, new: Replacement) -> OutsideServer:
        """Put `new` in a stored server's place. Raises `UnsafeUrlError`, and what `UpstreamStore.replace` raises."""
        await self._check(new)
        return await self.store.replace(server, new)

    async def _check(self, new: NewServer | Replacement) -> None:
        """Raises `UnsafeUrlError` for an address that requests or secrets may not go to."""
        await check_url(new.url, allow_private=self.allow_private)
        if isinstance(new.credential, ClientCredentials):
            await check_url(new.credential.token_url, allow_private=self.allow_private)

    def declared(self, tenant: str) -> list[OutsideServer]:
        """The operator's own servers that the tenant sees."""
        return [server for server in self._declared if server.tenant in (EVERYONE, tenant)]

    def is_declared(self, tenant: str, name: str) -> bool:
        """Whether the operator's file has a server of that name for the tenant, of whatever kind."""
        return (EVERYONE, name) in self._names or (tenant, name) in self._names

    def client(self, server: OutsideServer) -> httpx2.AsyncClient:
        """A client for requests to `server` and nowhere else; close it."""
        return upstream_client(server, self.authorization, allow_private=self.may_be_private(server))

    def may_be_private(self, server: OutsideServer) -> bool:
        """Whether requests to `server` may go to private addresses: the operator said so, of it or of all."""
        return self.allow_private or server.allow_private

    async def close(self) -> None:
        """Close what fetches tokens."""
        await self._http.aclose()
        await self._private_http.aclose()
