"""The agents that a tenant sees, as the registry tells of them, and which instance to call next."""

import difflib
import itertools
import re
import time

from agentnet.database.tables import EVERYONE
from agentnet.directory import Directory, Entry
from agentnet.errors import NotFoundError
from agentnet.identity import Principal
from agentnet.identity.principal import USE
from agentnet.manifest import NAME_PATTERN
from gateway.cache import Cache

FRESH_SECONDS = 1.0
GRACE_SECONDS = 30.0
DOWN_SECONDS = 2.0
NEAREST = 3

ANYONE = Principal(EVERYONE, "service:gateway", frozenset({USE}))
"""Who asks for a public card without a key: sees what every tenant sees."""


class Catalog:
    """Looks agents up for a principal; what the registry said last serves for a while when it is away."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._entries: Cache[tuple[str, str], Entry] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)
        self._lists: Cache[str, list[Entry]] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)
        self._down: dict[str, float] = {}
        self._turn = itertools.count()

    async def get(self, principal: Principal, name: str) -> Entry:
        """The live agent of that name. Raises `NotFoundError` that names the nearest names the tenant sees."""

        if not re.match(NAME_PATTERN, name):
            raise await self._unknown(principal, name)

        async def load() -> Entry:
            return await self._directory.get(principal, "agent", name)

        try:
            return await self._entries.get((principal.tenant, name), load)
        except NotFoundError:
            self._entries.forget((principal.tenant, name))
            raise await self._unknown(principal, name) from None

    async def visible(self, principal: Principal) -> list[Entry]:
        """All live agents that the tenant sees, by name."""

        async def load() -> list[Entry]:
            return sorted(await self._directory.list(principal, "agent"), key=lambda entry: entry.name)

        return await self._lists.get(principal.tenant, load)

    async def search(self, principal: Principal, text: str, limit: int) -> list[Entry]:
        """The agents that fit `text` best, best first."""
        return await self._directory.search(principal, text, limit=limit)

    def instances(self, entry: Entry) -> list[str]:
        """Base URLs of the live instances in the order to try them: in turn, those that lately failed last."""
        urls = [url.rstrip("/") for url in entry.urls or [entry.url]]
        first = next(self._turn) % len(urls)
        urls = urls[first:] + urls[:first]
        if self._down:
            now = time.monotonic()
            urls.sort(key=lambda url: self._down.get(url, 0.0) > now)
        return urls

    def mark_down(self, url: str) -> None:
        """Try the instance at `url` last for a while."""
        now = time.monotonic()
        self._down = {known: until for known, until in self._down.items() if until > now}
        self._down[url] = now + DOWN_SECONDS

    async def _unknown(self, principal: Principal, name: str) -> NotFoundError:
        names = [entry.name for entry in await self.visible(principal)]
        near = difflib.get_close_matches(name, names, NEAREST, 0.4)
        hint = f"Nearest: {', '.join(near)}." if near else "`GET /agents` lists those that are there."
        return NotFoundError(f"There is no agent {name!r} here.", hint=hint)
