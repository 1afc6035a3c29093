"""Stored and declared upstream servers as the door's source, over the connections that it must use."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agentnet.database import Database
from agentnet.errors import UnsafeUrlError
from agentnet.identity import Principal
from agentnet.identity.sealing import Seal
from agentnet.ids import new_id
from agentnet.settings import Settings
from agentnet.upstreams.credential import BearerCredential, ClientCredentials, Credential
from agentnet.upstreams.server import NewServer
from agentnet.upstreams.upstreams import Upstreams
from gateway.http.transport import NotReachedError, Outgoing
from gateway.mcp.upstream.outside import OutsideServers
from tests.integration.upstreams.parts import adder, mcp_over_http, token_server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def upstreams(home: Path, tmp_path: Path) -> AsyncIterator[Upstreams]:
    """Upstreams that may be on loopback, with one that the operator declared."""
    file = tmp_path / "servers.yaml"
    file.write_text("servers:\n- {name: declared, url: 'https://mcp.example.com/mcp'}\n")
    settings = Settings(home=home, mcp_servers_file=file, allow_private_urls=True, _env_file=None)
    database = await Database.open(settings)
    opened = Upstreams(database, Seal("s" * 32), settings)
    yield opened
    await opened.close()
    await database.close()


def someone() -> Principal:
    return Principal(new_id(), "key:test")


async def add(upstreams: Upstreams, who: Principal, url: str, credential: Credential | None = None) -> None:
    await upstreams.add(who.tenant, NewServer(name="adder", url=url, credential=credential))


async def test_a_tenant_sees_its_own_servers_and_the_operators(upstreams: Upstreams) -> None:
    ours, theirs = someone(), someone()
    source = OutsideServers(upstreams)
    await add(upstreams, ours, "https://93.184.215.14/mcp")
    seen = await source.servers(ours)
    assert [(server.name, server.tenant) for server in seen] == [("adder", ours.tenant), ("declared", "*")]
    assert [server.name for server in await source.servers(theirs)] == ["declared"]
    await source.close()


async def test_every_name_of_the_operators_file_is_taken_for_those_who_may_use_it(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "servers.yaml"
    remote = {"name": "remote", "url": "https://mcp.example.com/mcp"}
    servers = [remote, {"name": "child", "command": ["x"]}, {"name": "theirs", "command": ["x"], "tenant": "rival"}]
    file.write_text(json.dumps({"servers": servers}))
    settings = Settings(home=home, mcp_servers_file=file, _env_file=None)
    database = await Database.open(settings)
    opened = Upstreams(database, Seal("s" * 32), settings)
    names = ("remote", "child", "theirs", "free")
    taken = {tenant: [name for name in names if opened.is_declared(tenant, name)] for tenant in ("acme", "rival")}
    assert taken == {"acme": ["remote", "child"], "rival": ["remote", "child", "theirs"]}
    for opening in (opened, database):
        await opening.close()


async def test_a_server_that_is_switched_off_is_not_offered(upstreams: Upstreams) -> None:
    who = someone()
    await upstreams.add(who.tenant, NewServer(name="off", url="https://93.184.215.14/mcp", enabled=False))
    assert [server.name for server in await OutsideServers(upstreams).servers(who)] == ["declared"]


async def test_a_request_carries_the_stored_credential(upstreams: Upstreams) -> None:
    who = someone()
    await add(upstreams, who, "https://93.184.215.14/mcp", BearerCredential(type="bearer", token=SecretStr("abc")))
    source = OutsideServers(upstreams)
    [server, _] = await source.servers(who)
    assert await source.credential(server, who) == [(b"authorization", b"Bearer abc")]
    assert await source.refused(server, who) is False
    assert "abc" not in repr(server)


async def test_a_refused_token_is_replaced_and_a_fresh_one_is_kept(upstreams: Upstreams) -> None:
    who = someone()
    async with token_server() as tokens:
        name, secret = tokens.client
        credential = ClientCredentials(
            type="oauth", token_url=tokens.url, client_id=name, client_secret=SecretStr(secret)
        )
        await add(upstreams, who, "https://93.184.215.14/mcp", credential)
        source = OutsideServers(upstreams)
        [server, _] = await source.servers(who)
        assert await source.credential(server, who) == [(b"authorization", b"Bearer token-1")]
        assert await source.refused(server, who)
        assert await source.credential(server, who) == [(b"authorization", b"Bearer token-2")]
    assert len(tokens.asked) == 2


async def test_the_connections_reach_what_the_guard_lets_through_and_nothing_else(upstreams: Upstreams) -> None:
    source = OutsideServers(upstreams)
    [declared] = await source.servers(someone())
    transport = declared.transport
    async with mcp_over_http(adder()) as upstream:
        request = Outgoing("GET", upstream.url.replace("127.0.0.1", "localhost"), [], b"")
        answer = await transport.send(request)
        await answer.close()
        await source.close()
        upstreams.allow_private = False
        with pytest.raises(UnsafeUrlError):
            await transport.send(request)
        assert len(upstream.seen) == 1
    upstreams.allow_private = True
    with pytest.raises(NotReachedError):
        await transport.send(request)


async def test_the_operator_may_let_one_server_be_at_a_private_address_and_its_tokens_too(
    home: Path, tmp_path: Path
) -> None:
    who = someone()
    async with token_server() as tokens, mcp_over_http(adder()) as upstream:
        name, secret = tokens.client
        oauth = {"type": "oauth", "token_url": tokens.url, "client_id": name, "client_secret": secret}
        inside = {"name": "inside", "url": upstream.url, "credential": oauth, "allow_private": True}
        file = tmp_path / "servers.yaml"
        file.write_text(json.dumps({"servers": [inside, {"name": "plain", "url": upstream.url, "credential": oauth}]}))
        settings = Settings(home=home, mcp_servers_file=file, _env_file=None)
        database = await Database.open(settings)
        opened = Upstreams(database, Seal("s" * 32), settings)
        source = OutsideServers(opened)
        allowed, refused = await source.servers(who)
        assert await source.credential(allowed, who) == [(b"authorization", b"Bearer token-1")]
        with pytest.raises(UnsafeUrlError):
            await source.credential(refused, who)
        request = Outgoing("GET", upstream.url, [], b"")
        assert allowed.transport and refused.transport
        await (await allowed.transport.send(request)).close()
        with pytest.raises(UnsafeUrlError):
            await refused.transport.send(request)
        for opening in (source, opened, database):
            await opening.close()
    assert len(upstream.seen) == 1
