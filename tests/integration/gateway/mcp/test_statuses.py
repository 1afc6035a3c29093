"""HTTP statuses of upstream servers: none of them is the gateway's own, and each request is answered in MCP."""

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.mcp.messages.reply import Reply
from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LEGACY, MODERN, LegacySession, Message, answer_in, modern, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

STATUSES = (
    *(200, 201, 202, 204, 205, 206, 299, 300, 301, 304, 307, 308),
    *(400, 401, 402, 403, 404, 405, 407, 409, 410, 421, 429, 431, 499),
    *(500, 502, 503, 504, 508, 599, 600, 799, 999),
)
BODILESS = (204, 205, 304)
CREDENTIAL = (401, 403, 407)
LOST = (404, 410)
"""What says within a session that it is gone."""
KINDS = ("error", "unknown", "nothing", "page", "broken", "stream")


class Rude:
    """An MCP server of both eras down to its bytes, which answers what is no question about itself as told."""

    def __init__(self) -> None:
        self.status = 200
        self.kind = "nothing"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").lower().split("\r\n")
                length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                writer.write(self._answer(lines[0].split()[0], json.loads(body) if body else {}))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, verb: str, message: Message) -> bytes:
        known = self._known(message.get("method"))
        if verb == "post" and known is not None:
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete"} | known}
            return http(200, "application/json", json.dumps(answer).encode(), b"mcp-session-id: s1\r\n")
        if message.get("method") == "notifications/initialized":
            return http(202, "", b"")
        code = -32601 if self.kind == "unknown" else -32000
        error = {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": code, "message": "said upstream"}}
        text = json.dumps(error).encode()
        return {
            "nothing": lambda: http(self.status, "", b""),
            "page": lambda: http(self.status, "text/html", b"<html>no</html>"),
            "broken": lambda: http(self.status, "application/json", b"{"),
            "stream": lambda: http(self.status, "text/event-stream", b"data: %b\n\n" % text),
        }.get(self.kind, lambda: http(self.status, "application/json", text))()

    @staticmethod
    def _known(method: str | None) -> Message | None:
        says = {"capabilities": {"tools": {}}, "serverInfo": {"name": "rude", "version": "1"}}
        tools = [{"name": "act", "inputSchema": {"type": "object"}}]
        known: dict[str | None, Message] = {
            "server/discover": {"supportedVersions": [MODERN], **says},
            "initialize": {"protocolVersion": LEGACY, **says},
            "tools/list": {"tools": tools, "ttlMs": 60_000, "cacheScope": "public"},
        }
        return known.get(method)


def http(status: int, kind: str, body: bytes, more: bytes = b"") -> bytes:
    typed = f"content-type: {kind}\r\n".encode() if kind else b""
    return b"HTTP/1.1 %d x\r\n%b%bcontent-length: %d\r\n\r\n%b" % (status, typed, more, len(body), body)


@asynccontextmanager
async def rude() -> AsyncIterator[tuple[Rude, str]]:
    app = Rude()
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    async with server:
        yield app, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"


@pytest.fixture
async def upstream(place: Place) -> Rude:
    app, url = await place.stack.enter_async_context(rude())
    await place.register("rude", url)
    await place.put_profile("straight", servers=["rude"], agents=[])
    await place.put_profile("wide", servers=["rude"])
    return app


@pytest.fixture
async def http_client(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {place.network.key}"}
    limits = httpx.Limits(max_connections=1)  # the next answer comes over the same connection
    async with httpx.AsyncClient(
        base_url=place.urls[0], headers=headers, timeout=PATIENCE_SECONDS, trust_env=False, limits=limits
    ) as client:
        yield client


@pytest.mark.parametrize("profile", ["straight", "wide"])
async def test_a_modern_call_is_answered_with_an_error_whatever_status_the_server_has(
    place: Place, upstream: Rude, http_client: httpx.AsyncClient, profile: str
) -> None:
    message, headers = modern("tools/call", {"name": "act", "arguments": {}})
    for upstream.kind in KINDS:
        for upstream.status in STATUSES:
            response = await http_client.post(f"/mcp/{profile}", json=message, headers=headers)
            where = (upstream.kind, upstream.status, response.status_code, response.text)
            assert response.status_code == expected(upstream.kind, upstream.status), where
            answer = await answer_in(response)
            assert (answer["id"], is_said(answer["error"])) == (1, True), where


def is_said(error: Message) -> bool:
    """Whether it is the server's own error, or says that it is the server that answered amiss."""
    return error["message"] == "said upstream" or "MCP server 'rude'" in error["message"] or error["code"] == -32001


def expected(kind: str, status: int) -> int:
    """As 2026-07-28 says of the error's code, where it is the server's own and more than a success in HTTP."""
    return 404 if kind == "unknown" and status not in (200, 204, 304, *CREDENTIAL) else 200


@pytest.mark.parametrize("profile", ["straight", "wide"])
async def test_a_legacy_call_is_answered_with_an_error_whatever_status_the_server_has(
    place: Place, upstream: Rude, http_client: httpx.AsyncClient, profile: str
) -> None:
    session = await LegacySession.open(http_client, "", f"/mcp/{profile}")
    for upstream.kind in KINDS:
        for upstream.status in STATUSES:
            response = await session.post("", request("tools/call", {"name": "act", "arguments": {}}))
            where = (upstream.kind, upstream.status, response.status_code, response.text)
            is_end = profile == "straight" and upstream.status in LOST and upstream.kind != "unknown"
            assert response.status_code == (404 if is_end else 200), where
            answer = await answer_in(response)
            assert (answer["id"], is_said(answer["error"])) == (1, True), where


@pytest.mark.parametrize("verb", ["POST", "GET", "DELETE"])
async def test_what_wants_no_answer_has_a_status_of_the_gateways_own(
    place: Place, upstream: Rude, http_client: httpx.AsyncClient, verb: str
) -> None:
    session = await LegacySession.open(http_client, "", "/mcp/straight")
    message = {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"} if verb == "POST" else None
    taken = {"POST": 202, "DELETE": 204}.get(verb)
    for upstream.kind in KINDS:
        for upstream.status in STATUSES:
            response = await http_client.request(verb, "/mcp/straight", json=message, headers=session.headers)
            where = (verb, upstream.kind, upstream.status, response.status_code, response.text)
            is_success = 200 <= upstream.status < 300
            if taken is not None and is_success:
                assert (response.status_code, response.content) == (taken, b""), where
                assert "content-length" not in response.headers or taken == 202, where
            elif verb == "GET" and is_success and upstream.kind == "stream" and upstream.status not in BODILESS:
                assert response.status_code == 200, where
            else:
                passes = (400, 405) if verb != "POST" else (400,)
                is_end = upstream.status in LOST and upstream.kind != "unknown"
                own = (
                    404
                    if is_end
                    else upstream.status
                    if upstream.status in passes
                    else 400
                    if verb == "GET" and upstream.status not in CREDENTIAL
                    else 502
                )
                assert response.status_code == own, where
                assert response.json()["error"]["message"], where


async def test_a_modern_notification_has_a_status_of_the_gateways_own(
    place: Place, upstream: Rude, http_client: httpx.AsyncClient
) -> None:
    _, headers = modern("notifications/progress")
    message = {"jsonrpc": "2.0", "method": "notifications/progress"}
    for upstream.kind in KINDS:
        for upstream.status in STATUSES:
            response = await http_client.post("/mcp/straight", json=message, headers=headers)
            own = 202 if 200 <= upstream.status < 300 else 400 if upstream.status == 400 else 502
            assert response.status_code == own, (upstream.kind, upstream.status, response.text)


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 999, 70_000, -1])
async def test_a_reply_has_no_status_that_ends_no_response(status: int) -> None:
    assert (await written(status, b"{}"))[0] == 502


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_reply_without_a_body_has_none_and_says_no_length(status: int) -> None:
    assert await written(status, b"{}") == (status, [], b"")


async def written(status: int, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await Reply(send, may_stream=True).whole(status, [(b"content-type", b"application/json")], body)
    return sent[0]["status"], sent[0]["headers"], sent[1]["body"]
