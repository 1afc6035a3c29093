"""uvicorn's protocol within limits: of a request's head, of the time that it takes, of connections from one address.

uvicorn has none of them: it keeps headers as long as they come, and waits for their end, and the body's, for ever.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from agentnet.errors import (
    AgentNetError,
    BusyError,
    InvalidInputError,
    LongHeadError,
    SlowRequestError,
)
from agentnet.http.errors import error_headers
from agentnet.http.forms import Form, document_of, form_of, request_id
from agentnet.process.heads import WithHeads
from agentnet.settings import BODY_SECONDS, HEADER_SECONDS, MAX_HEADER_BYTES, MAX_HEADERS, Settings

FED_BYTES = 16 * 1024
"""Of a head so much is parsed at once: what it is over its limit is seen before the rest is."""
SLOWEST_BYTES_PER_SECOND = 16 * 1024
"""A body has a second more for each of these."""
LINGER_SECONDS = 2.0
"""A client that is refused while it sends reads the answer only if what it sent was taken."""
MOST_CONNECTIONS = 4096
MOST_PIPELINED = 64
MOST_DISCARDED_BYTES = 32 * 1024 * 1024
"""Of a body whose request is answered already, as one without a key is."""
RETRY_SECONDS = 5.0
BEGINNING_BYTES = 512
PER_HEADER_BYTES = 4
"""Colon, space and line end."""


def connections_per_address() -> int:
    """Half of what this process may open: no address takes all."""
    return max(1, min(MOST_CONNECTIONS, _open_files() // 2))


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of one service."""

    head_bytes: int = MAX_HEADER_BYTES
    headers: int = MAX_HEADERS
    head_seconds: float = HEADER_SECONDS
    body_seconds: float = BODY_SECONDS
    connections: int = field(default_factory=connections_per_address)
    """From one address at once."""

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """As the operator set them."""
        return cls(
            settings.max_header_bytes,
            settings.max_headers,
            settings.header_seconds,
            settings.body_seconds,
            settings.max_connections_per_address or connections_per_address(),
        )


