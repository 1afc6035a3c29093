"""The seam to the agents: one exchange of bytes over pooled connections. Nothing here knows A2A."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import httpx

from agentnet.errors import UnavailableError

Headers = list[tuple[bytes, bytes]]

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 300.0
"""Longest silence of an agent; its streams send keep-alive comments well within it."""
KEEP_ALIVE_SECONDS = 4.0
"""Below uvicorn's own five seconds, so that a pooled connection is not used while the agent closes it."""


class NotReachedError(UnavailableError):
    """No connection: not a byte of the request was sent, so it may go to another instance."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to an agent."""

    method: str
    url: str
    headers: Headers
    body: bytes | AsyncIterable[bytes]


class Incoming(Protocol):
    """An agent's response whose head has arrived. Must be closed."""

    status: int
    headers: Headers

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, not decoded. Raises `UnavailableError` when it breaks off."""
        ...

    async def close(self) -> None:
        """Give the connection back, or end it when the body was not read to its end."""
        ...


class Transport(Protocol):
    """Sends requests over long-lived connections."""

    async def send(self, request: Outgoing) -> Incoming:
        """Answers when the response's head is there. Raises `NotReachedError`, `UnavailableError`."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class _HttpxIncoming:
    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Headers = response.headers.raw
        self._response = response

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_raw():
                yield chunk
        except httpx.HTTPError as error:
            raise UnavailableError(f"The agent broke off ({type(error).__name__}).") from error

    async def close(self) -> None:
        await self._response.aclose()


class HttpxTransport:
    """httpx's connection pool without its client: no cookies, no redirects, no decoding, no shared limit."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=512, keepalive_expiry=KEEP_ALIVE_SECONDS)
        self._pool = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._extensions = {"timeout": httpx.Timeout(IDLE_SECONDS, connect=CONNECT_SECONDS).as_dict()}

    async def send(self, request: Outgoing) -> Incoming:
        """Send `request`."""
        sent = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.body,
            extensions=self._extensions,
        )
        try:
            return _HttpxIncoming(await self._pool.handle_async_request(sent))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotReachedError(f"No connection ({type(error).__name__}).") from error
        except httpx.HTTPError as error:
            raise UnavailableError(f"The agent did not answer ({type(error).__name__}).") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()
