"""What both bindings do with a request before it is a call: body, media type, version, caller."""

from typing import Any

import orjson
from a2a.server.context import ServerCallContext
from a2a.server.routes.common import ServerCallContextBuilder
from a2a.types.a2a_pb2 import TaskState
from a2a.utils.errors import ContentTypeNotSupportedError, JSONParseError, VersionNotSupportedError
from starlette.requests import Request
from starlette.types import Receive, Scope

from agentnet.a2a.limits import wrong_field
from agentnet.a2a.parameters import call_context, spoken_version
from agentnet.tasks.position import Position

VERSION = "1.0"
LAST_EVENT_ID = "last-event-id"
JSON_MEDIA_TYPES = ("application/json", "application/a2a+json", "application/json-rpc")
STATES = tuple(TaskState.keys())

Headers = dict[str, str]


def headers_of(scope: Scope) -> Headers:
    """The headers, names in lower case; of one that stands several times all values, with commas."""
    headers: Headers = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1").strip()
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


async def read_body(receive: Receive) -> bytes:
    """The whole body; its size is limited by the middleware. Raises `JSONParseError` when the client leaves."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):  # nearly always: no list, no join
        return bytes(message.get("body", b""))
    chunks: list[bytes] = []
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
    raise JSONParseError("The request ended before its body did, or the body is over the limit.")


def parse_json(headers: Headers, body: bytes) -> Any:
    """The body as JSON. Raises `ContentTypeNotSupportedError`, `JSONParseError`."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in JSON_MEDIA_TYPES:
        raise ContentTypeNotSupportedError(
            f"The content type {media_type or '(none)'} is not supported; send application/json."
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise JSONParseError(f"The body is not JSON: {error}.") from None


def check_version(headers: Headers, scope: Scope) -> None:
    """Raises `VersionNotSupportedError` unless the client speaks 1.0 (A2A 1.0 section 3.6)."""
    version = headers.get("a2a-version") or _version_in_query(scope)
    if version == VERSION:
        return
    if spoken_version(version) != VERSION:
        raise VersionNotSupportedError(f"This is not for A2A 0.3; send the header `A2A-Version: {VERSION}`.")


def check_state(stated: Any) -> None:
    """Raises `InvalidParamsError` for a task state that there is none of: protobuf's parser takes it for no filter."""
    if isinstance(stated, str) and stated not in STATES:
        raise wrong_field("status", f"must be one of {', '.join(STATES[1:])}")


def retry_after(seconds: Any) -> str:
    """Seconds as the header says them: whole ones (RFC 9110 section 10.2.3)."""
    return str(max(1, round(float(seconds))))  # 0 would ask to try again at once


def _version_in_query(scope: Scope) -> str:
    query = scope.get("query_string", b"")
    return Request(scope).query_params.get("A2A-Version", "") if query else ""


def last_event_id(headers: Headers) -> Position | None:
    """Where the client's stream broke off. Raises `InvalidInputError` for an id that is not ours."""
    text = headers.get(LAST_EVENT_ID)
    return Position.parse(text) if text else None


class CallContextBuilder(ServerCallContextBuilder):
    """The same for a2a-sdk's adapters of 0.3."""

    def build(self, request: Request) -> ServerCallContext:
        """The call context of a request."""
        return call_context(request.scope["state"]["principal"], headers_of(request.scope))
