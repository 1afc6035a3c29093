"""Agents' resources that hosts watch: artifacts while their task works, and cards."""

import asyncio

import httpx
import mcp_types as types
import pytest

from gateway.mcp.agents.addresses import artifact_uri, card_uri
from tests.integration.gateway.echo import Probe
from tests.integration.gateway.mcp.conftest import ERAS, Place
from tests.integration.gateway.mcp.raw import LegacySession, answer_in, messages_of, modern, request
from tests.integration.gateway.mcp.watcher import Watcher, watching
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def growing(place: Place, probe: Probe) -> str:
    """The URI of an artifact that has a first piece."""
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "slow"}]}
    params = {"message": message, "configuration": {"returnImmediately": True}}
    async with place.network.client() as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
        response = await http.post("/agents/echo", json=body, headers={"a2a-version": "1.0"})
    await probe.started.wait()
    return artifact_uri("echo", response.json()["result"]["task"]["id"], "answer")


async def text_at(watcher: Watcher, uri: str) -> str:
    [contents] = (await watcher.client.read_resource(uri)).contents
    assert isinstance(contents, types.TextResourceContents)
    return contents.text


@pytest.mark.parametrize("era", ERAS)
async def test_an_artifact_that_grows_is_told_of_until_it_is_whole(place: Place, era: str) -> None:
    probe = await place.network.agent("echo")
    uri = await growing(place, probe)
    async with watching(place, era, uri) as watcher:
        assert await text_at(watcher, uri) == "first "
        probe.go.set()
        assert await watcher.next() == uri
        while await text_at(watcher, uri) != "first second":
            assert await watcher.next() == uri


@pytest.mark.parametrize("era", ERAS)
async def test_a_card_that_changes_is_told_of(place: Place, era: str) -> None:
    await place.network.agent("echo")
    uri = card_uri("echo")
    async with watching(place, era, uri) as watcher:
        await place.network.register("echo", [place.network.urls["echo"]], with_card=False)
        assert await watcher.next() == uri


async def test_what_changed_before_the_stream_was_open_at_the_other_replica_is_told_there(place: Place) -> None:
    probe = await place.network.agent("echo")
    uri = await growing(place, probe)
    one, other = place.urls
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        session = await LegacySession.open(http, one)
        subscribed = await session.post(one, request("resources/subscribe", {"uri": uri}))
        assert (await answer_in(subscribed))["result"] == {}
        probe.go.set()
        async with http.stream("GET", f"{other}/mcp", headers=session.headers) as response:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = await anext(messages_of(response))
        assert (message["method"], message["params"]) == ("notifications/resources/updated", {"uri": uri})


async def test_a_subscription_that_was_given_back_tells_nothing(place: Place) -> None:
    probe = await place.network.agent("echo")
    uri, card = await growing(place, probe), card_uri("echo")
    one, other = place.urls
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        session = await LegacySession.open(http, one)
        for method, named in (("subscribe", uri), ("subscribe", card), ("unsubscribe", uri)):
            answer = await session.post(one, request(f"resources/{method}", {"uri": named}))
            assert (await answer_in(answer))["result"] == {}
        probe.go.set()
        async with http.stream("GET", f"{other}/mcp", headers=session.headers) as response:
            await place.network.register("echo", [place.network.urls["echo"]], with_card=False)
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for message in messages_of(response):
                    if message["method"] == "notifications/resources/updated":
                        break
        assert message["params"] == {"uri": card}


async def test_another_tenants_artifact_is_as_unknown_as_one_that_never_was(place: Place) -> None:
    probe = await place.network.agent("echo", tenant="acme")
    uri = await growing(place, probe)
    theirs = await (await place.network.runtime.keys()).create("other", "test")
    headers = {"authorization": f"Bearer {theirs}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        told = []
        for named in (uri, artifact_uri("echo", "no-such-task", "answer")):
            message, sent = modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": [named]}})
            refused = await http.post(f"{place.urls[0]}/mcp", json=message, headers=sent)
            told.append(refused.json()["error"])
        session = await LegacySession.open(http, place.urls[0])
        subscribed = await answer_in(await session.post(place.urls[0], request("resources/subscribe", {"uri": uri})))
    assert told[0] == told[1] and told[0]["code"] == -32602
    assert subscribed["error"]["code"] == -32002
