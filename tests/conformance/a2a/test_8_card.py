"""Sections 8 and 14.3: the card."""

import grpc
import grpc.aio
import pytest
from a2a.client.card_resolver import parse_agent_card
from a2a.compat.v0_3.types import AgentCard as CardOf03

from tests.conformance.a2a.server import Server

pytestmark = pytest.mark.anyio

BINDINGS = ("JSONRPC", "HTTP+JSON", "GRPC")
ADDRESSES = ["/.well-known/agent-card.json", "/.well-known/agent.json"]


@pytest.mark.parametrize("path", ADDRESSES)
async def test_14_3_the_card_is_public_and_both_generations_read_it(server: Server, path: str) -> None:
    async with server.http(key=None, version=None) as http:
        response = await http.get(path)
        assert response.headers["content-type"] == "application/json"
        assert parse_agent_card(response.json()).name == server.name
        assert CardOf03.model_validate(response.json()).name == server.name


async def test_8_3_1_every_binding_and_version_that_answers_is_declared(server: Server) -> None:
    async with server.http() as http:
        card = (await http.get(ADDRESSES[0])).json()
    declared = {(item["protocolBinding"], item["protocolVersion"]) for item in card["supportedInterfaces"]}
    assert declared == {
        (binding, version) for binding in ("JSONRPC", "HTTP+JSON", "GRPC") for version in ("1.0", "0.3")
    }


async def test_8_3_1_addresses_are_absolute_and_grpc_is_a_bare_host_and_port(server: Server) -> None:
    async with server.http() as http:
        card = (await http.get(ADDRESSES[0])).json()
    for item in card["supportedInterfaces"]:
        if item["protocolBinding"] == "GRPC":
            assert item["url"] == server.grpc_address
            assert "/" not in item["url"]
            async with grpc.aio.insecure_channel(item["url"]) as channel:
                await channel.channel_ready()
        else:
            assert item["url"].startswith(server.url)


async def test_4_4_1_what_a_card_must_have_it_has(server: Server) -> None:
    async with server.http() as http:
        card = (await http.get(ADDRESSES[0])).json()
    for field in ("name", "description", "version", "supportedInterfaces", "capabilities"):
        assert card[field], field
    for field in ("defaultInputModes", "defaultOutputModes", "skills"):
        assert len(card[field]) >= 1, field
    for skill in card["skills"]:
        assert all(skill[field] for field in ("id", "name", "description", "tags"))


async def test_8_6_1_the_card_is_cached(server: Server) -> None:
    async with server.http(key=None) as http:
        first = await http.get(ADDRESSES[0])
        assert "max-age=" in first.headers["cache-control"]
        for header in (
            {"if-none-match": first.headers["etag"]},
            {"if-modified-since": first.headers["last-modified"]},
        ):
            again = await http.get(ADDRESSES[0], headers=header)
            assert (again.status_code, again.content) == (304, b"")
        assert (await http.get(ADDRESSES[0], headers={"if-none-match": '"other"'})).status_code == 200
        assert (await http.head(ADDRESSES[0])).status_code == 200


async def test_3_1_11_the_extended_card_is_the_card_or_more(server: Server) -> None:
    async with server.http() as http:
        public = parse_agent_card((await http.get(ADDRESSES[0])).json())
        extended = parse_agent_card((await http.get("/extendedAgentCard")).json())
    assert {skill.id for skill in public.skills} <= {skill.id for skill in extended.skills}
    assert extended.capabilities.extended_agent_card
