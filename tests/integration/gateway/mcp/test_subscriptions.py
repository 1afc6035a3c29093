"""Servers' resources that hosts watch: under the host's name, from any replica, and after servers came back."""

import asyncio

import httpx
import pytest

from tests.integration.gateway.mcp.conftest import ERAS, Mortal, Place
from tests.integration.gateway.mcp.everything import Only
from tests.integration.gateway.mcp.raw import LegacySession, answer_in, messages_of, modern, request
from tests.integration.gateway.mcp.watcher import watching
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ELSEWHERE = "http://127.0.0.1:9/mcp"
NOTE = "alpha://notes/today"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("only", [None, "legacy", "modern"])
async def test_an_update_comes_under_the_name_that_the_host_uses(place: Place, era: str, only: Only) -> None:
    await place.server("alpha", only)
    await place.server("beta", only)
    shown = "beta+beta://notes/today"
    async with watching(place, era, NOTE, shown) as watcher:
        for server, uri in (("alpha", NOTE), ("beta", shown)):
            for _ in range(3):  # the first may be that the stream of a session's first server was opened just now
                await watcher.client.call_tool(f"{server}__touch", {})
                await watcher.until(uri)


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_that_is_away_takes_no_news_of_the_others(place: Place, era: str) -> None:
    await place.server("alpha")
    await place.register("gone", ELSEWHERE)
    watched = [NOTE] if era == "legacy" else [NOTE, "gone+gone://notes/today"]
    async with watching(place, era, *watched) as watcher:
        await watcher.client.call_tool("alpha__touch", {})
        assert await watcher.next() == NOTE


@pytest.mark.parametrize("era", ERAS)
async def test_a_host_is_told_to_look_again_when_a_server_is_back_and_of_what_changes_then(
    place: Place, mortal: Mortal, era: str
) -> None:
    uri = "mortal+mortal://notes/today"
    await place.register("mortal", await mortal.start())
    async with watching(place, era, uri) as watcher:
        await watcher.client.call_tool("mortal__touch", {})
        await watcher.until(uri)
        await mortal.kill()
        await mortal.start()
        await watcher.until(uri)  # nobody touched it: it is the gap that is told of
        watcher.forget()
        await watcher.client.call_tool("mortal__touch", {})
        assert await watcher.next() == uri


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_that_comes_back_at_another_address_is_heard_there(
    place: Place, mortal: Mortal, era: str
) -> None:
    uri = "mortal+mortal://notes/today"
    await place.register("mortal", await mortal.start())
    async with watching(place, era, uri) as watcher:
        await watcher.client.call_tool("mortal__touch", {})
        await watcher.until(uri)
        await mortal.kill()
        mortal.move()
        address = await mortal.start()
        watcher.forget()
        await place.register("mortal", address)
        await watcher.until(uri)  # nobody touched it: it is the gap that is told of
        watcher.forget()
        await watcher.client.call_tool("mortal__touch", {})
        await watcher.until(uri)


async def test_a_session_subscribed_at_one_replica_hears_at_the_other(place: Place) -> None:
    stage = await place.server("alpha", "legacy")
    one, other = place.urls
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        session = await LegacySession.open(http, one)
        async with http.stream("GET", f"{other}/mcp", headers=session.headers) as response:
            heard = messages_of(response)
            uri = f"alpha+{NOTE}"
            subscribed = await session.post(one, request("resources/subscribe", {"uri": uri}))
            assert (await answer_in(subscribed))["result"] == {}
            assert stage.subscribed == [NOTE]
            for _ in range(3):
                await session.post(one, request("tools/call", {"name": "alpha__touch", "arguments": {}}))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    message = await anext(heard)
                assert (message["method"], message["params"]["uri"]) == ("notifications/resources/updated", uri)


@pytest.mark.parametrize("only", ["legacy", "modern"])
async def test_what_was_updated_before_a_session_opened_its_stream_is_told_then(place: Place, only: Only) -> None:
    await place.server("alpha", only)
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        session = await LegacySession.open(http, place.urls[0])
        subscribed = await session.post(place.urls[0], request("resources/subscribe", {"uri": NOTE}))
        assert (await answer_in(subscribed))["result"] == {}
        await session.post(place.urls[0], request("tools/call", {"name": "alpha__touch", "arguments": {}}))
        async with http.stream("GET", f"{place.urls[1]}/mcp", headers=session.headers) as response:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = await anext(messages_of(response))
    assert (message["method"], message["params"]["uri"]) == ("notifications/resources/updated", NOTE)


async def test_a_session_hears_at_the_other_replica_that_its_server_came_back(place: Place, mortal: Mortal) -> None:
    await place.register("mortal", await mortal.start())
    one, other = place.urls
    uri = "mortal+mortal://notes/today"
    touch = request("tools/call", {"name": "mortal__touch", "arguments": {}})
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        session = await LegacySession.open(http, one)
        assert "result" in await answer_in(await session.post(one, request("resources/subscribe", {"uri": uri})))
        async with http.stream("GET", f"{other}/mcp", headers=session.headers) as response:
            heard = messages_of(response)

            async def hear() -> str:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    async for message in heard:
                        if message["method"] == "notifications/resources/updated":
                            return str(message["params"]["uri"])
                raise AssertionError("the stream ended")

            await mortal.kill()
            await mortal.start()
            assert await hear() == uri
            for _ in range(2):
                await session.post(one, touch)
                assert await hear() == uri


async def test_what_is_not_there_is_left_out_and_refused_where_nothing_else_is_asked(place: Place) -> None:
    await place.server("alpha")
    await place.server("theirs", tenant="other")
    wrong = ["theirs+theirs://notes/today", "agentnet://agents/nobody/card", "nowhere://x"]
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        for uri in wrong:
            message, sent = modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": [uri]}})
            refused = await http.post(f"{place.urls[0]}/mcp", json=message, headers=sent)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32602)
            assert uri not in refused.text
        message, sent = modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": [*wrong, NOTE]}})
        async with http.stream("POST", f"{place.urls[0]}/mcp", json=message, headers=sent) as response:
            first = await anext(messages_of(response))
    assert first["params"]["notifications"] == {"resourceSubscriptions": [NOTE]}


async def test_a_session_has_so_many_subscriptions_and_may_give_them_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.changes.subscriptions.MAX_SUBSCRIPTIONS", 1)
    await place.server("alpha")
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        session = await LegacySession.open(http, place.urls[0])

        async def ask(method: str, uri: str) -> dict[str, object]:
            return await answer_in(await session.post(place.urls[0], request(f"resources/{method}", {"uri": uri})))

        users = "alpha://users/ada/profile"
        assert (await ask("subscribe", NOTE))["result"] == {}
        assert (await ask("subscribe", NOTE))["result"] == {}
        assert "1 subscriptions" in str((await ask("subscribe", users))["error"])
        assert (await ask("unsubscribe", NOTE))["result"] == {}
        assert (await ask("subscribe", users))["result"] == {}
