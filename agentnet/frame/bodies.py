"""What every request must be before a handler sees it: an address and a JSON body that can be read, held and stored."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.errors import AgentNetError, InvalidInputError, TooLargeError
from agentnet.http.errors import send_error
from agentnet.http.json_scan import NUL, JsonLimits, JsonScan, is_plain
from agentnet.settings import Settings

INVALID_PARAMS = -32602
READ_FOR_ID_BYTES = 64 * 1024
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_NO_CHARACTER = "\ufffd".encode()
BODIES = frozenset({"POST", "PUT", "PATCH"})

LARGE_BYTES = 16 * 1024
MAX_NAME_CHARACTERS = 8192

Refuse = Callable[[Send, AgentNetError, bytes], Awaitable[None]]
"""Answers with the error; the bytes are the body as far as it was read."""
Check = Callable[[bytes], None]
"""Raises `AgentNetError` for a body that the handler would not take well; not asked of small and plain ones."""


def json_limits(settings: Settings) -> JsonLimits:
    """What a service takes."""
    return JsonLimits(settings.max_json_depth, settings.max_json_values)


def check_address(scope: Scope) -> None:
    """Raises `UnstorableError` for a path or query with NUL. Half a surrogate pair no URL can hold."""
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
        raise NUL


async def say_plainly(send: Send, error: AgentNetError, _body: bytes) -> None:
    """As this network's REST says errors, and A2A's (1.0 section 11.6)."""
    await send_error(send, error)


def any_form(_body: bytes) -> None:
    """For handlers that say themselves what a body must be."""


def jsonrpc_form(body: bytes) -> None:
    """For the MCP SDK, which writes down all of a large body that is no message of its (10 ms a megabyte), and logs the
    names of tools that there are none of (2 s a megabyte).

    Raises `InvalidInputError`.
    """
    if len(body) < LARGE_BYTES:
        return
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInputError("The body is not JSON.") from None
    if (
        not isinstance(message, dict)
        or message.get("jsonrpc") != "2.0"
        or not isinstance(message.get("method"), str)
        or not isinstance(message.get("params", {}), dict)
    ):
        raise InvalidInputError('A message is an object with "jsonrpc": "2.0", a method and params, an object.')
    names = [("method", message["method"]), *message.get("params", {}).items()]
    for name, value in names:
        if isinstance(value, str) and len(value) > MAX_NAME_CHARACTERS:
            raise TooLargeError(
                f"{name[:80]} has more than {MAX_NAME_CHARACTERS} characters.", limit=MAX_NAME_CHARACTERS
            )


def say_in_jsonrpc(status: int) -> Refuse:
    """As JSON-RPC says wrong params, with that HTTP status."""

    async def refuse(send: Send, error: AgentNetError, body: bytes) -> None:
        info = {"code": INVALID_PARAMS, "message": str(error)}
        answer = orjson.dumps({"jsonrpc": "2.0", "id": _id_in(body), "error": info})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return refuse


class CheckedBody:
    """`app` for requests whose JSON is within `limits` and can be stored; the others are refused by `refuse`.

    The body is read before the app begins, which finds it in one piece.
    """

    def __init__(self, app: ASGIApp, limits: JsonLimits, refuse: Refuse = say_plainly, check: Check = any_form) -> None:
        self._app = app
        self._limits = limits
        self._refuse = refuse
        self._check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in BODIES:
            await self._app(scope, receive, send)
            return
        message = await receive()
        if message["type"] == "http.request" and (
            message.get("more_body") or not is_plain(message.get("body", b""), self._limits)
        ):
            reading = _Reading(JsonScan(self._limits))
            try:
                message = await reading.whole(message, receive)
                self._check(reading.body)
            except AgentNetError as error:
                await self._refuse(send, error, reading.body)
                return
        await self._app(scope, _after(message, receive), send)


class _Reading:
    def __init__(self, scan: JsonScan) -> None:
        self._scan = scan
        self._pieces: list[bytes] = []

    async def whole(self, message: Message, receive: Receive) -> Message:
        """The body as one message; or the client's end. Raises `TooLargeError`, `UnstorableError`."""
        while message["type"] == "http.request":
            piece, more = message.get("body", b""), message.get("more_body", False)
            self._pieces.append(piece)
            self._scan.feed(piece, last=not more)
            if not more:
                if self._scan.unstorable is not None:
                    raise self._scan.unstorable
                return {"type": "http.request", "body": self.body, "more_body": False}
            message = await receive()
        return message

    @property
    def body(self) -> bytes:
        """What was read of it."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


def _after(first: Message, receive: Receive) -> Receive:
    given = False

    async def receive_after() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return first

    return receive_after


def _id_in(body: bytes) -> Any:
    """The request's id, where it can be told at small cost; else null (JSON-RPC 2.0 section 5)."""
    if len(body) > READ_FOR_ID_BYTES:
        return None
    try:
        request = orjson.loads(_SURROGATE.sub(_NO_CHARACTER, body))  # which it would refuse
    except orjson.JSONDecodeError:
        return None
    value = request.get("id") if isinstance(request, dict) else None
    # With half a pair in it no answer could name it.
    if isinstance(value, str) and "\ufffd" in value:
        return None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
