"""Everything that changes for one caller: what servers say of their lists, and lists that come out different."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from agentnet.errors import AgentNetError
from gateway.mcp.merge import Merged
from gateway.mcp.provider import Change, Kind, Provider, Updated
from gateway.mcp.watching import Mailbox

LOOK_SECONDS = 2.0
"""How often lists are compared: agents and servers come and go without a word."""

Merge = Callable[[Kind, list[Provider]], Awaitable[Merged]]
Providers = Callable[[], Awaitable[list[Provider]]]
LISTED_AS = {Kind.TOOLS: Change.TOOLS, Kind.PROMPTS: Change.PROMPTS, Kind.RESOURCES: Change.RESOURCES}


class Feed:
    """Runs within `running()`; `take()` gives one piece of news after the other."""

    def __init__(self, providers: Providers, merge: Merge, wanted: frozenset[Change], uris: frozenset[str]) -> None:
        self._providers = providers
        self._merge = merge
        self._wanted = wanted
        self._uris = uris
        self._box = Mailbox()
        self._pumps: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[Kind, tuple[bytes, ...]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch for as long as the block runs."""
        await self._look()
        looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            tasks = [looking, *self._pumps.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def take(self) -> Change | Updated:
        """The oldest news that nobody took yet."""
        return await self._box.take()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(AgentNetError):
                await self._look()

    async def _look(self) -> None:
        """Compare the lists with those of the last time, and follow the providers that are there now."""
        providers = await self._providers()
        for kind, change in LISTED_AS.items():
            if change in self._wanted:
                pages = (await self._merge(kind, providers)).pages
                if self._seen.setdefault(kind, pages) != pages:
                    self._seen[kind] = pages
                    self._box.put(change)
        there = {provider.name for provider in providers}
        for name in self._pumps.keys() - there:
            self._pumps.pop(name).cancel()
        for provider in providers:
            if provider.name not in self._pumps:
                self._pumps[provider.name] = asyncio.create_task(self._pump(provider))

    async def _pump(self, provider: Provider) -> None:
        async for news in provider.changes(self._uris):
            if isinstance(news, Updated) or news in self._wanted:
                self._box.put(news)
