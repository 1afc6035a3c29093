"""Names, merged lists, resource URIs and ids, apart from any server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.http.sse import end_of_events
from agentnet.identity import Principal
from gateway.mcp.aggregate.aggregate import Aggregate
from gateway.mcp.aggregate.find_tools import find_tools, named_call
from gateway.mcp.aggregate.merge import PAGE_ITEMS, merge
from gateway.mcp.aggregate.naming import MAX_NAME, may_show, shown_name
from gateway.mcp.aggregate.schemes import is_of_server
from gateway.mcp.aggregate.uris import place_of
from gateway.mcp.messages.deadline import Deadline, TimeLimit
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import is_deeper
from gateway.mcp.messages.profile import Profile
from gateway.mcp.upstream.addressing import marked, unmarked, with_arguments
from gateway.mcp.upstream.server import Change, Kind, Listing, Updated
from tests.patience import PATIENCE_SECONDS


class Fixed:
    """A provider whose listing is given."""

    def __init__(self, name: str, prefix: str | None = None, *, is_outside: bool = False) -> None:
        self.name = name
        self.prefix = name if prefix is None else prefix
        self.revision = ""
        self.is_outside = is_outside

    def fresh(self, kind: Kind) -> Listing | None:
        return None

    def known(self, kind: Kind) -> Listing | None:
        return None

    async def listing(self, kind: Kind) -> Listing:
        return Listing()

    async def answer(self, exchange: Exchange, name: str) -> dict[str, Any] | None:
        return None

    def owns_uri(self, uri: str) -> bool:
        return not self.is_outside and is_of_server(uri, self.name)

    def owns_task(self, task_id: str) -> bool:
        return False

    def changes(self, uris: frozenset[str]) -> AsyncIterator[Change | Updated]:
        raise NotImplementedError

    async def is_away(self, _name: str) -> bool:
        return False


def tools(*names: str, ttl_ms: int = 5000) -> Listing:
    return Listing(tuple({"name": name, "description": f"It does {name}."} for name in names), ttl_ms)


names = st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=30, unique=True)


@given(first=names, second=names)
def test_any_names_of_two_servers_become_unique_and_portable(first: list[str], second: list[str]) -> None:
    parts = [(Fixed("a"), tools(*first)), (Fixed("b"), tools(*second))]
    merged = merge(Kind.TOOLS, parts, Profile())
    assert len(merged.places) == len(first) + len(second)
    for name in merged.places:
        assert 0 < len(name) <= MAX_NAME
        assert all(character.isascii() and (character.isalnum() or character in "_-") for character in name)
    assert merge(Kind.TOOLS, parts[::-1], Profile()).places.keys() == merged.places.keys()


@given(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=90), st.sets(st.text(), max_size=3))
def test_whose_name_it_may_be_is_told_by_the_name_alone(prefix: str, own: str, taken: set[str]) -> None:
    for others in (taken, taken | {shown_name(prefix, own, ())}):
        assert may_show(prefix, shown_name(prefix, own, others))
    assert may_show("", own)
    assert not may_show("other", shown_name("server", own, taken))


class Hanging(Fixed):
    """Lists nothing, ever."""

    async def listing(self, kind: Kind) -> Listing:
        await asyncio.Event().wait()
        raise AssertionError


class Own(Fixed):
    """The network's agents: `ask`, a prompt of that name, and all in `agentnet:`."""

    async def listing(self, kind: Kind) -> Listing:
        return tools("ask") if kind in (Kind.TOOLS, Kind.PROMPTS) else Listing()

    def owns_uri(self, uri: str) -> bool:
        return uri.startswith("agentnet:")

    async def answer(self, exchange: Exchange, name: str) -> dict[str, Any] | None:
        return {"by": self.name, "name": name}


class Both:
    """A source of an own provider, one that lists, and one that hangs."""

    async def all(self, *_: object) -> list[Any]:
        return [Own("agents", ""), Own("calm"), Hanging("away", is_outside=True)]

    async def one(self, *_: object) -> None:
        return None


def exchange_of(method: str, params: dict[str, Any], era: Era = Era.LEGACY) -> Exchange:
    """A request whose reply nobody uses."""
    unused: Any = None
    limit = Deadline(TimeLimit(1.0, "a test"))
    asker = Principal("acme", "key:1")
    return Exchange(era, "2025-11-25", 1, method, params, asker, Profile(), unused, unused, limit)


def aggregate() -> Aggregate:
    return Aggregate(100, SimpleNamespace(marked=lambda item: item), [Both()])  # type: ignore[arg-type, list-item]


