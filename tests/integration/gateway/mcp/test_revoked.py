"""Streams that a host holds open end with the key that opened them."""

import asyncio

import httpx
import pytest

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LegacySession, modern
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.frame.rechecking.RECHECK_SECONDS", 0.1)
    monkeypatch.setattr("agentnet.identity.keys.CACHE_SECONDS", 0.1)
    monkeypatch.setattr("gateway.mcp.messages.reply.KEEP_ALIVE_SECONDS", 0.1)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_stream_ends_when_its_key_is_revoked(place: Place, era: str) -> None:
    keys = await place.network.runtime.keys()
    key = await keys.create("acme", "passing")
    url = place.urls[1]
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        if era == "legacy":
            session = await LegacySession.open(http, url)
            request = http.build_request("GET", f"{url}/mcp", headers=session.headers)
        else:
            message, sent = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
            request = http.build_request("POST", f"{url}/mcp", json=message, headers=sent)
        response = await http.send(request, stream=True)
        lines = response.aiter_lines()
        for _ in range(10):  # it lasts while the key is valid
            await anext(lines)
        await keys.revoke(key.split("_")[1])
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in lines:
                pass
        await response.aclose()
        assert (await http.post(f"{url}/mcp", json={})).status_code == 401
