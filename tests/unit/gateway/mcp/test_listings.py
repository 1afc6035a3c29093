"""Lists of upstream servers, and what becomes of them when a server says that they changed."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from mcp_types.methods import validate_server_result
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from gateway.mcp.messages.era import Era
from gateway.mcp.upstream.eras import Spoken
from gateway.mcp.upstream.listings import MAX_PAGES, Listings
from gateway.mcp.upstream.server import Kind, UpstreamServer
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ASKER = Principal("acme", "key:1")


class Server:
    """Answers as `UpstreamClient` does: with the name of the tool that there is when it is asked, once it may."""

    def __init__(self) -> None:
        self.tool = "old"
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def ask(self, *_: object) -> dict[str, Any]:
        found = {"tools": [{"name": self.tool}], "ttlMs": 3_600_000, "cacheScope": "public"}
        self.asked.set()
        await self.go.wait()
        return found

    async def of(self, *_: object) -> Spoken:
        return Spoken(frozenset({Era.MODERN}), keeps_sessions=False, tells_of_resources=False, completes=False)


async def test_a_list_that_was_asked_for_before_it_changed_is_not_kept_as_new() -> None:
    server: Any = Server()
    listings = Listings(server, server, server, SimpleNamespace(admits=lambda item: True))  # type: ignore[arg-type]
    upstream = UpstreamServer("alpha", (), "*", "", {}, server)
    early = asyncio.create_task(listings.get(upstream, ASKER, Kind.TOOLS))
    await server.asked.wait()
    server.tool = "new"
    listings.forget(upstream, frozenset({Kind.TOOLS}))
    late = asyncio.create_task(listings.get(upstream, ASKER, Kind.TOOLS))
    await asyncio.sleep(0)
    server.go.set()
    await early
    for listing in (await late, await listings.get(upstream, ASKER, Kind.TOOLS)):
        assert [item["name"] for item in listing.items] == ["new"]


class Pages(Server):
    """Answers with `page` for each cursor."""

    def __init__(self, page: Callable[[str | None], dict[str, Any]]) -> None:
        super().__init__()
        self.page = page
        self.cursors: list[str | None] = []

    async def ask(self, *asked: Any) -> dict[str, Any]:
        params = asked[3]
        self.cursors.append(params.get("cursor"))
        return {"cacheScope": "public"} | self.page(params.get("cursor"))


async def listed(server: Any, kind: Kind = Kind.TOOLS) -> list[dict[str, Any]]:
    listings = Listings(server, server, server, SimpleNamespace(admits=lambda item: True))  # type: ignore[arg-type]
    listing = await listings.get(UpstreamServer("alpha", (), "*", "", {}, server), ASKER, kind)
    return [*listing.items]


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def tool(name: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}} | more


@pytest.mark.parametrize(
    ("follows", "pages"),
    [
        (lambda cursor: "again", 2),
        (lambda cursor: {"a": "b", "b": "a"}.get(cursor or "", "a"), 3),
        (lambda cursor: str(int(cursor or 0) + 1), MAX_PAGES),
        (lambda cursor: "", 1),
        (lambda cursor: 7, 1),
        (lambda cursor: None, 1),
        (lambda cursor: {"x": 1}, 1),
    ],
)
async def test_a_cursor_that_never_ends_ends(follows: Callable[[str | None], Any], pages: int) -> None:
    server = Pages(lambda cursor: {"tools": [tool("one")], "nextCursor": follows(cursor)})
    assert [item["name"] for item in await listed(server)] == ["one"]
    assert len(server.cursors) == pages


BAD_TOOLS: list[Any] = [
    None,
    7,
    "tool",
    {},
    tool(None),
    tool(""),
    tool(7),
    tool(["x"]),
    tool("x" * 10_000),
    tool("deep", inputSchema=deep(100)),
    tool("icons", icons=5),
    tool("execution", execution="x"),
]
MENDED: list[dict[str, Any]] = [
    {"name": "no schema"},
    tool("null", inputSchema=None),
    tool("a list", inputSchema=[]),
    tool("no type", inputSchema={"properties": {"a": {"type": "string"}}}),
    tool("any of", inputSchema={"anyOf": [{"required": ["a"]}]}),
    tool("no properties", inputSchema={"type": "object", "properties": 5}),
    tool("required", inputSchema={"type": "object", "required": "a"}),
    tool("an array", outputSchema={"type": "array"}),
    tool("a number", description=5, title={}),
    tool("annotations", annotations=[], _meta="x"),
]


@pytest.mark.parametrize("bad", BAD_TOOLS, ids=range(len(BAD_TOOLS)))
async def test_one_bad_tool_hides_no_other(bad: Any) -> None:
    items = await listed(Pages(lambda _: {"tools": [tool("before"), bad, tool("after")]}))
    assert [item["name"] for item in items] == ["before", "after"]


@pytest.mark.parametrize("odd", MENDED, ids=[str(each["name"]) for each in MENDED])
async def test_a_tool_that_hosts_would_refuse_a_whole_list_for_is_mended(odd: dict[str, Any]) -> None:
    items = await listed(Pages(lambda _: {"tools": [odd, tool("after")]}))
    assert [item["name"] for item in items] == [odd["name"], "after"]
    page = {"tools": items, "resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    for version in (LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION):
        validate_server_result("tools/list", version, page)


@pytest.mark.parametrize("found", [None, 7, "x", {}, {"a": 1}])
async def test_a_list_that_is_none_is_empty(found: Any) -> None:
    assert await listed(Pages(lambda _: {"tools": found})) == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.RESOURCES, {"uri": "a://b", "name": "b"}, {"uri": "a://c", "name": "c", "size": "big"}),
        (Kind.RESOURCES, {"uri": "a://b"}, {"uri": 5, "name": "x"}),
        (Kind.TEMPLATES, {"uriTemplate": "a://{b}", "name": "b"}, {"name": "no template"}),
        (Kind.PROMPTS, {"name": "p"}, {"name": "q", "arguments": 5}),
    ],
)
async def test_one_bad_item_of_any_kind_hides_no_other(kind: Kind, good: Any, bad: Any) -> None:
    items = await listed(Pages(lambda _: {kind.member: [bad, good]}), kind)
    assert [item[kind.key] for item in items] == [good[kind.key]]


async def test_an_item_that_is_listed_twice_is_listed_once() -> None:
    items = await listed(Pages(lambda _: {"tools": [tool("one", title="first"), tool("one", title="second")]}))
    assert items == [tool("one", title="first")]


class Flaky(Server):
    """Lists while it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.is_there = True
        self.why = "It does not answer."

    async def ask(self, *_: object) -> dict[str, Any]:
        if not self.is_there:
            raise UnavailableError(self.why)
        return {"tools": [], "ttlMs": 0, "cacheScope": "public"}