@pytest.mark.parametrize(
    ("method", "params", "by"),
    [
        ("tools/call", {"name": "ask"}, "agents"),
        ("tools/call", {"name": "calm__ask"}, "calm"),
        ("prompts/get", {"name": "ask"}, "agents"),
        ("prompts/get", {"name": "calm__ask"}, "calm"),
        ("resources/read", {"uri": "agentnet://agents/x"}, "agents"),
        ("resources/read", {"uri": "calm+file:///x"}, "calm"),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "ask"}}, "agents"),
        ("completion/complete", {"ref": {"type": "ref/resource", "uri": "agentnet://agents/{x}"}}, "agents"),
        ("tools/call", {"name": "unknown"}, ""),
        ("resources/read", {"uri": "agentnet-x://a"}, ""),
    ],
)
async def test_no_call_waits_for_the_list_of_a_server_that_it_does_not_need(
    method: str, params: dict[str, Any], by: str
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        if by:
            answer = await aggregate().handle(exchange_of(method, params))
            assert answer is not None and answer["by"] == by
        else:
            with pytest.raises(McpError, match="There is no"):
                await aggregate().handle(exchange_of(method, params))


WRONG: list[Any] = [None, 5, [], {}, True]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("tools/call", lambda wrong: {"name": wrong}, "name must be a text"),
        ("prompts/get", lambda wrong: {"name": wrong}, "name must be a text"),
        ("resources/read", lambda wrong: {"uri": wrong}, "uri must be a text"),
        ("completion/complete", lambda wrong: {"ref": wrong}, "ref must have the type"),
        ("completion/complete", lambda wrong: {"ref": {"type": wrong}}, "ref must have the type"),
        (
            "completion/complete",
            lambda wrong: {"ref": {"type": "ref/prompt", "name": wrong}},
            "ref.name must be a text",
        ),
        (
            "completion/complete",
            lambda wrong: {"ref": {"type": "ref/resource", "uri": wrong}},
            "ref.uri must be a text",
        ),
    ],
)
async def test_a_name_that_is_no_text_is_told_of(
    method: str, params: Callable[[Any], dict[str, Any]], said: str, wrong: Any
) -> None:
    with pytest.raises(McpError, match=said) as caught:
        await aggregate().handle(exchange_of(method, params(wrong)))
    assert caught.value.code == INVALID_PARAMS


def test_a_name_that_is_too_long_keeps_its_digest_whatever_else_is_there() -> None:
    long = "x" * 100
    assert shown_name("server", long, {}) == shown_name("server", long, {"other"})
    assert shown_name("server", long, {}) != shown_name("server", long + "y", {})


def test_a_merged_list_has_the_least_ttl() -> None:
    parts = [(Fixed("a"), tools("x", ttl_ms=9000)), (Fixed("b"), tools("y", ttl_ms=3000))]
    assert merge(Kind.TOOLS, parts, Profile()).ttl_ms == 3000


def test_long_lists_come_in_pages_and_a_wrong_cursor_is_refused() -> None:
    listing = tools(*(f"tool{number}" for number in range(PAGE_ITEMS + 1)))
    merged = merge(Kind.TOOLS, [(Fixed("a"), listing)], Profile())
    assert merged.page(None)["nextCursor"] == "1"
    assert "nextCursor" not in merged.page("1")
    for cursor in ("0", "2", "x", "²", "-1", "01", 1, [], "9" * 5000):
        with pytest.raises(McpError):
            merged.page(cursor)


async def test_a_uri_leads_to_its_server() -> None:
    one, other = Fixed("one"), Fixed("other")
    listed = Listing(({"uri": "file:///a"},))
    resources = merge(Kind.RESOURCES, [(one, listed), (other, listed)], Profile())
    templates = merge(
        Kind.TEMPLATES,
        [
            (one, Listing(({"uriTemplate": "db://{table}"},))),
            (other, Listing(({"uriTemplate": "db://{table}/rows/{+path}"},))),
        ],
        Profile(),
    )

    async def found(uri: str) -> tuple[str, str] | None:
        place = await place_of(uri, resources, templates, [one, other])
        return (place[0].name, place[1]) if place else None

    assert list(resources.places) == ["file:///a", "other+file:///a"]
    assert await found("file:///a") == ("one", "file:///a")
    assert await found("other+file:///a") == ("other", "file:///a")
    assert await found("one+file:///b") == ("one", "file:///b")
    assert await found("db://users") == ("one", "db://users")
    assert await found("db://users/rows/1/2") == ("other", "db://users/rows/1/2")
    assert await found("mail://x") is None


@given(st.text(max_size=20) | st.integers(min_value=-(10**17), max_value=10**17))
def test_a_marked_id_comes_back_as_it_was(identifier: str | int) -> None:
    assert unmarked(marked("server", identifier)) == ("server", identifier)


@pytest.mark.parametrize("text", ["", "~", "x", "server~", "server~n", "server~n" + "9" * 40, "~sx", 7, None, []])
def test_what_nobody_marked_is_no_id(text: object) -> None:
    assert unmarked(text) is None


def test_tools_are_found_by_words_of_their_names_first() -> None:
    merged = merge(Kind.TOOLS, [(Fixed("a"), tools("send_mail", "read_mail", "paint"))], Profile())
    found = find_tools({"query": "send a mail"}, merged)["structuredContent"]["tools"]
    assert [tool["name"] for tool in found] == ["a__send_mail", "a__read_mail"]
    with pytest.raises(McpError):
        named_call({"arguments": {"name": "call_tool"}})


def test_arguments_go_into_headers_where_the_schema_says_so() -> None:
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    sent = with_arguments([(b"mcp-param-old", b"1"), (b"accept", b"x")], schema, {"region": "eü", "other": 1})
    assert sent == [(b"accept", b"x"), (b"mcp-param-region", b"=?base64?ZcO8?=")]
    assert with_arguments([], None, {"region": "x"}) == []


@given(st.lists(st.sampled_from([b"data: x\n\n", b"data: y\r\n\r\n", b": c\n\n"]), max_size=5), st.binary(max_size=9))
def test_whole_events_end_at_their_blank_line(events: list[bytes], rest: bytes) -> None:
    data = b"".join(events)
    rest = rest.replace(b"\n", b"").replace(b"\r", b"")
    assert end_of_events(data + rest) == len(data)


def test_depth_counts_objects_and_arrays() -> None:
    value: Any = 1
    for number in range(100):
        value = [value] if number % 2 else {"a": value}
    assert not is_deeper(value, 100)
    assert is_deeper([value], 100)
