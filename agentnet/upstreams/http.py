"""The MCP SDK's HTTP client (httpx2) for upstream servers: the SSRF guard below it, their credentials on top."""

import ssl
from collections.abc import AsyncGenerator, Iterable
from functools import cache
from typing import Any, cast

import httpcore2
import httpx2

from agentnet.errors import UnsafeUrlError
from agentnet.ssrf import check_form, checked_addresses, resolve
from agentnet.upstreams.authorization import Authorization
from agentnet.upstreams.server import OutsideServer

CONNECT_SECONDS = 5.0
READ_SECONDS = 300.0
"""Longest silence of a server, also on a stream."""
MAX_CONNECTIONS = 50
UNAUTHORIZED = 401


class _PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that were checked, whatever the name means by then."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._backend = cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await checked_addresses(host, port, self._allow_private, resolve)
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise UnsafeUrlError("A Unix socket is not a public address.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """An httpx2 transport that goes only where the SSRF guard lets it, at each hop."""

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        # httpx2 has no argument for the network backend; its pool is the place where one can be set.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=_PinnedBackend(allow_private),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Check the form of this hop's URL, and send. Raises `UnsafeUrlError`."""
        check_form(str(request.url))
        request.extensions.pop("sni_hostname", None)
        return await super().handle_async_request(request)


class UpstreamAuth(httpx2.Auth):
    """The headers of one server; made anew once when they are refused."""

    def __init__(self, authorization: Authorization, server: OutsideServer) -> None:
        self._authorization = authorization
        self._server = server

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send with the credential, and once more after a 401 that a fresh token may mend."""
        headers = await self._authorization.headers(self._server)
        request.headers.update(headers)
        response = yield request
        if response.status_code == UNAUTHORIZED and self._authorization.refused(self._server, headers):
            request.headers.update(await self._authorization.headers(self._server))
            yield request


def upstream_client(server: OutsideServer, authorization: Authorization, *, allow_private: bool) -> httpx2.AsyncClient:
    """A client for requests to `server`. Redirects are not followed: the credential is for this address only."""
    return httpx2.AsyncClient(
        auth=UpstreamAuth(authorization, server),
        transport=GuardedTransport(allow_private=allow_private),
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
    )


@cache
def _tls() -> ssl.SSLContext:
    """One for the process: making one costs tens of milliseconds."""
    return httpx2.create_ssl_context(trust_env=False)
