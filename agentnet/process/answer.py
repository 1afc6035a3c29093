"""uvicorn's protocol, as far as this network uses it, with answers that cost less.

An answer's head goes out with the beginning of its body. uvicorn writes it for itself, and transports send at once: a
system call more here, a segment more on the wire, and a reader that is woken twice for one answer.
Headers are checked all at once, and an idle connection has no timer of its own.
"""

import asyncio
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

MOST_COPIED_BYTES = 64 * 1024
"""Of a body; more is written behind the head and not joined to it."""
MOST_NAMES = 1024
"""Names of headers that are known to be good."""
BODILESS = frozenset({204, 304})
FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})

_good: set[bytes] = set()


class Answer(RequestResponseCycle):
    """One request and its answer, as ASGI has it."""

    _head = b""
    """What is still to go out before the body."""

    async def run_asgi(self, app: Any) -> None:
        """Serve the request with `app`."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:  # the boundary of the request's task: nobody awaits it
            self.logger.error("Exception in ASGI application\n", exc_info=error)
            await self._fail()
        else:
            if not self.response_complete and not self.disconnected:
                self.logger.error("The application returned without a whole answer.")
                await self._fail()
        finally:
            self.on_response = _nothing

    async def _fail(self) -> None:
        if not self.response_started:
            await self.send_500_response()
        else:
            self._put(b"")
            self.transport.close()

    async def send(self, message: Any) -> None:
        """Send what the application says."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._begin(message)
        elif self.response_complete:
            raise RuntimeError(f"The answer is complete; {message['type']!r} comes too late.")
        else:
            self._go_on(message)

    def _begin(self, message: Any) -> None:
        if message["type"] != "http.response.start":
            raise RuntimeError(f"An answer begins with 'http.response.start', not with {message['type']!r}.")
        self.response_started = True
        self.waiting_for_100_continue = False
        status: int = message["status"]
        headers = [*self.default_headers, *message.get("headers", ())]
        # What would end a line early, or be another header, in any of them.
        if HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            raise RuntimeError("Invalid HTTP header value.")
        lines, says_close = [STATUS_LINE[status]], False
        for given, value in headers:
            name = given.lower()
            if name not in _good:
                _check(name)
            if name in FRAMING:
                says_close = self._note(name, value) or says_close
            lines += (name, b": ", value, b"\r\n")
        if not (self.keep_alive or says_close):
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in BODILESS:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)
        # Streams have nothing to say yet, and their clients wait for the head.
        asyncio.get_running_loop().call_soon(self._put, b"")

    def _note(self, name: bytes, value: bytes) -> bool:
        """How long the answer is. Whether the header says that it is the connection's last."""
        if name == b"content-length" and self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        elif name == b"transfer-encoding" and value.lower() == b"chunked":
            self.expected_content_length = 0
            self.chunked_encoding = True
        elif name == b"connection" and b"close" in [token.strip() for token in value.lower().split(b",")]:
            self.keep_alive = False
            return True
        return False

    def _go_on(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"An answer goes on with 'http.response.body', not with {message['type']!r}.")
        body: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            body = b""
        elif self.chunked_encoding:
            parts = [b"%x\r\n" % len(body), body, b"\r\n"] if body else []
            body = b"".join(parts if more else [*parts, b"0\r\n\r\n"])
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("Response content longer than Content-Length")
        self._put(body)
        if more:
            return
        if self.expected_content_length:
            raise RuntimeError("Response content shorter than Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _put(self, data: bytes) -> None:
        """Send `data` behind the head, if that is still here."""
        head, self._head = self._head, b""
        if not head:
            if data:
                self.transport.write(data)
        elif self.transport.is_closing():
            return
        elif len(data) > MOST_COPIED_BYTES:
            self.transport.writelines([head, data])
        else:
            self.transport.write(head + data)


class AnsweringProtocol(HttpToolsProtocol):
    """One connection, whose requests each become an `Answer`. It takes no WebSockets."""

    _idle_since: float | None = None
    """When the last answer went out; None: a request is being served, or none has come yet."""

    def on_message_begin(self) -> None:
        """A request begins."""
        self._idle_since = None
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to serve a request, or have it wait for those before it."""
        parser: Any = self.parser  # which uvicorn drops with the connection
        app: Any = self.app
        version = parser.get_http_version()
        parsed = httptools.parse_url(self.url)
        raw_path = parsed.path
        path = raw_path.decode("ascii")
        if "%" in path:
            path = unquote(path)
        if version != "1.1":
            self.scope["http_version"] = version
        self.scope["method"] = parser.get_method().decode("ascii")
        self.scope["path"], self.scope["raw_path"] = path, raw_path
        self.scope["query_string"] = parsed.query or b""
        before: Any = self.cycle  # None at first
        self.cycle = Answer(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, app))

    def on_response_complete(self) -> None:
        """Serve the request that waits, or note that there is none."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()

    def check_idle(self, now: float) -> None:
        """Close the connection if it has been idle for too long; called once a second."""
        if self._idle_since is not None and now - self._idle_since > self.timeout_keep_alive:
            self.timeout_keep_alive_handler()


def _check(name: bytes) -> None:
    """Raises `RuntimeError` for what is no name of a header."""
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if len(_good) < MOST_NAMES:
        _good.add(name)


def _nothing() -> None:
    """Of an answer that is over."""
