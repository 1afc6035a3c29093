"""The SSRF guard: what any URL given by others goes through before this network sends a request to it.

`guarded_client` makes an httpx client that looks a name up once, checks every address it has and connects to the
checked address, so a name cannot change its meaning in between (DNS rebinding); TLS and `Host` keep the name. Each hop
of a redirect goes the same way. `fetch` reads a body within limits of size, time and type.
"""

import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, cast

import anyio
import httpcore
import httpx

from agentnet.errors import InvalidInputError, TooLargeError, UnavailableError, UnsafeUrlError

MAX_URL_CHARACTERS = 2048
MAX_REDIRECTS = 5
MAX_BYTES = 8 * 1024 * 1024
CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
TOTAL_SECONDS = 30.0
LOOKUP_SECONDS = 5.0
MAX_CONNECTIONS = 50
FIRST_FREE_PORT = 1024
LAST_PORT = 65_535

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Collection[str]]]
"""The addresses of a host name, as text."""

# RFC 6890 and what came after it; 168.63.129.16 is a public address that Azure gives to its own metadata.
_REFUSED_IPV4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
# Only 2000::/3 is public; inside it are tunnels that carry an IPv4 address (6to4, Teredo) and documentation.
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_REFUSED_IPV6 = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_PRIVATE = [
    ip_network(network)
    for network in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7")
]
"""What `allow_private` passes. Link-local addresses stay refused: clouds serve credentials there."""
# Where some do so inside of what is private: Alibaba, AWS, Google, Oracle.
_METADATA = [ip_address(text) for text in ("100.100.100.200", "fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe")]

_NUMBER_AT_THE_END = re.compile(r"(?:^|\.)(?:\d+|0[xX][0-9a-fA-F]*)\.?$")
_DECODED = frozenset({"", "identity", "gzip", "deflate"})


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed, and the addresses that its host had."""

    url: httpx.URL
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A body that was fetched."""

    url: str
    """Where it was found, after redirects."""
    status: int
    media_type: str
    charset: str | None
    body: bytes


async def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver has for `host`."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(item[4][0]) for item in found]


def is_allowed(address: Address, *, allow_private: bool = False) -> bool:
    """Whether a request may go to `address`: public, or private where that is allowed."""
    if address in _METADATA:
        return False
    if allow_private and any(address in network for network in _PRIVATE):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_IPV4)
    return address in _PUBLIC_IPV6 and not any(address in network for network in _REFUSED_IPV6)


def check_form(url: str | httpx.URL) -> httpx.URL:
    """`url`, parsed, if its form is safe: scheme, host, port, no credentials. Raises `UnsafeUrlError`."""
    if len(str(url)) > MAX_URL_CHARACTERS:
        raise UnsafeUrlError(f"The URL is longer than the limit of {MAX_URL_CHARACTERS} characters.")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise UnsafeUrlError("The URL cannot be read; https://example.com/page is one.") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise UnsafeUrlError("Only http and https URLs with a host are taken, such as https://example.com/page.")
    if parsed.userinfo:
        raise UnsafeUrlError("A URL with a user name or password in it is not taken.")
    if parsed.port is not None and parsed.port not in {80, 443} and parsed.port < FIRST_FREE_PORT:
        raise UnsafeUrlError(f"Port {parsed.port} is not taken; 80, 443 and ports from {FIRST_FREE_PORT} are.")
    if parsed.port is not None and parsed.port > LAST_PORT:
        raise UnsafeUrlError(f"There is no port {parsed.port}: the last one is {LAST_PORT}.")
    _check_host(parsed.host)
    return parsed


def _check_host(host: str) -> None:
    # Resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses; only the plain form is one here.
    if _NUMBER_AT_THE_END.search(host) and not _is_plain_ipv4(host):
        raise UnsafeUrlError(f"{host} is not a host name, and not an address in its plain form.")


