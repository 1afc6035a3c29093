"""What both bindings do with a request before it is a call: body, media type, version, caller."""

from collections.abc import Mapping
from typing import Any

import orjson
from a2a.extensions.common import HTTP_EXTENSION_HEADER
from a2a.types.a2a_pb2 import TaskState
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    JSONParseError,
    VersionNotSupportedError,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from agentnet.a2a.errors import as_a2a, rest_error, wrong_field
from agentnet.a2a.parameters import spoken_version
from agentnet.files import base64
from agentnet.tasks.position import Position
from agentnet.tasks.wire import dumps

VERSION = "1.0"
LARGE_CHARACTERS = 1_000_000
LAST_EVENT_ID = "last-event-id"
JSON_MEDIA_TYPES = ("application/json", "application/a2a+json", "application/json-rpc")
A2A_JSON = "application/a2a+json"
JSON = "application/json"
STATES = tuple(TaskState.keys())

Headers = dict[str, str]
RawHeaders = list[tuple[bytes, bytes]]
NO_STATUSES: Mapping[type[Exception], int] = {}


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
    if stated_version(headers, scope) != VERSION:
        raise VersionNotSupportedError(f"This is not for A2A 0.3; send the header `A2A-Version: {VERSION}`.")


def check_flag(stated: str | None, field: str) -> None:
    """Raises `InvalidParamsError` for a truth value of a query that is none: the SDK's parser takes it for false."""
    if stated is not None and stated.lower() not in ("true", "false", "1", "0"):
        raise wrong_field(field, "must be true or false")


def stated_version(headers: Headers, scope: Scope) -> str:
    """The version that a request says it speaks (A2A 1.0 section 3.6). Raises `VersionNotSupportedError`."""
    version = headers.get("a2a-version") or _version_in_query(scope)
    return VERSION if version == VERSION else spoken_version(version)


def check_state(stated: Any) -> None:
    """Raises `InvalidParamsError` for a task state that there is none of: protobuf's parser takes it for no filter."""
    if isinstance(stated, str) and stated not in STATES:
        raise wrong_field("status", f"must be one of {', '.join(STATES[1:])}")


def check_base64(body: Any, parts: str, key: str) -> None:
    """Bring the bytes of the files in a message of 0.3 into the form that the SDK reads. Raises `WrongFieldError`."""
    message = body.get("message") or body.get("request") if isinstance(body, dict) else None
    listed = message.get(parts) if isinstance(message, dict) else None
    for index, part in enumerate(listed if isinstance(listed, list) else ()):
        file = part.get("file") if isinstance(part, dict) else None
        if isinstance(file, dict) and file.get(key) is not None:
            file[key], media_type = base64.of_file(file[key], f"message.{parts}[{index}].file.{key}")
            if media_type and not (file.get("mimeType") or file.get("mime_type")):
                file["mimeType"] = media_type


def holds_large_file(message: Any, key: str) -> bool:
    """Whether a message brings a file that is long to decode: elsewhere, so that others have their turns between.

    `key` is what its part, or the file in that, calls its bytes.
    """
    parts = message.get("parts") if isinstance(message, dict) else None
    if not isinstance(parts, list):
        return False
    held = [each for part in parts if isinstance(part, dict) for each in (part.get(key), part.get("file"))]
    texts = [each.get(key) if isinstance(each, dict) else each for each in held]
    return any(isinstance(text, str) and len(text) > LARGE_CHARACTERS for text in texts)


def rest_refusal(error: Exception, media_type: str, statuses: Mapping[type[Exception], int] = NO_STATUSES) -> Response:
    """An error over HTTP+JSON (A2A 1.0 section 11.6); `statuses` are those that another version has otherwise."""
    known = as_a2a(error)
    payload = rest_error(known)
    payload["error"]["code"] = status = statuses.get(type(known), payload["error"]["code"])
    retry = (known.data or {}).get("retry_after")
    headers = {"retry-after": retry_after(retry)} if retry else None
    return Response(dumps(payload), status, headers, media_type=media_type)


def extension_headers(activated: str) -> RawHeaders:
    """What tells a client which of the extensions that it asked for are at work (A2A 1.0 section 3.2.6)."""
    return [(HTTP_EXTENSION_HEADER.lower().encode(), activated.encode())] if activated else []


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
