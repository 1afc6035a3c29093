"""One HTTP request to an upstream server: its credential in the caller's place, the next instance for one that is away.

Bytes go through the gateway's long-lived pool; a connection that broke is replaced by the next request.
"""

from collections.abc import AsyncIterator, Callable
from functools import partial

from cachetools import LRUCache
from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.errors import UnavailableError
from agentnet.identity import Principal
from gateway.http.headers import header_of
from gateway.http.rotation import Rotation
from gateway.http.transport import Headers, Incoming, NotReachedError, Outgoing, Transport
from gateway.mcp.messages.envelope import SESSION_HEADER, VERSION_HEADER
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.hops import VIA, Hops
from gateway.mcp.messages.parameters import PARAM_PREFIX
from gateway.mcp.messages.session import UpstreamSession
from gateway.mcp.upstream.flow import Flow, Rate
from gateway.mcp.upstream.server import UpstreamServer

# A list of what passes, not of what does not: no token of the client may (2026-07-28, security: token passthrough).
PASSED_ON = frozenset(
    {
        b"accept",
        b"content-type",
        b"last-event-id",
        b"mcp-method",
        b"mcp-name",
        b"mcp-protocol-version",
        b"traceparent",
        b"tracestate",
        VIA,
    }
)
UNAUTHORIZED = 401
OWN_BUSINESS = frozenset({401, 403, 407})
"""Between the gateway and the upstream server: the client's own credential is not meant."""
UNCOUNTED_BYTES = 16 * 1024
"""Of a stream, before its messages are counted: nearly every answer is shorter."""
MAX_RATES = 4096
"""Servers whose rate is known."""


class UpstreamHttp:
    """Sends requests to upstream servers."""

    def __init__(self, transport: Transport, hops: Hops) -> None:
        self._transport = transport
        self._hops = hops
        self._rotation = Rotation()
        self._rates: LRUCache[tuple[str, str], Rate] = LRUCache(MAX_RATES)

    async def open(
        self,
        server: UpstreamServer,
        principal: Principal,
        method: str,
        headers: Headers,
        body: bytes = b"",
        *,
        url: str | None = None,
    ) -> tuple[Incoming, str]:
        """The response, which must be closed, and the instance that gave it; `url` insists on one.

        Another instance is tried only while nothing was sent. Raises `UnavailableError`.
        """
        incoming, place = await self._open(server, principal, method, headers, body, url)
        # Once: a token may have been revoked before its time.
        if incoming.status == UNAUTHORIZED and await server.source.refused(server, principal):
            await incoming.close()
            incoming, place = await self._open(server, principal, method, headers, body, place)
        return incoming, place

    async def _open(
        self, server: UpstreamServer, principal: Principal, method: str, headers: Headers, body: bytes, url: str | None
    ) -> tuple[Incoming, str]:
        sent = [*headers, self._hops.header, *await server.source.credential(server, principal)]
        transport = server.transport or self._transport
        reason: Exception | None = None
        for place in [url] if url else self._rotation.ordered(server.urls):
            try:
                incoming = await transport.send(Outgoing(method, place, sent, body))
                rate = partial(self._rate, server) if is_stream(incoming) else None
                return _Answer(incoming, server.name, rate), place
            except NotReachedError as error:
                reason = error
                self._rotation.mark_down(place)
            except UnavailableError as error:
                self._rotation.mark_down(place)
                # It was sent, and a tool may have been called: another instance is not tried.
                raise _away(server, error) from error
        raise _away(server, reason) from reason

    def _rate(self, server: UpstreamServer) -> Rate:
        key = server.tenant, server.name
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = Rate()
        return rate


class _Answer:
    """A response that says of itself whose it is when it breaks off; a stream is read as its flow allows."""

    __slots__ = ("_incoming", "_rate", "_server", "headers", "status")

    def __init__(self, incoming: Incoming, server: str, rate: Callable[[], Rate] | None) -> None:
        self.status = incoming.status
        self.headers = incoming.headers
        self._incoming = incoming
        self._server = server
        self._rate = rate
        """Of a stream."""

    async def chunks(self) -> AsyncIterator[bytes]:
        flow, size = None, 0
        try:
            async for chunk in self._incoming.chunks():
                size += len(chunk)
                if self._rate is None or size <= UNCOUNTED_BYTES:
                    yield chunk
                    continue
                flow = flow or Flow(self._rate())
                if flow.is_free(chunk):
                    yield chunk
                    continue
                async for piece in flow.slowly(chunk):
                    yield piece
        except UnavailableError:
            raise UnavailableError(
                f"The MCP server {self._server!r} broke off in the middle of its answer; the call may have had effects."
            ) from None

    def at_hand(self) -> bytes | None:
        return self._incoming.at_hand()

    def limit_silence(self, seconds: float) -> None:
        self._incoming.limit_silence(seconds)

    async def close(self) -> None:
        await self._incoming.close()


def passed_on(headers: Headers) -> Headers:
    """The client's headers that an upstream server gets: MCP's own and the trace, no credential, no cookie.

    White space around values is stripped: servers compare them with the body.
    """
    return [(name, value.strip()) for name, value in headers if name in PASSED_ON or name.startswith(PARAM_PREFIX)]


def session_headers(session: UpstreamSession) -> Headers:
    """The headers of a request within a session."""
    headers = [(VERSION_HEADER, session.version.encode())]
    return [*headers, (SESSION_HEADER, session.id.encode())] if session.id else headers


def session_id_of(incoming: Incoming) -> str:
    """The session that a response names, or nothing."""
    return header_of(incoming.headers, SESSION_HEADER).strip().decode("latin-1")


def check_admitted(incoming: Incoming, server: str) -> None:
    """Raises `McpError` when the server refused the gateway itself."""
    if incoming.status in OWN_BUSINESS:
        raise McpError(
            INTERNAL_ERROR, f"The MCP server {server!r} refused the gateway's credential.", heard=incoming.status
        )


def is_stream(incoming: Incoming) -> bool:
    """Whether the response is a stream of events."""
    return header_of(incoming.headers, b"content-type").lower().startswith(b"text/event-stream")


def is_json(incoming: Incoming) -> bool:
    """Whether the response says that it is JSON."""
    return header_of(incoming.headers, b"content-type").lower().startswith(b"application/json")


def _away(server: UpstreamServer, reason: Exception | None) -> UnavailableError:
    return UnavailableError(f"The MCP server {server.name!r} does not answer.", hint=str(reason) if reason else None)
