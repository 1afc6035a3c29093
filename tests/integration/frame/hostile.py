"""Requests as an attacker or a broken client would send them: made of one good request, one place at a time."""

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx

from agentnet.frame.access import ANY_METHOD

INFINITE = "@1e400@"
"""Stands for a number that no double holds, which `json` would not write."""
VALUES: list[Any] = [
    "a\x00b",
    "\ud800",
    "x\udfff",
    "x" * 100_000,
    "",
    "\u2028\x7f",
    10**30,
    -(10**30),
    2**63,
    INFINITE,
    -1,
    0.5,
    99999,
    True,
    None,
    [],
    ["a"],
    [["a\x00"]],
    {},
    {"a": 1},
]
BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"NaN",
    b"\xff\xfe{}",
    b"\x00",
    b"[" * 5000,
    b'{"a":' * 5000,
    b"[[]" + b",[]" * 30_000 + b"]",
    b'{"a\\u0000": 1}',
    b'{"\\ud800": 1}',
    b'{"a": 1, "a": 2}',
]
SEGMENTS = [
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    "x" * 5000,
    "..%2F..",
    "99999999999999999999999",
    "-1",
    "%0A",
    "%F0%9F%98%80",
]
QUERY_NAMES = [
    "agent",
    "context",
    "state",
    "status",
    "limit",
    "kind",
    "name",
    "tenant",
    "pageSize",
    "page_size",
    "pageToken",
    "historyLength",
    "contextId",
    "statusTimestampAfter",
    "includeArtifacts",
    "A2A-Version",
]
QUERY_VALUES = [
    "\x00",
    "a\x00b",
    "x" * 5000,
    str(10**30),
    "1e400",
    "-1",
    "NaN",
    "",
    "[]",
    "\U0001f600",
    "9999-99-99T00:00:00Z",
]


def mutated(body: Any) -> Iterator[bytes]:
    """`body` with each of its places holding each of the hostile values, and with hostile names."""
    for path in places(body):
        for value in VALUES:
            changed = copy.deepcopy(body)
            put(changed, path, value)
            yield text_of(changed)
    for path in [(), *places(body)]:
        if isinstance(at(body, path), dict):
            for name in ("a\x00", "\ud800", "x" * 10_000):
                changed = copy.deepcopy(body)
                at(changed, path)[name] = 1
                yield text_of(changed)


def text_of(body: Any) -> bytes:
    """As JSON."""
    return json.dumps(body).replace(f'"{INFINITE}"', "1e400").encode()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to everything in `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """What is there."""
    for key in path:
        value = value[key]
    return value


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    """Put `new` there."""
    at(value, path[:-1])[path[-1]] = new


def addresses(key: str, good: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Methods and hostile addresses of the route that a table of rules calls `key`; `good` fills its other places."""
    method, _, path = key.partition(" ")
    method = "POST" if method == ANY_METHOD else method
    parts = path.split("/")
    for index, part in enumerate(parts):
        if "{" in part:
            for segment in SEGMENTS:
                name = part[part.index("{") : part.index("}") + 1]
                yield method, filled("/".join([*parts[:index], part.replace(name, segment), *parts[index + 1 :]]), good)
    for name in QUERY_NAMES:
        for value in QUERY_VALUES:
            yield method, f"{filled(path, good)}?{urlencode({name: value})}"
    yield method, f"{filled(path, good)}?a=%ED%A0%80&%00=1"


def filled(path: str, good: dict[str, str]) -> str:
    """`path` with good values in its places."""
    for name, value in good.items():
        path = path.replace(f"{{{name}}}", value)
    return path


async def wrong_answer(
    http: httpx.AsyncClient, method: str, path: str, body: bytes | None = None, **headers: str
) -> str:
    """What the answer shows of a fault of the service; empty if it is the client's error, or none."""
    named = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    given = [*({b"content-type": b"application/json"} | named).items()]
    async with http.stream(method, path, content=body, headers=given) as response:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            said = await anext(response.aiter_bytes(), b"")
        else:
            said = await response.aread()
    # The test of a server outside that does not answer says so.
    is_away = response.status_code == 503 and path.endswith("/test")
    at_fault = (response.status_code >= 500 and not is_away) or b"-32603" in said or b"Traceback" in said
    return f"{method} {path[:120]} {(body or b'')[:300]!r}: {response.status_code} {said[:300]!r}" if at_fault else ""
