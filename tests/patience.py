"""How long tests wait for what comes at once on a machine that has nothing else to do."""

import asyncio

import httpx

PATIENCE_SECONDS = 60.0
"""What has not come by then on a busy machine does not come."""


async def until_registered(http: httpx.AsyncClient, gateway: str, *agents: str) -> None:
    """Wait until a gateway leads to `agents`: one that serves is not yet one that is registered."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for name in agents:
            address = f"{gateway}/agents/{name}/.well-known/agent-card.json"
            while (await http.get(address)).status_code != httpx.codes.OK:
                await asyncio.sleep(0.02)
