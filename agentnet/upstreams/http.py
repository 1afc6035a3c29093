"""The MCP SDK's HTTP client (httpx2) for upstream servers: the SSRF guard below it, their credentials on top."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from functools import cache
from typing import cast

import httpcore2
import httpx2

from agentnet.errors import TooLargeError
from agentnet.http.json_scan import JsonLimits, JsonScan
from agentnet.http.ssrf import PinnedBackend, check_form, resolve
from agentnet.upstreams.authorization import Authorization
from agentnet.upstreams.server import OutsideServer

CONNECT_SECONDS = 5.0
READ_SECONDS = 300.0
"""Longest silence of a server, also on a stream."""
MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""Of one answer that is no stream of events; the client limits those itself, each."""
LIMITS = JsonLimits(depth=1_000, values=200_000)
"""Of one answer or event: the SDK builds what it reads, at 350 bytes and 3 us a value, before anybody looks at it."""
MAX_CONNECTIONS = 50
UNAUTHORIZED = 401


class _Limited(httpx2.AsyncByteStream):
    """A body that ends in an error of the kind that the SDK's client answers its caller with."""

    def __init__(self, stream: httpx2.AsyncByteStream, *, is_events: bool) -> None:
        self._stream = stream
        self._is_events = is_events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen, scan = 0, JsonScan(LIMITS)
        async for chunk in self._stream:
            seen += len(chunk)
            if seen > MAX_ANSWER_BYTES and not self._is_events:
                raise httpx2.StreamError(f"The answer is over the limit of {MAX_ANSWER_BYTES} bytes.")
            of_one = chunk
            if self._is_events and (end := max(chunk.rfind(b"\n\n"), chunk.rfind(b"\r\n\r\n"))) >= 0:
                scan, of_one = JsonScan(LIMITS), chunk[end:]
            try:
                scan.feed(of_one, last=False)
            except TooLargeError as error:
                raise httpx2.StreamError(f"The answer is over a limit: {error.message}") from None
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """An httpx2 transport that goes only where the SSRF guard lets it, at each hop."""

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__(verify=tls(), trust_env=False)
        # httpx2 has no argument for the network backend; its pool is the place where one can be set.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=cast(
                httpcore2.AsyncNetworkBackend,
                PinnedBackend(
                    httpcore2.AnyIOBackend(),
                    (httpcore2.ConnectError, httpcore2.ConnectTimeout),
                    allow_private,
                    resolve,
                ),
            ),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Check the form of this hop's URL, send, and limit what is read. Raises `UnsafeUrlError`."""
        check_form(str(request.url))
        request.extensions.pop("sni_hostname", None)  # would have the certificate checked against another name
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            await response.aclose()
            raise httpx2.DecodingError("The answer is compressed, which was not asked for.", request=request)
        is_events = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Limited(response.stream, is_events=is_events)
        return response


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
        headers={"accept-encoding": "identity"},  # what a few compressed bytes unfold to has no limit
        transport=GuardedTransport(allow_private=allow_private),
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
    )


@cache
def tls() -> ssl.SSLContext:
    """The trust in authorities of every httpx2 client, one for the process: 20 ms and 0.7 MB each."""
    return httpx2.create_ssl_context(trust_env=False)
