"""Everything that changes for one caller: what servers say of their lists, and lists that come out different."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError
from agentnet.signals import Wakeup
from gateway.mcp.aggregate.provider import Provider
from gateway.mcp.changes.view import View
from gateway.mcp.changes.watched import Watched, shown_as
from gateway.mcp.upstream.mailbox import Mailbox
from gateway.mcp.upstream.server import Change, Kind, Open, Updated

logger = logging.getLogger(__name__)

OPEN_SECONDS = 2.0
"""How long a stream waits for those who tell of its resources; of one that is later all are told as updated."""
LISTED_AS = {Kind.TOOLS: Change.TOOLS, Kind.PROMPTS: Change.PROMPTS, Kind.RESOURCES: Change.RESOURCES}

Watches = Callable[[], Awaitable[list[Watched]]]
"""The resources that are watched now."""


class Pump:
    """The news of one provider on their way into a client's mailbox."""

    def __init__(self, box: Mailbox, wanted: frozenset[Change], watched: list[Watched], revision: str) -> None:
        self._box = box
        self.revision = revision
        self._wanted = wanted
        self.names: dict[str, list[str]] = {}
        """What the client calls the provider's resources."""
        for each in watched:
            self.names.setdefault(each.own, []).append(each.shown)
        self.versions = {each.own: each.version for each in watched}
        self._doubted: set[str] = set()
        """Resources that may have changed while nobody told of them."""
        self.opened = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def start(self, provider: Provider) -> None:
        """Begin."""
        self.task = asyncio.create_task(self._run(provider))

    def doubt(self) -> None:
        """Its provider is late: what cannot be compared may have changed meanwhile."""
        self._doubted = {own for own, version in self.versions.items() if not version}

    async def _run(self, provider: Provider) -> None:
        try:
            async for news in provider.changes(dict(self.versions)):
                if isinstance(news, Open):
                    self._open()
                elif isinstance(news, Updated):
                    self._update(news)
                elif news in self._wanted:
                    self._box.put(news)
        except Exception:  # the boundary of a task that nobody awaits
            logger.exception("changes at %s are no longer told", provider.name)

    def _open(self) -> None:
        for own in self._doubted:
            self._update(Updated(own))
        self.doubt()
        self.opened.set()

    def _update(self, news: Updated) -> None:
        if news.uri in self.versions:
            self.versions[news.uri] = news.version
        for shown in shown_as(news.uri, self.names):
            self._box.put(Updated(shown))


class Feed:
    """Runs within `running()`; `take()` gives one piece of news after the other.

    A client that is told when the feed runs has missed nothing. One whose stream `is_open` before may have: resources
    that it watches are told of as updated when their provider begins to tell of them, unless they can be compared.
    """

    def __init__(
        self,
        view: View,
        wanted: frozenset[Change],
        watches: Watches,
        wake: Wakeup | None = None,
        *,
        is_open: bool = False,
    ) -> None:
        self._view = view
        self._wanted = wanted
        self._watches = watches
        self._wake = wake or Wakeup()
        self._box = Mailbox()
        self._pumps: dict[str, Pump] = {}
        self._versions: dict[tuple[str, str], str] = {}
        """Of all watched resources, as the client was told last: their provider may go and come again."""
        self._seen: dict[Kind, tuple[bytes, ...]] = {}
        self._has_begun = is_open

    async def note(self) -> None:
        """See the lists as they are: what changes from here on is told when the feed runs. Raises `AgentNetError`."""
        await self._compare(await self._view.providers())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch for as long as the block runs, which begins when nothing is missed any more."""
        await self._look()
        looking = asyncio.create_task(self._keep_looking())
        try:
            await self._wait_for_pumps()
            yield
        finally:
            tasks = [looking, *(pump.task for pump in self._pumps.values() if pump.task)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def take(self) -> Change | Updated:
        """The oldest news that nobody took yet."""
        news = await self._box.take()
        assert not isinstance(news, Open)
        return news

    async def _wait_for_pumps(self) -> None:
        """Those that watch resources have opened; the others, and late ones, are not waited for."""
        pumps = [pump for pump in self._pumps.values() if pump.names]
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_SECONDS):
                for pump in pumps:
                    await pump.opened.wait()
        for pump in pumps:
            if not pump.opened.is_set():
                pump.doubt()
        self._has_begun = True

    async def _keep_looking(self) -> None:
        while True:  # agents and servers come and go without a word
            await self._wake.wait()
            with suppress(AgentNetError, *DATABASE_AWAY):
                await self._look()

    async def _look(self) -> None:
        """Compare the lists with those of the last time, and follow the providers that are there now."""
        providers = await self._view.providers()
        await self._compare(providers)
        watched = await self._watches()
        keys = {(each.provider, each.own) for each in watched}
        self._versions = {key: version for key, version in self._versions.items() if key in keys}
        there = {provider.name for provider in providers}
        for name in self._pumps.keys() - there:
            self._stop(name)
        for provider in providers:
            self._follow(provider, [each for each in watched if each.provider == provider.name])

    async def _compare(self, providers: list[Provider]) -> None:
        for kind, change in LISTED_AS.items():
            if change in self._wanted:
                pages = (await self._view.merged(kind, providers)).pages
                # Pages are rendered once for as long as nothing changes: then this compares the same objects.
                if self._seen.setdefault(kind, pages) != pages:
                    self._seen[kind] = pages
                    self._box.put(change)

    def _follow(self, provider: Provider, watched: list[Watched]) -> None:
        pump = self._pumps.get(provider.name)
        wanted = self._wanted if self._view.follows(provider) else frozenset[Change]()
        if not watched and not wanted and self._wanted:
            if pump is not None:
                self._stop(provider.name)
            return
        own_names = {each.own for each in watched}
        if pump is not None and pump.revision == provider.revision and pump.names.keys() == own_names:
            return
        if pump is not None:
            self._stop(provider.name)
        pump = self._pumps[provider.name] = Pump(self._box, wanted, watched, provider.revision)
        for own in pump.versions:
            pump.versions[own] = self._versions.setdefault((provider.name, own), pump.versions[own])
        if self._has_begun:
            pump.doubt()
        pump.start(provider)

    def _stop(self, name: str) -> None:
        pump = self._pumps.pop(name)
        self._versions |= {(name, own): version for own, version in pump.versions.items()}
        if pump.task:
            pump.task.cancel()