@pytest.mark.parametrize(
    ("states", "warnings", "recoveries"),
    [("y", 0, 0), ("n", 1, 0), ("nnnnn", 1, 0), ("ynnny", 1, 1), ("nynyn", 3, 2), ("nnyynn", 2, 1), ("yyyy", 0, 0)],
)
async def test_a_server_that_is_away_is_warned_of_once_for_each_change(
    states: str, warnings: int, recoveries: int, caplog: pytest.LogCaptureFixture
) -> None:
    server: Any = Flaky()
    listings = Listings(server, server, server, SimpleNamespace(admits=lambda item: True))  # type: ignore[arg-type]
    caplog.set_level(logging.INFO, "gateway")
    for state in states:
        server.is_there = state == "y"
        # Everybody is told, and the log once: two callers ask in each state.
        for asker in (ASKER, Principal("acme", "key:2")):
            upstream = UpstreamServer("alpha", (), "*", "", {}, server)
            listings.forget(upstream, frozenset({Kind.TOOLS}))
            with suppress(AgentNetError):
                await listings.get(upstream, asker, Kind.TOOLS)
    said = [record.getMessage() for record in caplog.records]
    assert len([each for each in said if "cannot be listed" in each]) == warnings, said
    assert len([each for each in said if "listed again" in each]) == recoveries, said


async def test_a_server_that_is_away_for_another_reason_is_warned_of_again(caplog: pytest.LogCaptureFixture) -> None:
    server: Any = Flaky()
    server.is_there = False
    listings = Listings(server, server, server, SimpleNamespace(admits=lambda item: True))  # type: ignore[arg-type]
    upstream = UpstreamServer("alpha", (), "*", "", {}, server)
    for server.why in ("It broke, and is started in 1.5 s.", "It broke, and is started in 60 s.", "It is no server."):
        listings.forget(upstream, frozenset({Kind.TOOLS}))
        with pytest.raises(UnavailableError):
            await listings.get(upstream, ASKER, Kind.TOOLS)
    assert ["1.5 s" in caplog.messages[0], "no server" in caplog.messages[1], len(caplog.messages)] == [True, True, 2]


async def test_a_server_that_was_waited_for_in_vain_is_waited_for_again_when_it_has_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server: Any = Server()
    listings = Listings(server, server, server, SimpleNamespace(admits=lambda item: True))  # type: ignore[arg-type]
    upstream = UpstreamServer("alpha", (), "*", "", {}, server)
    monkeypatch.setattr("gateway.mcp.upstream.listings.FIRST_SECONDS", 0.01)
    with pytest.raises(UnavailableError, match="slow to list"):
        await listings.get(upstream, ASKER, Kind.TOOLS)
    # Who waits from now on waits for longer than the test.
    monkeypatch.setattr("gateway.mcp.upstream.listings.FIRST_SECONDS", 10 * PATIENCE_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for asker in (ASKER, Principal("acme", "key:2")):
            with pytest.raises(UnavailableError, match="slow to list"):
                await listings.get(upstream, asker, Kind.TOOLS)
        server.go.set()
        while listings.fresh(upstream, ASKER, Kind.TOOLS) is None:
            await asyncio.sleep(0.01)
        listings.forget(upstream, frozenset({Kind.TOOLS}))
        server.tool = "new"
        [item] = (await listings.get(upstream, ASKER, Kind.TOOLS)).items
    assert item["name"] == "new"
