"""One HTTP request on its way in, and the exchange that a message in it becomes."""

import time
from dataclasses import dataclass, field

from mcp_types.jsonrpc import INVALID_REQUEST
from starlette.types import Receive

from agentnet.identity import Principal
from gateway.http.body import ClientGoneError
from gateway.http.headers import header_of
from gateway.http.transport import Headers
from gateway.mcp.messages.deadline import Deadline
from gateway.mcp.messages.envelope import SESSION_HEADER, check_modern, era_of, trace_of, version_of
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Answering, Exchange
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.reply import Reply
from gateway.mcp.messages.session import Session

MAX_HEADERS = 128
MAX_HEADER_BYTES = 32 * 1024
"""Names and values together."""


@dataclass(slots=True)
class Inbound:
    """Its headers have names in lower case."""

    headers: Headers
    body: bytes
    principal: Principal
    profile: Profile
    reply: Reply
    version: str = field(init=False)
    """The protocol version that it is in."""
    era: Era = field(init=False)
    arrived: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.version = version_of(self.headers)
        self.era = era_of(self.version)

    @property
    def session_id(self) -> str | None:
        """The legacy session that it names."""
        return header_of(self.headers, SESSION_HEADER).strip().decode("latin-1") or None

    def modern(self, message: Document, answering: Answering, deadline: Deadline) -> Exchange:
        """The exchange of a modern request. Raises `McpError` when its envelope does not hold."""
        route = check_modern(message, self.headers)
        exchange = self._exchange(Era.MODERN, route.protocol_version, message, answering, deadline)
        exchange.capabilities = object_or_empty(route.client_capabilities)
        exchange.client_info = object_or_empty(route.client_info)
        return exchange

    def legacy(self, message: Document, answering: Answering, deadline: Deadline, session: Session | None) -> Exchange:
        """The exchange of a legacy request."""
        version = session.version if session else self.version
        exchange = self._exchange(Era.LEGACY, version, message, answering, deadline)
        if session is not None:
            exchange.session = session
            exchange.capabilities = session.capabilities
            exchange.client_info = session.client_info
        return exchange

    def _exchange(
        self, era: Era, version: str, message: Document, answering: Answering, deadline: Deadline
    ) -> Exchange:
        params = message.get("params", {})
        return Exchange(
            era=era,
            version=version,
            id=message["id"],
            method=message["method"],
            params=params,
            principal=self.principal,
            profile=self.profile,
            reply=self.reply,
            answering=answering,
            deadline=deadline,
            headers=self.headers,
            body=self.body,
            trace=trace_of(params, self.headers),
            arrived=self.arrived,
        )


def check_form(headers: Headers) -> None:
    """A POST carries JSON and takes JSON or a stream. Raises `McpError`."""
    if not header_of(headers, b"content-type").lower().startswith(b"application/json"):
        raise McpError(INVALID_REQUEST, "Content-Type must be application/json.", http=415)
    if not accepts(headers, b"application/json") and not accepts(headers, b"text/event-stream"):
        raise McpError(INVALID_REQUEST, "Accept must name application/json and text/event-stream.", http=406)


def check_size(headers: Headers) -> None:
    """Raises `McpError` (431) for more headers than anybody needs: most of them go on to servers."""
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        said = f"A request has at most {MAX_HEADERS} headers and {MAX_HEADER_BYTES} bytes of them."
        raise McpError(INVALID_REQUEST, said, http=431)


def accepts(headers: Headers, media_type: bytes) -> bool:
    """Whether the client takes `media_type`; one that says nothing takes all."""
    accept = header_of(headers, b"accept").lower()
    family = media_type.partition(b"/")[0] + b"/*"
    return not accept or any(one in accept for one in (media_type, b"*/*", family))


async def read_body(receive: Receive) -> bytes:
    """The whole body; its size is limited before. Raises `ClientGoneError`."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
