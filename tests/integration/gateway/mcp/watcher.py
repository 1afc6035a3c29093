"""Hosts that watch resources, in both eras, and hear which were updated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated

from tests.integration.gateway.mcp.conftest import Place
from tests.patience import PATIENCE_SECONDS

HEAR_SECONDS = PATIENCE_SECONDS


class Watcher:
    """What one host heard."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self.client: Client

    async def on_message(self, message: object) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            self._heard.put_nowait(str(message.params.uri))

    async def listen(self, changes: AsyncIterator[Any]) -> None:
        async for change in changes:
            if isinstance(change, ResourceUpdated):
                self._heard.put_nowait(change.uri)

    async def next(self) -> str:
        """The URI of the next update."""
        async with asyncio.timeout(HEAR_SECONDS):
            return await self._heard.get()

    async def until(self, uri: str) -> None:
        """Wait for an update of `uri`."""
        async with asyncio.timeout(HEAR_SECONDS):
            while await self._heard.get() != uri:
                pass

    def forget(self) -> None:
        """What was heard so far."""
        while not self._heard.empty():
            self._heard.get_nowait()


@asynccontextmanager
async def watching(place: Place, era: str, *uris: str, replica: int = 0, profile: str = "") -> AsyncIterator[Watcher]:
    """A host that watches `uris`."""
    watcher = Watcher()
    async with place.host(era, profile, replica=replica, message_handler=watcher.on_message) as client:
        watcher.client = client
        if era == "legacy":
            for uri in uris:
                params = types.SubscribeRequestParams(uri=uri)  # the client's own method warns of its age
                await client.session.send_request(types.SubscribeRequest(params=params), types.EmptyResult)
            yield watcher
            return
        async with client.listen(resource_subscriptions=list(uris)) as changes:
            listening = asyncio.create_task(watcher.listen(changes))
            try:
                yield watcher
            finally:
                listening.cancel()
                await asyncio.wait([listening])
