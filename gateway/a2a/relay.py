"""The A2A relay: a request goes to a live instance of the agent as bytes, and its answer comes back as bytes.

Only the caller's credential is replaced, by a service token that no other agent takes. JSON is read only to say an
error with the caller's request id, and where a stream that broke off is taken up at another instance.
"""

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from agentnet.discovery.directory import Entry
from agentnet.errors import AgentNetError, TooLargeError, UnavailableError
from agentnet.frame.access import principal_of
from agentnet.http.forms import Form, document_of, request_id, send_in_form
from agentnet.http.presence import presence_of
from agentnet.http.sse import frame
from agentnet.identity import Principal
from gateway.a2a.catalog import ENTRY_AGENT, Catalog
from gateway.a2a.extended import asks_for_card, with_addresses
from gateway.a2a.passage import Passage
from gateway.a2a.repeating import Messages, sends_message
from gateway.a2a.takeover import Opened, Takeover
from gateway.a2a.upstream import Upstream
from gateway.http.body import Body, ClientGoneError, run_until_gone
from gateway.http.headers import header_of, is_event_stream, to_client, without
from gateway.http.limits import StreamLimit
from gateway.http.transport import Incoming

PREFIX = b"/agents/"
PREFIX_0_3 = b"v1/"
"""HTTP+JSON 0.3 is below it."""
STREAM_PATHS = (b"message:stream", b":subscribe")
KEEP_ALIVE = b": the agent is away, its stream goes on soon\n\n"
SILENCE_SECONDS = 45.0
"""After so much of it an instance of ours counts as dead: its streams have keep-alives every 15 s."""
BROKEN_OFF = TooLargeError("The request body broke off, or is over the limit.")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request is for."""

    agent: str
    path: bytes
    """Below the agent's own address, with its query, without a leading slash."""
    prefix: str
    """Of the address that it was called at, below the gateway's."""

    @property
    def form(self) -> Form:
        """Of its errors: JSON-RPC is served at the agent's address itself, HTTP+JSON below it."""
        path = self.path.partition(b"?")[0]
        if not path:
            return Form.JSONRPC
        return Form.A2A_0_3 if path.startswith(PREFIX_0_3) else Form.A2A


def target_of(scope: Scope) -> Target:
    """The agent and the path that a request names: below `/agents/{name}`, or of the entry agent at the root."""
    # As it was sent: decoded, a %2F in an id would be one segment more for the agent.
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    agent, path, prefix = ENTRY_AGENT, raw.lstrip(b"/"), ""
    if raw.startswith(PREFIX):
        name, _, path = raw[len(PREFIX) :].partition(b"/")
        agent = name.decode("latin-1")
        prefix = f"/agents/{agent}"
    query: bytes = scope["query_string"]
    return Target(agent, path + b"?" + query if query else path, prefix)


def led_back(location: bytes, entry: Entry, address: bytes) -> bytes:
    """Where a redirect of an instance leads from outside: what is below its own address is below `address`."""
    if location.startswith(b"/") and not location.startswith(b"//"):
        return address + location
    for url in entry.urls or [entry.url]:
        inside = url.rstrip("/").encode()
        if location == inside or location.startswith((inside + b"/", inside + b"?")):
            return address + location[len(inside) :]
    return location


