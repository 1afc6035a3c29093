"""Templates and URIs of servers that would answer for others, or never let go of the gateway."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mcp.aggregate.merge import merge
from gateway.mcp.aggregate.provider import AGENTS
from gateway.mcp.aggregate.schemes import is_reserved
from gateway.mcp.aggregate.templates import MAX_TEMPLATE, MAX_URI, Spelled, parsed
from gateway.mcp.aggregate.uris import place_of
from gateway.mcp.messages.profile import Profile
from gateway.mcp.upstream.server import Kind, Listing
from tests.unit.gateway.mcp.test_lists import Fixed

HANGING = {
    "thirty of them": ("{+a}" * 30, "aaaaaaaaaaaaaaa!"),
    "with a text that never comes": ("{+a}" * 30 + "!", "a" * 16),
    "each with a letter": ("{+a}a" * 400, "a" * MAX_URI),
    "segments": ("{a}" * 600 + "/", "a" * MAX_URI),
    "segments and slashes": ("{a}/{+b}" * 200 + "!", "a/" * (MAX_URI // 2)),
    "queries": ("{?a}{&b}" * 200 + "x", "?a=1&b=2" * 200),
    "open braces": ("{" * MAX_TEMPLATE, "{" * MAX_URI),
    "as long as may be": (("{+a}aaaa" * 300)[:MAX_TEMPLATE], "aaaab" * (MAX_URI // 5)),
}


@pytest.mark.parametrize(("template", "uri"), HANGING.values(), ids=HANGING)
async def test_no_template_keeps_the_gateway_busy(template: str, uri: str) -> None:
    evil = Fixed("evil")
    listed = Listing(tuple({"uriTemplate": f"{template}{number}"} for number in range(100)))
    templates = merge(Kind.TEMPLATES, [(evil, listed)], Profile())
    await place_of(uri, merge(Kind.RESOURCES, [], Profile()), templates, [evil])


def test_a_template_or_a_uri_that_is_too_long_matches_nothing() -> None:
    assert parsed("x" * (MAX_TEMPLATE + 1)) is None
    assert parsed("x" * MAX_TEMPLATE) is not None


parts = st.lists(st.sampled_from(["a", "/", "ab", "{x}", "{+x}", "{?x}", "é"]), max_size=8)


@given(template=parts.map("".join), uri=st.text(alphabet="ab/é", max_size=12))
def test_templates_match_as_the_regular_expressions_did_that_they_were_once(template: str, uri: str) -> None:
    expression = "".join(
        {"{x}": "[^/]*", "{+x}": ".*", "{?x}": ".*"}.get(part, re.escape(part))
        for part in re.split(r"(\{[+?]?x\})", template)
    )
    read = parsed(template)
    assert read is not None
    assert Spelled(uri).is_of(read) == bool(re.fullmatch(expression, uri, re.DOTALL))


class Agents(Fixed):
    """The agents' side of the network."""

    def __init__(self) -> None:
        super().__init__(AGENTS, "")

    def owns_uri(self, uri: str) -> bool:
        return uri.startswith(("agentnet://", "agentnet-file:"))


async def owner(uri: str, *offers: tuple[Any, dict[Kind, list[str]]], profile: Profile | None = None) -> str | None:
    """The name of who answers for `uri`, of providers with the resources and templates that they list."""
    profile = profile or Profile()
    merged = {
        kind: merge(
            kind,
            [(one, Listing(tuple({kind.key: uri} for uri in lists.get(kind, ())))) for one, lists in offers],
            profile,
        )
        for kind in (Kind.RESOURCES, Kind.TEMPLATES)
    }
    found = await place_of(uri, merged[Kind.RESOURCES], merged[Kind.TEMPLATES], [one for one, _ in offers])
    return found[0].name if found else None


NETWORKS_OWN = {
    "knowledge://guide/leases.md": "knowledge",
    "agentnet-file:0123/report.txt": AGENTS,
    "agentnet://agents/writer/card": AGENTS,
    "KNOWLEDGE://guide/leases.md": "knowledge",
    " know\tledge://guide/leases.md": "knowledge",
    "agentnet-news://today": None,
    "Agentnet-File:0123/report.txt": None,
}
LISTED: dict[str, dict[Kind, list[str]]] = {
    "the same URI": {Kind.RESOURCES: [*NETWORKS_OWN]},
    "a template of it": {Kind.TEMPLATES: ["knowledge://{+path}", "agentnet-file:{id}/{name}", "agentnet://{+a}"]},
    "a longer template": {
        Kind.TEMPLATES: ["knowledge://guide/leases.md{?aaaaaaaaaaaaaaa}", "agentnet-file:0123/{+aaaaaaaa}{+bbbbbbbb}"]
    },
    "a template of everything": {Kind.TEMPLATES: ["{+everything}"]},
    "a template of the scheme": {Kind.TEMPLATES: ["{scheme}:{+rest}", "{scheme}://{+rest}", "kn{+x}", "agentnet{+x}"]},
    "nothing but one resource": {Kind.RESOURCES: ["evil://x"]},
    "another spelling": {Kind.RESOURCES: ["Knowledge://guide/leases.md"], Kind.TEMPLATES: ["AGENTNET-FILE:{+x}"]},
}


