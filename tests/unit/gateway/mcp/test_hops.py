"""Which networks requests and items came through."""

import pytest

from agentnet.identity.sealing import Seal
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.hops import MAX_NETWORKS, Hops, networks

ONE, TWO = Hops(Seal("1" * 32)), Hops(Seal("2" * 32))


def test_replicas_of_one_network_have_one_name_and_networks_differ() -> None:
    assert Hops(Seal("1" * 32)).name == ONE.name != TWO.name


def test_names_are_read_from_several_lines_and_among_other_proxies() -> None:
    other = (b"via", b"1.1 google, " + ONE.header[1] + b" , HTTP/2 vegur")
    assert networks([other, (b"host", b"x"), TWO.header]) == [ONE.name, TWO.name]


def test_a_request_that_comes_back_is_refused_with_its_way() -> None:
    ONE.check(networks([TWO.header]))
    with pytest.raises(McpError, match=f"{ONE.name} > {TWO.name} > {ONE.name}") as refused:
        ONE.check(networks([ONE.header, TWO.header]))
    assert refused.value.status_code == 508


def test_a_request_comes_through_so_many_networks_at_most() -> None:
    way = [Hops(Seal(str(number) * 32)).header for number in range(2, 2 + MAX_NETWORKS)]
    ONE.check(networks(way[:-1]))
    with pytest.raises(McpError, match="the most"):
        ONE.check(networks(way))


def test_an_item_that_comes_back_is_left_out_and_others_keep_what_they_say() -> None:
    item = {"name": "echo", "_meta": {"ui": 1}}
    told = TWO.marked(ONE.marked(item))
    assert not ONE.admits(told) and not TWO.admits(told)
    assert Hops(Seal("3" * 32)).admits(told)
    assert ONE.admits(item) and ONE.admits({"name": "x", "_meta": {"agentnet.dev/networks": "no list"}})
    assert told["_meta"]["ui"] == 1