class Relay:
    """An ASGI app that relays every request it gets."""

    def __init__(
        self, catalog: Catalog, upstream: Upstream, limit: StreamLimit, base_url: str, max_wait_seconds: float
    ) -> None:
        self._catalog = catalog
        self._base_url = base_url.rstrip("/")
        self._upstream = upstream
        self._limit = limit
        self._takeover = Takeover(catalog, upstream)
        self._messages = Messages(catalog, upstream, max_wait_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay one request; the upstream is aborted when the client leaves."""
        target = target_of(scope)
        try:
            body = await Body.begin(receive, presence_of(scope))
        except ClientGoneError:
            await send_protocol_error(send, BROKEN_OFF, target.form, None)
            return
        request = _RelayedRequest(scope, target, body, send)
        try:
            principal = principal_of(scope)
            with self._slot(principal, request):
                entry = await self._catalog.get(principal, target.agent)
                await run_until_gone(body, self._exchange(request, entry, principal))
        except AgentNetError as error:
            await send_protocol_error(send, error, target.form, request.request_id)
        except ClientGoneError:
            await send_protocol_error(send, BROKEN_OFF, target.form, request.request_id)

    def _slot(self, principal: Principal, request: "_RelayedRequest") -> AbstractContextManager[None]:
        return self._limit.stream(principal) if request.wants_stream else nullcontext()

    async def _exchange(self, request: "_RelayedRequest", entry: Entry, principal: Principal) -> None:
        # The body is asked for with each try: a second instance gets it from its beginning.
        if request.sends_message:
            incoming = await self._messages.send(
                principal,
                entry,
                request.path,
                request.scope["headers"],
                request.body,
                lambda: request.opened(principal),
            )
        else:
            incoming = await self._upstream.open(
                principal, entry, request.method, request.path, request.scope["headers"], lambda: request.body.content
            )
        try:
            to_be_ended = await self._answer(request, incoming, principal, entry)
        finally:
            await incoming.close()
        if to_be_ended:
            await request.end()

    async def _answer(self, request: "_RelayedRequest", incoming: Incoming, principal: Principal, entry: Entry) -> bool:
        if is_event_stream(incoming.headers):
            return await request.answer_stream(incoming, request.opened(principal), self._takeover)
        if asks_for_card(request.target.path, request.body.start):
            return await request.answer_card(incoming, self._base_url)
        # Seldom is there one; and one that `Connection` names does not go on.
        if header_of(incoming.headers, b"location") and (
            location := header_of(to_client(incoming.headers), b"location")
        ):
            address = (self._base_url + request.target.prefix).encode()
            incoming.headers = [
                *without(incoming.headers, b"location"),
                (b"location", led_back(location, entry, address)),
            ]
        return await request.answer(incoming)


class _RelayedRequest:
    """One request and where its answer goes."""

    def __init__(self, scope: Scope, target: Target, body: Body, send: Send) -> None:
        self.scope = scope
        self.target = target
        self.body = body
        self._send = send

    @property
    def request_id(self) -> str | int | None:
        """The JSON-RPC id, for errors."""
        return request_id(self.body.start, self.body.complete)

    @property
    def wants_stream(self) -> bool:
        """Whether it may open a stream; told by header, path or method, without parsing."""
        path = self.target.path.partition(b"?")[0]
        if b"text/event-stream" in header_of(self.scope["headers"], b"accept") or path.endswith(STREAM_PATHS):
            return True
        # A text that holds such a name counts as one stream more, for as long as its answer takes.
        return not path and names_stream(self.body.start)

    @property
    def sends_message(self) -> bool:
        """Whether it may send a message to the agent."""
        return self.method == "POST" and sends_message(self.target.path, self.body.start)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """Path and query below the agent's address."""
        return self.target.path.decode("latin-1")

    async def answer(self, incoming: Incoming) -> bool:
        """Pass the response on, chunk by chunk. Tells whether it is still to be ended as a whole one."""
        await self._begin(incoming)
        if (body := incoming.at_hand()) is not None:
            await self._send({"type": "http.response.body", "body": body, "more_body": False})
            return False
        try:
            async for chunk in incoming.chunks():
                await self._write(chunk)
        except UnavailableError:
            return False
        return True

    def opened(self, principal: Principal) -> Opened:
        """This request, as one that opened a stream."""
        headers = self.scope["headers"]
        return Opened(principal, self.target.agent, self.path, headers, self.body.start, self.body.complete)

    async def answer_stream(self, incoming: Incoming, opened: Opened, takeover: Takeover) -> bool:
        """Pass a stream on, from another instance where one breaks off. Tells whether it may be ended as a whole."""
        await self._begin(incoming)
        passage, rest = Passage(lambda: opened.is_subscription), takeover.of(opened)
        error = await self._pass_on(incoming, passage)
        try:
            while (place := passage.broken_off()) is not None:
                await incoming.close()
                incoming = await rest.behind(place, lambda: self._write(KEEP_ALIVE))
                error = await self._pass_on(incoming, passage, taken_up=True)
        except AgentNetError as final:
            error = final
        finally:
            await incoming.close()
        if error is None or passage.has_ended():
            return True
        if passage.at_boundary:
            await self._write(stream_error(error, self.target.form, self.request_id))
        return passage.at_boundary

    async def _pass_on(self, incoming: Incoming, passage: Passage, *, taken_up: bool = False) -> AgentNetError | None:
        """Pass on what comes from one instance; what it ended with, if it did not end well."""
        try:
            impatient = False
            async for chunk in incoming.chunks():
                if data := passage.take(chunk):
                    await self._send({"type": "http.response.body", "body": data, "more_body": True})
                if not impatient and passage.is_ours:
                    impatient = True
                    incoming.limit_silence(SILENCE_SECONDS)
                if taken_up and passage.is_at_question():
                    break
        except UnavailableError as error:
            return error
        return None

    async def _begin(self, incoming: Incoming) -> None:
        headers = to_client(incoming.headers)
        await self._send({"type": "http.response.start", "status": incoming.status, "headers": headers})

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def answer_card(self, incoming: Incoming, base_url: str) -> bool:
        """Pass the response on with the card in it leading to where it was asked for, at the gateway's `base_url`."""
        whole = b"".join([chunk async for chunk in incoming.chunks()])
        own_address = f"{base_url}/agents/{self.target.agent}"
        body = with_addresses(whole, base_url + self.target.prefix, own_address)
        # The length that the agent gave is that of the card before.
        headers = [(key, value) for key, value in to_client(incoming.headers) if key != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": incoming.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        return True

    async def end(self) -> None:
        """End the response. Without it the server breaks the connection, which is how HTTP tells a cut body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def names_stream(start: bytes) -> bool:
    """Whether the beginning of a body names a method that opens a stream, as A2A 1.0 or 0.3 calls it."""
    # In words, and not in a loop: each request is looked at.
    if b"SendStreamingMessage" in start or b"SubscribeToTask" in start:
        return True
    return b"message/stream" in start or b"tasks/resubscribe" in start


async def send_protocol_error(send: Send, error: AgentNetError, form: Form, identifier: str | int | None) -> None:
    """Answer with `error`. An agent that is away is an answer (200) in JSON-RPC: its clients read only those."""
    away = form is Form.JSONRPC and isinstance(error, UnavailableError)
    await send_in_form(send, error, form, identifier, 200 if away else None)


def stream_error(error: AgentNetError, form: Form, identifier: str | int | None) -> bytes:
    """`error` as the last event of a stream, as the SDK's own servers end one."""
    return frame(json.dumps(document_of(error, form, identifier)).encode(), event="error")
