"""A tool call as an HTTP request of the API."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from agentnet.errors import InvalidInputError
from mcp_servers.adapters.openapi.operation import BODY, Operation, Parameter

Pair = tuple[str, str | int | float | bool | None]


def request_of(
    http: httpx.AsyncClient, base_url: str, operation: Operation, arguments: dict[str, Any]
) -> httpx.Request:
    """The request, without credentials. Raises `InvalidInputError` for a value that does not fit its place."""
    path, query, headers = operation.path, list[Pair](), dict[str, str]()
    for parameter in operation.parameters:
        if parameter.argument not in arguments or arguments[parameter.argument] is None:
            continue
        value = arguments[parameter.argument]
        if parameter.place == "path":
            path = path.replace("{" + parameter.name + "}", _segment(parameter, value))
        elif parameter.place == "query":
            query += _query(parameter, value)
        else:
            headers[parameter.name] = _header(parameter, value)
    content, media_type = _content(operation, arguments.get(BODY))
    if media_type:
        headers["content-type"] = media_type
    url = httpx.URL(base_url.rstrip("/") + path)
    return http.build_request(operation.method.upper(), url.copy_merge_params(query), headers=headers, content=content)


def _segment(parameter: Parameter, value: Any) -> str:
    """One segment of the path: it can neither add another nor lead upwards."""
    text = _simple(parameter, value)
    # Quoted they stay what they are, and clients and proxies take dots out of a path (RFC 3986 section 5.2.4).
    if text in ("", ".", ".."):
        raise InvalidInputError(f"{parameter.argument}: {text!r} does not fit into the address.")
    return quote(text, safe="")


def _query(parameter: Parameter, value: Any) -> Iterator[Pair]:
    if parameter.is_json:
        yield parameter.name, json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict) and parameter.style == "deepObject":
        yield from ((f"{parameter.name}[{key}]", _text(item)) for key, item in value.items())
    elif isinstance(value, dict) and parameter.explode:
        yield from ((key, _text(item)) for key, item in value.items())
    elif isinstance(value, list) and parameter.explode:
        yield from ((parameter.name, _text(item)) for item in value)
    elif isinstance(value, list):
        separator = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(parameter.style, ",")
        yield parameter.name, separator.join(map(_text, value))
    else:
        yield parameter.name, _simple(parameter, value)


def _header(parameter: Parameter, value: Any) -> str:
    text = _simple(parameter, value)
    # A line break would begin another header.
    if not text.isprintable() or not text.isascii():
        raise InvalidInputError(f"{parameter.argument}: must be printable ASCII, as HTTP headers are.")
    return text


def _simple(parameter: Parameter, value: Any) -> str:
    """Lists and objects with commas (RFC 6570 section 3.2.2)."""
    if parameter.is_json:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, dict):
        between = "=" if parameter.explode else ","
        return ",".join(f"{key}{between}{_text(item)}" for key, item in value.items())
    return _text(value)


def _content(operation: Operation, body: Any) -> tuple[bytes | None, str | None]:
    media_type = operation.body_type
    if media_type is None or body is None:
        return None, None
    if media_type.startswith("application/x-www-form-urlencoded"):
        if not isinstance(body, dict):
            raise InvalidInputError(f"{BODY}: must be an object, to be sent as a form.")
        lists = ((key, item if isinstance(item, list) else [item]) for key, item in body.items())
        pairs: list[Pair] = [(key, _text(item)) for key, items in lists for item in items]
        return str(httpx.QueryParams(pairs)).encode(), media_type
    if media_type.startswith("text/"):
        return _text(body).encode(), media_type
    return json.dumps(body, ensure_ascii=False).encode(), media_type


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
