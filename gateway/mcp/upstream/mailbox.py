"""News on their way to one listener."""

import asyncio

from gateway.mcp.upstream.server import News


class Mailbox:
    """News for one listener; the same news twice is news once, so it never grows beyond what can change."""

    def __init__(self) -> None:
        self._news: dict[News, News] = {}
        self._some = asyncio.Event()

    def put(self, news: News) -> None:
        """Deliver."""
        # The key stays that of the first, so that its turn does not pass; the value is the newest, for versions do not
        # count when news are compared.
        self._news[news] = news
        self._some.set()

    async def take(self) -> News:
        """The oldest."""
        await self._wait()
        return self._news.pop(next(iter(self._news)))

    async def take_all(self) -> list[News]:
        """All, the oldest first; at least one."""
        await self._wait()
        news, self._news = [*self._news.values()], {}
        return news

    async def _wait(self) -> None:
        while not self._news:
            self._some.clear()
            await self._some.wait()