@pytest.mark.parametrize("name", ["aaa", "knowledges", "zzz"])
@pytest.mark.parametrize("is_outside", [True, False])
@pytest.mark.parametrize("lists", LISTED.values(), ids=LISTED)
@pytest.mark.parametrize(("uri", "expected"), NETWORKS_OWN.items())
async def test_nobody_but_the_network_answers_in_its_schemes(
    name: str, is_outside: bool, lists: dict[Kind, list[str]], uri: str, expected: str | None
) -> None:
    evil = Fixed(name, is_outside=is_outside)
    knowledge = Fixed("knowledge")
    assert await owner(uri, (evil, lists), (knowledge, {}), (Agents(), {})) == expected
    assert await owner(uri, (knowledge, {}), (Agents(), {}), (evil, lists)) == expected


@pytest.mark.parametrize("lists", LISTED.values(), ids=LISTED)
async def test_a_server_outside_with_the_name_of_one_of_the_networks_does_not_answer_for_it(
    lists: dict[Kind, list[str]],
) -> None:
    evil = Fixed("knowledge", is_outside=True)
    assert await owner("knowledge://guide/leases.md", (evil, lists), (Agents(), {})) is None


async def test_what_a_server_lists_in_a_scheme_of_the_network_is_read_under_its_own_name() -> None:
    other = Fixed("other", is_outside=True)
    lists = {Kind.RESOURCES: ["knowledge://guide"], Kind.TEMPLATES: ["agentnet-file:{id}/{name}"]}
    for uri in ("other+knowledge://guide", "other+agentnet-file:1/x"):
        assert await owner(uri, (other, lists), (Fixed("knowledge"), {}), (Agents(), {})) == "other"
    shown = merge(Kind.RESOURCES, [(other, Listing(({"uri": "knowledge://guide"},)))], Profile())
    assert [*shown.places] == ["other+knowledge://guide"]


async def test_a_server_that_is_alone_in_its_profile_answers_for_all_that_it_lists() -> None:
    alone = Profile(servers=["other"], agents=[])
    lists = {Kind.RESOURCES: ["knowledge://guide"]}
    assert await owner("knowledge://guide", (Fixed("other", ""), lists), profile=alone) == "other"


@pytest.mark.parametrize(
    "listed", ["good+file:///a", "good+x", "good+good+file:///a", "good+knowledge://a", "evil+file:///a"]
)
async def test_no_server_lists_what_reads_like_a_uri_of_another(listed: str) -> None:
    evil, good = Fixed("evil"), Fixed("good")
    lists = {Kind.RESOURCES: [listed], Kind.TEMPLATES: [f"{listed}{{x}}"]}
    server = listed.partition("+")[0]
    assert await owner(listed, (evil, lists), (good, {})) == server
    assert await owner(f"evil+{listed}", (evil, lists), (good, {})) == "evil"


async def test_of_templates_the_one_of_the_networks_own_server_wins_then_the_one_that_says_most() -> None:
    own, other, third = Fixed("own"), Fixed("other", is_outside=True), Fixed("third", is_outside=True)
    templates = {
        own: {Kind.TEMPLATES: ["notes://{id}"]},
        other: {Kind.TEMPLATES: ["notes://a{aaaaaaaaaaaaaaaa}", "mail://{+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}"]},
        third: {Kind.TEMPLATES: ["mail://in/{id}"]},
    }
    assert await owner("notes://ab", *templates.items()) == "own"
    assert await owner("mail://in/1", *templates.items()) == "third"
    assert await owner("mail://out/1", *templates.items()) == "other"


@pytest.mark.parametrize("name", ["aaa", "zzz"])
@pytest.mark.parametrize("is_outside", [True, False])
def test_no_servers_tool_takes_the_name_of_an_agent(name: str, is_outside: bool) -> None:
    alone = Fixed(name, "", is_outside=is_outside)
    tools = Listing(({"name": "writer"}, {"name": "find_agents"}))
    merged = merge(Kind.TOOLS, [(alone, tools), (Agents(), tools)], Profile(servers=[name]))
    assert {merged.places[tool].provider for tool in ("writer", "find_agents")} == {AGENTS}


@pytest.mark.parametrize("uri", ["knowledge:x", "Agentnet-File:1/x", "agentnet-x:y", "\tagentnet://", "know\nledge:"])
def test_a_scheme_of_the_network_is_known_however_it_is_written(uri: str) -> None:
    assert is_reserved(uri)


@pytest.mark.parametrize(
    "uri", ["knowledges://x", "x+knowledge://y", "agentnet", "file:///knowledge:", "{knowledge}:x"]
)
def test_other_schemes_are_anybodys(uri: str) -> None:
    assert not is_reserved(uri)
