"""A stream whose replica died is taken up at another one: its client sees a pause, and not the end.

Whatever opened the stream, the other replica is asked to go on with its task behind the last event that was sent.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agentnet.errors import AgentNetError, BusyError, NotFoundError, UnavailableError
from agentnet.http.forms import request_id
from agentnet.identity import Principal
from gateway.a2a.catalog import Catalog
from gateway.a2a.passage import Place
from gateway.a2a.upstream import Upstream
from gateway.http.headers import is_event_stream
from gateway.http.transport import Headers, Incoming

GIVE_UP_SECONDS = 90.0
"""How long no replica may answer: well over the lease of a task, and the start of a new replica."""
PAUSES_SECONDS = (0.0, 0.1, 0.2, 0.5, 1.0)
"""Before each try, the last of them again and again."""
MAX_REFUSAL_BYTES = 64 * 1024
TRANSIENT = frozenset({-32050, -32051, 429, 500, 502, 503, 504})
"""Refusals that may pass: busy, unavailable, and what HTTP says of such."""
REPLACED = frozenset({b"content-length", b"content-type", b"transfer-encoding", b"last-event-id"})
SEND, SUBSCRIBE = "message:stream", ":subscribe"

PATHS = {SEND: "SendStreamingMessage", SUBSCRIBE: "SubscribeToTask", "message:send": "SendMessage"}

Wait = Callable[[], Awaitable[None]]
"""Lets the client know that the stream is alive."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The request that opened a stream."""

    principal: Principal
    agent: str
    path: str
    """Below the agent's address, with its query."""
    headers: Headers
    start: bytes
    """Of its body; all of it if it is small."""
    complete: bool
    """Whether that is all."""

    @property
    def method(self) -> str:
        """As JSON-RPC names it, whatever the binding; empty where it is none of those that follow a task."""
        path = self.path.partition("?")[0]
        if not path:
            return self._method
        for ending, method in PATHS.items():
            if path.endswith(ending):
                return method
        return ""

    @property
    def is_subscription(self) -> bool:
        """Whether it follows a task until its end, and not until it rests."""
        path = self.path.partition("?")[0]
        return path.endswith(SUBSCRIBE) if path else self._method in ("SubscribeToTask", "tasks/resubscribe")

    @property
    def _method(self) -> str:
        try:
            method = json.loads(self.start).get("method")
        except (ValueError, AttributeError, RecursionError):  # a body that is too large to be at hand: it is a message
            method = "message/stream" if b'"message/stream"' in self.start else "SendStreamingMessage"
        return method if isinstance(method, str) else ""

    def behind(self, place: Place) -> tuple[str, str, Headers, bytes]:
        """Method, path, headers and body of the request that goes on behind `place`."""
        headers = [(key, value) for key, value in self.headers if key not in REPLACED]
        headers.append((b"last-event-id", place.event_id.encode("latin-1", "replace")))
        path, mark, query = self.path.partition("?")
        if path:
            if not path.endswith(SUBSCRIBE):
                path = f"{path.removesuffix(SEND)}tasks/{place.task_id}{SUBSCRIBE}"
            return "GET", path + mark + query, headers, b""
        older = "/" in self._method
        call: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": request_id(self.start, self.complete),
            "params": {"id": place.task_id},
        }
        call["method"] = "tasks/resubscribe" if older else "SubscribeToTask"
        return "POST", self.path, [*headers, (b"content-type", b"application/json")], json.dumps(call).encode()


class Takeover:
    """Finds a replica that goes on with a stream."""

    def __init__(self, catalog: Catalog, upstream: Upstream, give_up_seconds: float = GIVE_UP_SECONDS) -> None:
        self._catalog = catalog
        self._upstream = upstream
        self._give_up_seconds = give_up_seconds

    def of(self, opened: Opened) -> "Rest":
        """The rest of the stream that `opened` opened, for as often as it breaks off."""
        return Rest(self, opened, self._give_up_seconds)

    async def open(self, opened: Opened, place: Place) -> Incoming:
        entry = await self._catalog.get(opened.principal, opened.agent)
        method, path, headers, body = opened.behind(place)
        incoming = await self._upstream.open(opened.principal, entry, method, path, headers, lambda: body)
        if incoming.status == 200 and is_event_stream(incoming.headers):
            return incoming
        try:
            raise await _refusal(incoming)
        finally:
            await incoming.close()


class Rest:
    """What is left of one stream."""

    def __init__(self, takeover: Takeover, opened: Opened, give_up_seconds: float) -> None:
        self._takeover = takeover
        self._opened = opened
        self._give_up_seconds = give_up_seconds
        self._place: Place | None = None
        self._tries = 0
        self._until = 0.0

    async def behind(self, place: Place, wait: Wait) -> Incoming:
        """The stream behind `place`; must be closed. Raises `AgentNetError` when there is none to be had."""
        loop = asyncio.get_running_loop()
        if place != self._place:  # it went on since it broke off last
            self._place, self._tries, self._until = place, 0, loop.time() + self._give_up_seconds
        while True:
            await asyncio.sleep(PAUSES_SECONDS[min(self._tries, len(PAUSES_SECONDS) - 1)])
            self._tries += 1
            try:
                return await self._takeover.open(self._opened, place)
            except (UnavailableError, NotFoundError, BusyError) as error:  # not found: no replica is registered now
                if loop.time() > self._until:
                    raise self._given_up(place) from error
            await wait()

    def _given_up(self, place: Place) -> UnavailableError:
        return UnavailableError(
            f"The agent {self._opened.agent!r} broke off, and no replica of it goes on.",
            hint=f"Its task is {place.task_id}: subscribe to it, or get it, later.",
            agent=self._opened.agent,
            task_id=place.task_id,
        )


async def _refusal(incoming: Incoming) -> AgentNetError:
    """What a replica answers in place of a stream."""
    body = b""
    async for chunk in incoming.chunks():
        body += chunk
        if len(body) > MAX_REFUSAL_BYTES:
            break
    try:
        error: Any = json.loads(body)["error"]
        code, message = error["code"], str(error["message"])
    except (ValueError, LookupError, TypeError, RecursionError):
        code, message = incoming.status, f"The agent answered with status {incoming.status}."
    return UnavailableError(message) if code in TRANSIENT else AgentNetError(message)
