"""Tokens for upstream servers: fetched from a real token server over HTTP."""

import asyncio

import pytest
from pydantic import SecretStr

from agentnet.errors import UnavailableError, UnsafeUrlError
from agentnet.http.ssrf import guarded_client
from agentnet.upstreams.credential import ClientCredentials
from agentnet.upstreams.tokens import AccessTokens, Key
from tests.integration.upstreams.parts import TokenServer, token_server

pytestmark = pytest.mark.anyio

RESOURCE = "https://upstream.example/mcp"


def key_for(server: TokenServer, tenant: str = "acme", **changes: object) -> Key:
    name, secret = server.client
    credentials = ClientCredentials(
        type="oauth", token_url=server.url, client_id=name, client_secret=SecretStr(secret), scope="tools"
    )
    return tenant, RESOURCE, credentials.model_copy(update=changes)


async def test_a_token_is_fetched_once_for_many_and_names_what_it_is_for() -> None:
    async with token_server() as server, guarded_client(allow_private=True) as http:
        tokens = AccessTokens(http)
        got = await asyncio.gather(*(tokens.get(key_for(server)) for _ in range(20)))
        assert {*got, await tokens.get(key_for(server))} == {"token-1"}
    assert server.asked == [{"grant_type": ["client_credentials"], "resource": [RESOURCE], "scope": ["tools"]}]


async def test_no_two_tenants_share_a_token() -> None:
    async with token_server() as server, guarded_client(allow_private=True) as http:
        tokens = AccessTokens(http)
        assert await tokens.get(key_for(server, "acme")) != await tokens.get(key_for(server, "other"))


async def test_a_token_that_is_over_or_refused_is_fetched_anew() -> None:
    async with token_server(expires_in=0) as server, guarded_client(allow_private=True) as http:
        tokens = AccessTokens(http)
        assert await tokens.get(key_for(server)) == "token-1"
        server.expires_in = None
        assert await tokens.get(key_for(server)) == "token-2"
        tokens.forget(key_for(server), "token-1")
        assert await tokens.get(key_for(server)) == "token-2"
        tokens.forget(key_for(server), "token-2")
        assert await tokens.get(key_for(server)) == "token-3"


async def test_the_secret_can_go_into_the_form() -> None:
    async with token_server() as server, guarded_client(allow_private=True) as http:
        assert await AccessTokens(http).get(key_for(server, auth="post")) == "token-1"


async def test_a_refusal_says_why_and_repeats_nothing_of_the_answer() -> None:
    async with token_server(refuse=True) as server, guarded_client(allow_private=True) as http:
        with pytest.raises(UnavailableError, match=r"401, invalid_client") as raised:
            await AccessTokens(http).get(key_for(server))
    assert "s:ecret" not in str(raised.value)


async def test_a_token_server_at_a_private_address_is_refused() -> None:
    async with token_server() as server, guarded_client() as http:
        with pytest.raises(UnsafeUrlError):
            await AccessTokens(http).get(key_for(server))
    assert not server.asked
