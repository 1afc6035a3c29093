"""The seam between the client and the network: a POST to one agent, and the bytes that come back."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import httpx

from agentnet.errors import UnavailableError

Headers = Sequence[tuple[bytes, bytes]]

CONNECT_SECONDS = 5.0


class Response(Protocol):
    """A response whose head has arrived. Must be closed."""

    @property
    def status(self) -> int:
        """Of HTTP."""
        ...

    @property
    def headers(self) -> Headers:
        """As they came, in any case of letters."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises `UnavailableError` when it breaks off."""
        ...

    async def close(self) -> None:
        """Give the connection back, or end it when the body was not read to its end."""
        ...


class Transport(Protocol):
    """The way to one agent."""

    async def post(self, body: bytes, headers: Headers, *, stream: bool) -> Response:
        """Answers when the response's head is there; a `stream` may take its time then. Raises `UnavailableError`."""
        ...


class HttpxTransport:
    """Over a pool of httpx, which stays its owner's: a client for each call would make a TLS context each time."""

    def __init__(
        self, http: httpx.AsyncClient, url: str, name: str, *, idle_seconds: float | None, token: str = ""
    ) -> None:
        """`idle_seconds` is the longest silence of a stream, None for any; `name` is what errors call the agent."""
        self._http = http
        self._url = url
        self._name = name
        self._stream_timeout = httpx.Timeout(idle_seconds, connect=CONNECT_SECONDS)
        self._credential = [(b"authorization", b"Bearer " + token.encode())] if token else []

    async def post(self, body: bytes, headers: Headers, *, stream: bool) -> Response:
        """As the seam has it."""
        request = self._http.build_request(
            "POST",
            self._url,
            content=body,
            headers=[*headers, *self._credential],
            # A pool's `read` timeout is for each chunk: it would end the stream of a model that thinks.
            timeout=self._stream_timeout if stream else httpx.USE_CLIENT_DEFAULT,
        )
        try:
            # Always as a stream: httpx reads a whole answer without a limit, the client with one.
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise UnavailableError(f"{self._name} does not answer ({type(error).__name__}).") from error
        return HttpxResponse(response, self._name)


class HttpxResponse:
    """As the seam has it, over a response of httpx that is not read yet."""

    def __init__(self, response: httpx.Response, name: str) -> None:
        self.status = response.status_code
        self.headers: Headers = response.headers.raw
        self._response = response
        self._name = name

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, its content encoding undone."""
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx.HTTPError as error:
            # Not only what becomes of connections: a body that cannot be decoded is such an error too.
            raise UnavailableError(f"The stream of {self._name} broke off ({type(error).__name__}).") from error

    async def close(self) -> None:
        """As the seam has it."""
        await self._response.aclose()
