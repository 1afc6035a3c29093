"""One HTTP request on its way in, and the exchange that a message in it becomes."""

import re
import time
from dataclasses import dataclass, field
from itertools import chain

from mcp_types.jsonrpc import INVALID_REQUEST
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Receive

from agentnet.http.json_scan import JsonLimits, JsonScan, check_json
from agentnet.identity import Principal
from gateway.http.body import ClientGoneError
from gateway.http.headers import header_of
from gateway.http.transport import Headers
from gateway.mcp.messages.deadline import Deadline
from gateway.mcp.messages.envelope import SESSION_HEADER, VERSION_HEADER, check_modern
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Answering, Exchange
from gateway.mcp.messages.hops import VIA, networks
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.reply import Reply
from gateway.mcp.messages.session import Session

UNSAID_VERSION = "2025-03-26"
"""What a request without a version header speaks (2025-11-25, transports: protocol version header)."""
# W3C Trace Context section 3.2.
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
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
    way: Headers = field(init=False)
    """What it says of its way (`Via`)."""
    networks: list[str] = field(init=False)
    """The networks of agents that it came through, see `hops`."""
    arrived: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.version = version_of(self.headers)
        self.era = era_of(self.version)
        self.way = [header for header in self.headers if header[0] == VIA]
        self.networks = networks(self.way) if self.way else []

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
            networks=self.networks,
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
    if len(headers) > MAX_HEADERS or sum(map(len, chain.from_iterable(headers))) > MAX_HEADER_BYTES:
        said = f"A request has at most {MAX_HEADERS} headers and {MAX_HEADER_BYTES} bytes of them."
        raise McpError(INVALID_REQUEST, said, http=431)


def accepts(headers: Headers, media_type: bytes) -> bool:
    """Whether the client takes `media_type`; one that says nothing takes all."""
    # None at all means anything (RFC 9110 section 12.5.1).
    accept = header_of(headers, b"accept").lower()
    if not accept or media_type in accept or b"*/*" in accept:
        return True
    return media_type.partition(b"/")[0] + b"/*" in accept


async def read_body(receive: Receive, limits: JsonLimits) -> bytes:
    """The whole body; its size is limited before. Raises `ClientGoneError`, `TooLargeError` for JSON over `limits`.

    What PostgreSQL cannot hold passes: it may be for a server that can.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):  # nearly always: no list, no join
        check_json(message.get("body", b""), limits)
        return bytes(message.get("body", b""))
    parts: list[bytes] = []
    scan = JsonScan(limits)
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        more = message.get("more_body", False)
        parts.append(message.get("body", b""))
        scan.feed(parts[-1], last=not more)
        if not more:
            return b"".join(parts)
        message = await receive()


def version_of(headers: Headers) -> str:
    """The version that the header names, or the one that its absence means."""
    return header_of(headers, VERSION_HEADER).strip().decode("latin-1") or UNSAID_VERSION


def era_of(version: str) -> Era:
    """Versions of the handshake are legacy; all others, unknown ones too, are asked to be modern."""
    return Era.LEGACY if version in HANDSHAKE_PROTOCOL_VERSIONS else Era.MODERN


def trace_of(params: Document, headers: Headers) -> Headers:
    """The client's trace, from the request's `_meta` or its header."""
    # In _meta first: what came over stdio has no headers of its own.
    said = object_or_empty(params.get("_meta")).get("traceparent")
    value = said.encode("utf-8", "replace") if isinstance(said, str) else header_of(headers, b"traceparent")
    return [(b"traceparent", value)] if TRACEPARENT.fullmatch(value) else []
