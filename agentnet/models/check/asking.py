"""Asking one server, within bounds of time and bytes, and telling apart why it cannot be asked."""

import asyncio
import errno
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import httpx2

from agentnet.errors import TooLargeError
from agentnet.http.json_scan import check_json
from agentnet.http.uncompressed import IDENTITY, is_encoded
from agentnet.models.check.address import is_loopback
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.listing import LIMITS, causes_of
from agentnet.models.endpoints.sentences import payload_of, sentence_of

MAX_BYTES = 8 * 1024 * 1024
"""Of one answer: routers list hundreds of models."""
SCHEMES = ("all://", "http://", "https://")
"""As httpx writes what a proxy is for."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a check may take."""

    answer_seconds: float = 10.0
    """Of a list of models."""
    other_seconds: float = 4.0
    """Of a look at another address, several at once."""
    first_token_seconds: float = 120.0
    """Until the first token: a server may load its model first."""
    call_seconds: float = 90.0
    """From the first token on."""
    loading_seconds: float = 300.0
    """While a server says that it loads."""
    pause_seconds: float = 1.0
    """Between two looks at a server that loads."""


class Why(StrEnum):
    """Why a server cannot be asked."""

    NAME = "name"
    REFUSED = "refused"
    CERTIFICATE = "certificate"
    NO_TLS = "no TLS"
    """TLS was tried, and what answers speaks none, or closes."""
    NO_HTTP = "no HTTP"
    """What answers does not speak HTTP, or closes."""
    SILENT = "silent"
    OTHER = "other"


class UnreachedError(Exception):
    """No answer. `found` is for people, and goes on a sentence that names the address."""

    def __init__(self, why: Why, found: str) -> None:
        super().__init__(found)
        self.why = why
        self.found = found


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes
    is_cut: bool = False
    """Whether there was more of it than is read."""

    @cached_property
    def json(self) -> Any:
        """The value; None where the body is no JSON."""
        try:
            check_json(self.body, LIMITS)  # first: two letters a value make fifty times their size
            return json.loads(self.body)
        except (ValueError, RecursionError, TooLargeError):
            return None

    @property
    def is_page(self) -> bool:
        """Whether it is HTML: made for people."""
        start = self.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")) or (
            "html" in self.headers.get("content-type", "") and start.startswith(b"<")
        )

    @property
    def words(self) -> str:
        """What it says, in its own words; empty where it says nothing."""
        return sentence_of(payload_of(self.body))

    @property
    def leads_to(self) -> str | None:
        """Where a redirect goes; None where it is none."""
        place = self.headers.get("location")
        return str(httpx.URL(self.url).join(place)) if 300 <= self.status < 400 and place else None


class Asker:
    """A client for one endpoint. It follows no redirect: where one leads is something to tell."""

    def __init__(self, endpoint: Endpoint, bounds: Bounds) -> None:
        self.bounds = bounds
        key = endpoint.api_key.get_secret_value() if endpoint.api_key else None
        secret = {name: value.get_secret_value() for name, value in endpoint.headers}
        self._secrets = ({"authorization": f"Bearer {key}"} if key else {}) | secret
        self._query = {name: value.get_secret_value() for name, value in endpoint.query}
        # The user's proxy leads to endpoints elsewhere, never back to this machine.
        direct: dict[str, httpx.AsyncBaseTransport | None] = dict.fromkeys(
            SCHEMES if is_loopback(endpoint.base_url) else ()
        )
        # The trust of the client that turns go through, which is the system's: httpx has its own.
        self._http = httpx.AsyncClient(verify=httpx2.create_ssl_context(), mounts=direct, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, url: str, *, seconds: float | None = None, keyed: bool = True) -> Answer:
        """The whole answer to a GET. Raises `UnreachedError`."""
        bound = seconds or self.bounds.answer_seconds
        try:
            async with asyncio.timeout(bound), self._sent("GET", url, None, keyed=keyed) as response:
                return await whole(response)
        except TimeoutError:
            raise UnreachedError(Why.SILENT, f"does not answer within {bound:g} s") from None

    @asynccontextmanager
    async def post(self, url: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """The answer to a POST of JSON, to be read by the block. Its time is bounded by the caller.

        Raises `UnreachedError`, also for a break while it is read.
        """
        async with self._sent("POST", url, body) as response:
            yield response

    @asynccontextmanager
    async def _sent(
        self, method: str, url: str, body: Mapping[str, Any] | None, *, keyed: bool = True
    ) -> AsyncIterator[httpx.Response]:
        headers = {"accept": "application/json" if body is None else "application/json, text/event-stream"}
        headers |= (self._secrets if keyed else {}) | IDENTITY
        query = self._query if keyed else None
        try:
            async with self._http.stream(
                method, url, json=body, headers=headers, params=query or None, timeout=None
            ) as response:
                if is_encoded(response.headers):
                    raise UnreachedError(Why.OTHER, "answers compressed, which was not asked for")
                yield response
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise  # the caller's bound
            raise _unreached(error, url) from error


async def whole(response: httpx.Response) -> Answer:
    """All of an answer, up to `MAX_BYTES`."""
    body, cut = bytearray(), False
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            cut = True
            break
    return Answer(str(response.url), response.status_code, response.headers, bytes(body[:MAX_BYTES]), cut)


def _unreached(error: Exception, url: str) -> UnreachedError:
    causes = [*causes_of(error)]
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return UnreachedError(Why.CERTIFICATE, f"has a certificate that is not trusted: {tls.verify_message}")
    is_tls = urlsplit(url).scheme == "https"
    number = next((cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    if tls is not None:
        reason = str(tls.reason or "it failed").replace("_", " ").lower()
        return UnreachedError(Why.NO_TLS, f"does not speak TLS as a server of https:// does ({reason})")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return UnreachedError(Why.NAME, "names a host that is not known")
    if number == errno.ECONNREFUSED:
        return UnreachedError(Why.REFUSED, "has nothing that listens there")
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError) or number == errno.ECONNRESET:
        if is_tls and isinstance(error, httpx.ConnectError):
            return UnreachedError(Why.NO_TLS, "closes the connection when TLS begins")
        return UnreachedError(Why.NO_HTTP, "does not answer in HTTP, or closes the connection before it has")
    if isinstance(error, httpx.ProxyError):
        return UnreachedError(Why.OTHER, f"is refused by the proxy of this environment: {error}")
    if is_tls and isinstance(error, httpx.ConnectError) and number is None:
        return UnreachedError(Why.NO_TLS, "closes the connection when TLS begins")
    why = os.strerror(number).lower() if number else str(error).rstrip(".") or type(error).__name__
    return UnreachedError(Why.OTHER, f"cannot be reached: {why}")
