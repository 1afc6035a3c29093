"""What a request says of its host: one at most, and nothing that an answer repeats."""

from typing import Any

import pytest
from starlette.responses import Response
from starlette.routing import Route

from agentnet.frame.access import PUBLIC
from agentnet.frame.frame import Frame
from agentnet.identity.principal import Principal

pytestmark = pytest.mark.anyio

EVIL = (b"host", b"evil.example")


async def anybody(_: str) -> Principal:
    return Principal("acme", "key:1")


async def ready() -> None:
    pass


async def ask(path: str, *headers: tuple[bytes, bytes], query: bytes = b"") -> tuple[int, dict[bytes, bytes]]:
    """Status and headers of the answer."""

    async def answer(_: object) -> Response:
        return Response()

    rules = {"GET /plain": PUBLIC, "GET /below/": PUBLIC, "GET /any/{name}": PUBLIC, "GET /rest/{path:path}": PUBLIC}
    frame = Frame(rules, anybody, 100, ready)
    app = frame.closed(frame.app([Route(key.split()[1], answer, methods=["GET"]) for key in rules]))
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query}
    scope |= {
        "scheme": "http",
        "server": ("127.0.0.1", 1),
        "root_path": "",
        "headers": [(b"authorization", b"Bearer x"), *headers],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        ("/health/", b"", b"/health"),
        ("/plain/", b"", b"/plain"),
        ("/plain/", b"a=1&b=%2F", b"/plain?a=1&b=%2F"),
        ("/below", b"", b"/below/"),
        ("/any/x/", b"", b"/any/x"),
        ("/plain///", b"", b"/plain"),
    ],
)
async def test_a_slash_too_many_or_too_few_leads_to_the_same_host(path: str, query: bytes, location: bytes) -> None:
    status, headers = await ask(path, EVIL, query=query)
    assert (status, headers[b"location"]) == (307, location)


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "/", "//", "///plain/"])
async def test_no_path_leads_to_another_host(path: str) -> None:
    status, headers = await ask(path, EVIL)
    assert status == 404 and b"location" not in headers


@pytest.mark.parametrize(
    "more",
    [
        [EVIL],
        [(b"host", b"127.0.0.1")],
        [(b"host", b"")],
        [(b"transfer-encoding", b"chunked"), EVIL],
        [(b"content-length", b"1"), EVIL],
        [EVIL, EVIL],
    ],
)
async def test_a_request_with_two_hosts_is_refused(more: list[tuple[bytes, bytes]]) -> None:
    assert (await ask("/plain", (b"host", b"127.0.0.1"), *more))[0] == 400


@pytest.mark.parametrize("headers", [[], [(b"host", b"127.0.0.1")], [(b"transfer-encoding", b"chunked"), EVIL]])
async def test_a_request_with_one_host_or_none_is_served(headers: list[tuple[bytes, bytes]]) -> None:
    assert (await ask("/plain", *headers))[0] == 200
