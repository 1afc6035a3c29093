"""Names, merged lists, resource URIs and ids, apart from any server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.http.sse import end_of_events
from gateway.mcp.aggregate.find_tools import find_tools, named_call
from gateway.mcp.aggregate.merge import PAGE_ITEMS, merge
from gateway.mcp.aggregate.naming import MAX_NAME, shown_name
from gateway.mcp.aggregate.schemes import is_of_server
from gateway.mcp.aggregate.uris import place_of
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import is_deeper
from gateway.mcp.messages.profile import Profile
from gateway.mcp.upstream.addressing import marked, unmarked, with_arguments
from gateway.mcp.upstream.server import Change, Kind, Listing, Updated


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