def _is_plain_ipv4(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False


async def check_url(url: str | httpx.URL, *, allow_private: bool = False, resolve: Resolve = resolve) -> Target:
    """`url` if a request may be sent to it now. Raises `UnsafeUrlError` with the reason.

    The answer may be another one later: send the request with `guarded_client`, which checks again.
    """
    parsed = check_form(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return Target(parsed, await checked_addresses(parsed.host, port, allow_private, resolve))


async def checked_addresses(host: str, port: int, allow_private: bool, resolve: Resolve) -> tuple[str, ...]:
    """The addresses of `host`, all of them allowed: one bad among good ones is an attack, not an accident."""
    try:
        found = [str(ip_address(host))]
    except ValueError:
        found = await _lookup(host, port, resolve)
    for text in found:
        # A link-local IPv6 address may carry its interface behind a per cent sign (RFC 4007 section 11).
        if not is_allowed(ip_address(text.partition("%")[0]), allow_private=allow_private):
            raise UnsafeUrlError(f"{host} does not lead to a public address.")
    return tuple(dict.fromkeys(found))


async def _lookup(host: str, port: int, resolve: Resolve) -> list[str]:
    try:
        with anyio.fail_after(LOOKUP_SECONDS):
            found = list(await resolve(host, port))
    except (OSError, UnicodeError, TimeoutError):
        raise UnsafeUrlError(f"The host {host} cannot be found.") from None
    if not found:
        raise UnsafeUrlError(f"The host {host} cannot be found.")
    return found


class PinnedBackend:
    """A network backend of httpcore or httpcore2 that connects to the addresses that were checked, whatever the name
    means by then; `unreachable` is what that library raises for an address that does not answer."""

    def __init__(
        self, backend: Any, unreachable: tuple[type[Exception], ...], allow_private: bool, resolve: Resolve
    ) -> None:
        self._backend = backend
        self._unreachable = unreachable
        self._allow_private = allow_private
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Any:
        addresses = await checked_addresses(host, port, self._allow_private, self._resolve)
        for address in addresses[:-1]:  # a host with IPv6 addresses and no route to them is still reached over IPv4
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except self._unreachable:
                continue
        return await self._backend.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> Any:
        raise UnsafeUrlError("A Unix socket is not a public address.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class _LimitedStream(httpx.AsyncByteStream):
    """A body that ends in `TooLargeError` when it grows over the limit."""

    def __init__(self, stream: httpx.AsyncByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for chunk in self._stream:
            seen += len(chunk)
            if seen > self._max_bytes:
                raise _too_large(self._max_bytes)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class GuardedTransport(httpx.AsyncHTTPTransport):
    """An httpx transport for URLs given by others; see `guarded_client`."""

    def __init__(self, *, allow_private: bool, max_bytes: int, resolve: Resolve, verify: ssl.SSLContext | bool) -> None:
        context = httpx.create_ssl_context(verify=verify, trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._max_bytes = max_bytes
        # httpx has no argument for the network backend; its pool is the place where one can be set.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=cast(
                httpcore.AsyncNetworkBackend,
                PinnedBackend(
                    httpcore.AnyIOBackend(),
                    (httpcore.ConnectError, httpcore.ConnectTimeout),
                    allow_private,
                    resolve,
                ),
            ),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check the form of this hop's URL, send, and limit the body. Raises `UnsafeUrlError`, `TooLargeError`."""
        check_form(request.url)
        request.extensions.pop("sni_hostname", None)  # would have the certificate checked against another name
        response = await super().handle_async_request(request)
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            await response.aclose()
            raise _too_large(self._max_bytes)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _LimitedStream(response.stream, self._max_bytes)
        return response


def guarded_client(
    *,
    allow_private: bool = False,
    max_bytes: int = MAX_BYTES,
    resolve: Resolve = resolve,
    verify: ssl.SSLContext | bool = True,
    **options: Any,
) -> httpx.AsyncClient:
    """A client for URLs given by others: checked and pinned at each hop, at most `MAX_REDIRECTS` hops, no proxies.

    Its requests raise `UnsafeUrlError` and, for a body over `max_bytes`, `TooLargeError`. `options` go to httpx; keep
    one client for long, each costs tens of milliseconds.
    """
    transport = GuardedTransport(allow_private=allow_private, max_bytes=max_bytes, resolve=resolve, verify=verify)
    options.setdefault("timeout", httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS))
    # httpx would also offer br and zstd where their libraries are installed; `read_body` knows these two.
    options.setdefault("headers", {"accept-encoding": "gzip, deflate"})
    return httpx.AsyncClient(
        transport=transport, trust_env=False, follow_redirects=True, max_redirects=MAX_REDIRECTS, **options
    )


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    *,
    media_types: Collection[str],
    max_bytes: int = MAX_BYTES,
    seconds: float = TOTAL_SECONDS,
) -> Page:
    """GET `url` with a guarded client, within limits that also count what compression hides.

    `media_types` are full (`text/html`) or families (`text/`). Raises `UnsafeUrlError`, `TooLargeError`,
    `InvalidInputError` for another type, `UnavailableError` when the site does not answer.
    """
    check_form(url)
    try:
        with anyio.fail_after(seconds):
            async with client.stream("GET", url) as response:
                return await _read(response, media_types, max_bytes)
    except httpx.TooManyRedirects:
        raise UnsafeUrlError(f"The URL leads through more than {MAX_REDIRECTS} redirects.") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.RemoteProtocolError, httpx.DecodingError) as error:
        raise InvalidInputError(f"The answer from {httpx.URL(url).host} cannot be used ({error}).") from None
    except (TimeoutError, httpx.TimeoutException):
        raise UnavailableError(f"{httpx.URL(url).host} did not answer within {seconds:g} seconds.") from None
    except httpx.HTTPError as error:
        raise UnavailableError(f"{httpx.URL(url).host} does not answer ({type(error).__name__}).") from None


async def _read(response: httpx.Response, media_types: Collection[str], max_bytes: int) -> Page:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not any(media_type == known or (known.endswith("/") and media_type.startswith(known)) for known in media_types):
        raise InvalidInputError(f"The URL leads to {media_type or 'something without a type'}, which is not taken.")
    body = await read_body(response, max_bytes)
    return Page(str(response.url), response.status_code, media_type, response.charset_encoding, body)


async def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """The body of a response that is being streamed, within a limit that also counts what compression hides.

    Raises `TooLargeError`, and `InvalidInputError` for a compression that was not asked for.
    """
    if response.headers.get("content-encoding", "").strip().lower() not in _DECODED:
        raise InvalidInputError("The answer is compressed in a way that was not asked for.")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The answer is over the limit of {limit} bytes.", limit=limit)
