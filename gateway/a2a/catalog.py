"""The agents that a tenant sees, as the registry tells of them, and which instance to call next."""

from collections.abc import Sequence
from typing import Any

from agentnet.discovery.directory import Directory, Entry
from agentnet.errors import NotFoundError, UnavailableError
from agentnet.identity import Principal
from agentnet.identity.principal import USE
from agentnet.ids import EVERYONE
from gateway.http.cache import Cache
from gateway.http.rotation import Rotation

FRESH_SECONDS = 1.0
GRACE_SECONDS = 30.0
RETRY_SECONDS = 5.0
SKILL_KEYS = ("id", "name", "description", "tags")
ENTRY_AGENT = "concierge"
"""The agent that answers at the gateway's own address."""

ANYONE = Principal(EVERYONE, "service:gateway", frozenset({USE}))
"""Who asks for a public card without a key: sees what every tenant sees."""


class Catalog:
    """Looks agents up for a principal; what the registry said last serves for a while when it is away."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._entries: Cache[tuple[str, str], Entry] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)
        self._lists: Cache[str, list[Entry]] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)
        self._rotation = Rotation()

    async def get(self, principal: Principal, name: str) -> Entry:
        """The live agent of that name.

        Raises `NotFoundError` that names the nearest names the tenant sees, and `UnavailableError` for one that was
        ever there, or while nobody can say: its replicas may all be starting, and "there is none" reads as for ever.
        """

        key = (principal.tenant, name)
        if (fresh := self._entries.at_hand(key)) is not None:
            return fresh

        async def load() -> Entry:
            return await self._directory.get(principal, "agent", name)

        try:
            return await self._entries.get(key, load)
        except NotFoundError as error:
            self._entries.forget(key)
            if "known" in error.data:
                raise UnavailableError(
                    f"No replica of the agent {name!r} answers now.", retry_after=RETRY_SECONDS, agent=name
                ) from None
            near = error.data.get("nearest")
            hint = f"Nearest: {near}." if near else "`GET /agents` lists those that are there."
            raise NotFoundError(f"There is no agent {name!r} here.", hint=hint) from None

    def visible_at_hand(self, principal: Principal) -> list[Entry] | None:
        """The same as `visible` without waiting; None where it has to be asked for."""
        return self._lists.at_hand(principal.tenant)

    async def visible(self, principal: Principal) -> list[Entry]:
        """The live agents that the tenant sees, by name; the first `MOST_LISTED` of them."""

        async def load() -> list[Entry]:
            return sorted(await self._directory.list(principal, "agent"), key=lambda entry: entry.name)

        return await self._lists.get(principal.tenant, load)

    async def page(self, principal: Principal, limit: int, after: str) -> tuple[list[Entry], str | None]:
        """So many of them behind the name `after`, and what `after` is for the next page; None where there is none."""
        if after:
            entries = await self._directory.list(principal, "agent", limit=limit, after=after)
        else:
            entries = (await self.visible(principal))[:limit]
        return entries, entries[-1].name if len(entries) == limit else None

    async def search(self, principal: Principal, text: str, limit: int) -> list[Entry]:
        """The agents that fit `text` best, best first."""
        return await self._directory.search(principal, text, limit=limit)

    def instances(self, entry: Entry) -> Sequence[str]:
        """Base URLs of the live instances in the order to try them."""
        return self._rotation.ordered([url.rstrip("/") for url in entry.urls or [entry.url]])

    def mark_down(self, url: str) -> None:
        """Try the instance at `url` last for a while."""
        self._rotation.mark_down(url)


def skills_of(entry: Entry) -> list[dict[str, Any]]:
    """The skills as its card tells of them, or their ids alone."""
    listed = entry.document.get("skills")
    if not isinstance(listed, list):
        return [{"id": skill} for skill in entry.skills]
    return [{key: skill[key] for key in SKILL_KEYS if key in skill} for skill in listed if isinstance(skill, dict)]
