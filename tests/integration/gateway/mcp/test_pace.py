"""Servers that flood a host with notifications, whatever way they take through the door."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from tests.integration.gateway.mcp.conftest import ERAS, Place
from tests.integration.gateway.mcp.everything import Only
from tests.integration.gateway.mcp.raw import LegacySession, messages_of, modern
from tests.integration.gateway.mcp.verbatim import Call, tool, verbatim

pytestmark = pytest.mark.anyio

FLOOD = 600
RESULT = b'{"resultType":"complete","content":[{"type":"text","text":"done"}]}'

each_way = pytest.mark.parametrize(("profile", "only"), [("alone", None), ("", None), ("", "legacy"), ("", "modern")])


def token_of(call: Call) -> Any:
    return call.message["params"]["_meta"]["progressToken"]


@pytest.mark.parametrize("era", ERAS)
@each_way
async def test_a_flood_of_progress_is_thinned_and_its_newest_comes_before_the_answer(
    place: Place, era: str, profile: str, only: Only
) -> None:
    async def flood(call: Call) -> None:
        for number in range(1, FLOOD + 1):
            await call.notify("notifications/progress", progressToken=token_of(call), progress=number)
        await call.finish(RESULT)

    told: list[float] = []

    async def heard(number: float, _: float | None, __: str | None) -> None:
        told.append(number)

    async with verbatim(flood, tool("flood")) as (server, url):
        server.only = only
        await place.register("alpha", url)
        await place.put_profile("alone", servers=["alpha"], agents=[])
        async with place.host(era, profile) as client:
            await client.call_tool("flood" if profile else "alpha__flood", {}, progress_callback=heard)
    assert told == sorted(set(told)) and told[-1] == FLOOD
    assert len(told) < FLOOD / 2


@pytest.mark.parametrize("era", ERAS)
@each_way
async def test_the_newest_progress_is_told_while_the_server_is_silent(
    place: Place, era: str, profile: str, only: Only
) -> None:
    heard_all = asyncio.Event()

    async def burst(call: Call) -> None:
        for number in range(1, FLOOD + 1):
            await call.notify("notifications/progress", progressToken=token_of(call), progress=number)
        await heard_all.wait()
        await call.finish(RESULT)

    async def heard(number: float, _: float | None, __: str | None) -> None:
        if number == FLOOD:
            heard_all.set()

    async with verbatim(burst, tool("burst")) as (server, url):
        server.only = only
        await place.register("alpha", url)
        await place.put_profile("alone", servers=["alpha"], agents=[])
        async with place.host(era, profile) as client:
            await client.call_tool("burst" if profile else "alpha__burst", {}, progress_callback=heard)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("profile", ["", "/alone"])
async def test_log_messages_of_a_flood_are_left_out_and_counted(place: Place, era: str, profile: str) -> None:
    async def flood(call: Call) -> None:
        for number in range(FLOOD):
            await call.notify("notifications/message", level="info", data=number)
        await call.finish(RESULT)

    async with verbatim(flood, tool("flood")) as (_, url), place.network.client() as http:
        await place.register("alpha", url)
        await place.put_profile("alone", servers=["alpha"], agents=[])
        message, headers = modern("tools/call", {"name": "flood" if profile else "alpha__flood", "arguments": {}})
        if era == "legacy":
            headers = (await LegacySession.open(http, place.urls[0], f"/mcp{profile}")).headers
        told = await heard_by(http, f"{place.urls[0]}/mcp{profile}", message, headers)
    assert told[-1]["result"]["content"][0]["text"] == "done"
    texts = [one["params"]["data"] for one in told[:-1]]
    lost = [int(found[1]) for text in texts if (found := re.match(r"(\d+) log messages were left out", str(text)))]
    assert lost and sum(lost) + len(texts) - len(lost) == FLOOD
    assert len(texts) < FLOOD / 2


async def heard_by(
    http: httpx.AsyncClient, url: str, message: dict[str, Any], headers: dict[str, str]
) -> list[dict[str, Any]]:
    async with http.stream("POST", url, json=message, headers=headers) as response:
        return [one async for one in messages_of(response)]