class _Phase(Enum):
    HEAD = "head"
    BODY = "body"
    IDLE = "idle"
    """Between requests: uvicorn's own time for that holds."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `bounded` makes the class of a service."""

    limits: ConnectionLimits
    addresses: Counter[str]
    """How many connections each address has."""

    url = b""
    _phase = _Phase.HEAD
    _since: float | None = None
    """When the phase began; None: nobody is waited for."""
    _idle_since: float | None = None
    """When the last answer ended, if no request came behind it."""
    _seen = 0
    """Bytes of this head, or of a body's trailers, in what came before."""
    _fed = 0
    """Bytes that are being parsed, where some are of a head."""
    _received = 0
    _begun = b""
    """The beginning of this body: it has the id of a JSON-RPC request."""
    _refusal: AgentNetError | None = None
    _is_over = False
    _address: str | None = None
    _answers: WithHeads

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]
        """Take a connection, if its address has not too many."""
        super().connection_made(transport)
        self._answers = WithHeads(transport, self.loop)
        self._since = self.loop.time()
        if self.client is None:  # a Unix socket
            return
        self._address = self.client[0]
        self.addresses[self._address] += 1
        if self.addresses[self._address] > self.limits.connections:
            said = f"This address has {self.limits.connections} connections already; close some, or share them."
            self._answer(BusyError(said, retry_after=RETRY_SECONDS))
            self._is_over = True
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._address is not None:
            self.addresses[self._address] -= 1
            if not self.addresses[self._address]:
                del self.addresses[self._address]
        self._since = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the connection is refused already."""
        if self._is_over:
            return
        if self._phase is _Phase.BODY or len(data) <= FED_BYTES:
            self._feed(data)
            return
        for piece in _pieces(data):
            self._feed(piece)
            if self._is_over or self.transport.is_closing():
                return

    def _feed(self, data: bytes) -> None:
        self._fed = len(data)
        received = self._received
        super().data_received(data)
        if self._is_over:
            return
        if self._phase is not _Phase.IDLE:
            # In a body: trailers, or what else is none of its bytes.
            self._seen = 0 if self._phase is _Phase.BODY and self._received != received else self._seen + len(data)
            if self._seen > self.limits.head_bytes or len(self.headers or ()) > self.limits.headers:
                self._refuse(self._too_long())
        elif self._since is None and (self._cycle is None or self._cycle.response_complete):
            self._since = self.loop.time()  # bytes that begin no request: uvicorn waits for one without an end

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._begun, self._idle_since = b"", None
        self._phase, self._since, self._seen = _Phase.HEAD, self.loop.time(), 0

    def on_headers_complete(self) -> None:
        """A body begins, unless the head is over its limits."""
        if len(self.headers) > self.limits.headers:
            said = f"The request has {len(self.headers)} headers; the limit is {self.limits.headers}."
            self._refusal = LongHeadError(said, limit=self.limits.headers)
        elif self._seen + self._fed > self.limits.head_bytes and self._head_bytes() > self.limits.head_bytes:
            self._refusal = self._too_long()
        elif len(self.pipeline) >= MOST_PIPELINED:
            said = f"More than {MOST_PIPELINED} requests wait on this connection for their answers."
            self._refusal = BusyError(said, retry_after=RETRY_SECONDS)
        if self._refusal is not None:
            raise self._refusal  # the way to end the parser; it comes out as `send_400_response`
        super().on_headers_complete()
        self.cycle.transport = self._answers  # type: ignore[assignment]
        self._phase, self._since, self._seen, self._received = _Phase.BODY, self.loop.time(), 0, 0

    def on_body(self, body: bytes) -> None:
        """More of the body."""
        if not self._received:
            self._begun = body[:BEGINNING_BYTES]
        self._received += len(body)
        if self._received > MOST_DISCARDED_BYTES and self.cycle.response_complete:
            self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is here."""
        self._phase, self._since = _Phase.IDLE, None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What the parser did not take, in the shape of all errors."""
        self._refuse(
            self._refusal or InvalidInputError(f"{msg.removesuffix('.')}: it is not HTTP/1.1 as RFC 9112 has it.")
        )

    def on_response_complete(self) -> None:
        """As uvicorn has it, but that no request sets a timer: `check_time` ends connections that stay idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()

    def check_time(self, now: float) -> None:
        """End the connection if its request takes too long to come, or none does; called once a second."""
        if self._idle_since is not None and now - self._idle_since > self.timeout_keep_alive:
            self.timeout_keep_alive_handler()
            return
        if self._since is None or self._is_over:
            return
        if self.flow.read_paused:  # it is we who do not read
            self._since, self._received = now, 0
            return
        waited = now - self._since
        if self._phase is not _Phase.BODY:
            if waited > self.limits.head_seconds:
                self._time_out("headers", self.limits.head_seconds)
        elif waited > self.limits.body_seconds + self._received / SLOWEST_BYTES_PER_SECOND:
            self._time_out("body", self.limits.body_seconds)

    def _time_out(self, what: str, seconds: float) -> None:
        if self._phase is _Phase.HEAD and not self._seen:  # never sent a byte: no request that could be answered
            self.transport.close()
            return
        self._refuse(SlowRequestError(f"The {what} did not come within {seconds:g} seconds.", limit=seconds))

    def _too_long(self) -> LongHeadError:
        limit = self.limits.head_bytes
        return LongHeadError(
            f"The request's line and headers have more than {limit} bytes, or are more than {self.limits.headers}.",
            limit=limit,
        )

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + PER_HEADER_BYTES for name, value in self.headers)

    def _refuse(self, error: AgentNetError) -> None:
        """Answer with `error`, and take no more requests."""
        self._is_over = True
        self._since = None
        if self._is_answering():  # nothing can be said among the bytes of another answer
            self.transport.close()
            return
        if self._phase is _Phase.BODY:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._answer(error)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    @property
    def _cycle(self) -> RequestResponseCycle | None:
        """That of the latest request; uvicorn's type does not say that there may be none yet."""
        return self.cycle

    def _is_answering(self) -> bool:
        """Whether there is an answer before the one to this request, or a part of that already."""
        cycle = self._cycle
        if cycle is not None and self._phase is _Phase.BODY:
            return bool(self.pipeline) or cycle.response_started
        return cycle is not None and not cycle.response_complete

    def _answer(self, error: AgentNetError) -> None:
        form = self._form()
        body = json.dumps(document_of(error, form, request_id(self._begun, complete=False))).encode()
        headers = {
            "content-type": form.media_type,
            "content-length": str(len(body)),
            "connection": "close",
            **error_headers(error),
        }
        lines = [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
        self.transport.write(b"".join([STATUS_LINE[error.http_status], *lines, b"\r\n", body]))

    def _form(self) -> Form:
        """Of the address, as far as it came."""
        if self._phase is _Phase.IDLE or not self.url or self.parser is None:
            return Form.PLAIN
        return form_of(self.parser.get_method().decode("ascii"), self.url.partition(b"?")[0].decode("latin-1"))


def bounded(limits: ConnectionLimits) -> type[BoundedProtocol]:
    """The protocol of one service."""
    return type("ServiceProtocol", (BoundedProtocol,), {"limits": limits, "addresses": Counter[str]()})


def _open_files() -> int:
    try:
        import resource
    except ImportError:  # Windows, where there is no such limit
        return 2 * MOST_CONNECTIONS
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2 * MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else soft


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + FED_BYTES] for start in range(0, len(data), FED_BYTES))
