"""Host and Origin checks before all else, against DNS rebinding (MCP transports, security warning)."""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.errors import AgentNetError, ForbiddenError
from agentnet.http.errors import send_error
from gateway.http.headers import header_of

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PATH = "/mcp"


class MisdirectedError(AgentNetError):
    """A request for a host that this is not."""

    http_status = 421
    status = "INVALID_ARGUMENT"


class Guard:
    """An ASGI app around another: requests to the MCP door must name one of the gateway's addresses, or of `hosts`,
    and come from no page but its own and those of `origins`."""

    def __init__(self, app: ASGIApp, addresses: list[str], hosts: list[str], origins: list[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        names = {*hosts, *(host for address in addresses if (host := urlsplit(address).hostname))}
        self._names = frozenset({*LOOPBACK, *(f"[{name}]" if ":" in name else name for name in names)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421 or 403."""
        if scope["type"] == "http" and is_door(scope["path"]):
            try:
                self._check(scope)
            except AgentNetError as error:
                await send_error(send, error)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        host = header_of(scope["headers"], b"host").decode("latin-1")
        if _name_of(host) not in self._names:
            raise MisdirectedError(
                "The Host header names no address of this gateway.",
                hint="Set AGENTNET_PUBLIC_URL or AGENTNET_ALLOWED_HOSTS.",
            )
        origin = header_of(scope["headers"], b"origin").decode("latin-1")
        # Only browsers send one.
        if origin and origin not in self._origins and not self._is_own(origin):
            raise ForbiddenError(
                "The Origin header names no address of this gateway.", hint="Set AGENTNET_ALLOWED_ORIGINS."
            )

    def _is_own(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        return scheme in ("http", "https") and _name_of(host) in self._names


def is_door(path: str) -> bool:
    """Whether a path belongs to the MCP door."""
    return path == PATH or path.startswith(f"{PATH}/")


def _name_of(host: str) -> str:
    """The name in `name:port`; an IPv6 address keeps its brackets. Nothing else may stand behind it."""
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and len(port) <= 5:
        return name.lower()
    return host.lower()
