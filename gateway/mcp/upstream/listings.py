"""What each upstream server lists, kept for as long as it says, asked once at a time, served on while it is away."""

import asyncio
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass

from cachetools import LRUCache
from mcp_types.jsonrpc import METHOD_NOT_FOUND

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.hops import Hops
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.eras import Eras
from gateway.mcp.upstream.items import usable
from gateway.mcp.upstream.pool import Pool
from gateway.mcp.upstream.server import MIN_TTL_MS, Kind, Listing, UpstreamServer

logger = logging.getLogger(__name__)

MAX_ITEMS = 2000
"""Of one kind from one server; more are left out, and logged."""
MAX_PAGES = 50
PAGES_SECONDS = 30.0
"""For all pages of a list; what came by then is listed."""
AT_ONCE = 100
"""Items that are looked at before others have their turn."""
UNSAID_TTL_MS = 30_000
"""How long a list is kept that says nothing of it, as those of the legacy era do."""
MAX_TTL_MS = 3_600_000
KNOWN_SECONDS = 600.0
"""So long after it was fresh a list still tells whose item a name is: no call waits for a list that has it."""
LATE_SECONDS = 1.0
"""How long a refresh is waited for while an older list is at hand."""
FIRST_SECONDS = 5.0
"""How long the first list of a server is waited for."""
FAILED_SECONDS = 2.0
"""So long after a failure the server is not asked again."""
MAX_KEPT = 20_000
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

Key = tuple[str, ...]


@dataclass(slots=True)
class _Kept:
    listing: Listing | None
    fresh_until: float
    failure: AgentNetError | None = None


class Listings:
    """The lists of all upstream servers."""

    def __init__(self, client: UpstreamClient, eras: Eras, pool: Pool, hops: Hops) -> None:
        self._hops = hops
        self._client = client
        self._eras = eras
        self._pool = pool
        self._kept: LRUCache[Key, _Kept] = LRUCache(MAX_KEPT)
        self._private: set[Key] = set()
        """Servers and kinds whose lists are for one caller only."""
        self._loading: dict[Key, asyncio.Task[None]] = {}
        self._failing: LRUCache[Key, str] = LRUCache(MAX_KEPT)
        """Servers and kinds that could not be listed the last time, and why."""
        self._late: LRUCache[Key, None] = LRUCache(MAX_KEPT)
        """Those that were waited for in vain: nobody does so again until they have listed."""
        self._changed: set[Key] = set()
        """Of those that are being asked for: what the server said meanwhile to have changed."""

    def fresh(self, server: UpstreamServer, principal: Principal, kind: Kind) -> Listing | None:
        """The list if it is at hand and need not be asked for."""
        kept = self._kept.get(self._key(server, principal, kind))
        return kept.listing if kept is not None and time.monotonic() < kept.fresh_until else None

    def known(self, server: UpstreamServer, principal: Principal, kind: Kind) -> Listing | None:
        """The list of the last time, unless that is long ago or the server said that it changed."""
        kept = self._kept.get(self._key(server, principal, kind))
        return kept.listing if kept is not None and time.monotonic() - kept.fresh_until < KNOWN_SECONDS else None

    async def learned(self, server: UpstreamServer, principal: Principal, kind: Kind) -> Listing | None:
        """The list of the last time; waited for once only, so that no call hangs on a list that never comes."""
        listing = self.known(server, principal, kind)
        if listing is not None:
            return listing
        key = self._key(server, principal, kind)
        # It was waited for once, and did not come.
        if key in self._kept:
            if time.monotonic() >= self._kept[key].fresh_until:
                self._begin(key, server, principal, kind)
            return None
        with suppress(AgentNetError):
            return await self.get(server, principal, kind)
        return None

    async def get(self, server: UpstreamServer, principal: Principal, kind: Kind) -> Listing:
        """The list. Raises `AgentNetError` when the server cannot be asked and nothing is known of it."""
        key = self._key(server, principal, kind)
        kept = await self._fresh(key, server, principal, kind)
        if key != self._key(server, principal, kind):  # it turned out to be private, and was another caller's
            kept = await self._fresh(self._key(server, principal, kind), server, principal, kind)
        if kept is None or kept.listing is None:
            raise (kept and kept.failure) or UnavailableError(f"The MCP server {server.name!r} is slow to list.")
        return kept.listing

    def forget(self, server: UpstreamServer, kinds: frozenset[Kind]) -> None:
        """Ask again: the server said that these lists changed."""
        methods = {kind.method for kind in kinds}
        for key in self._kept:  # never items(): to read a value here is to use it
            if key[:2] == (server.tenant, server.name) and key[2] in methods:
                # Neither fresh nor known: the next call waits for the new one.
                self._kept[key].fresh_until = -KNOWN_SECONDS
        for key in self._loading:
            if key[:2] == (server.tenant, server.name) and key[2] in methods:
                self._changed.add(key)

    def _key(self, server: UpstreamServer, principal: Principal, kind: Kind) -> Key:
        shared = _shared(server, kind)
        subject = principal.subject if shared in self._private else ""
        return server.tenant, server.name, kind.method, server.revision, principal.tenant, subject

    async def _fresh(self, key: Key, server: UpstreamServer, principal: Principal, kind: Kind) -> _Kept | None:
        """What is kept under `key`, asked for when it is not fresh."""
        kept = self._kept.get(key)
        if kept is None or time.monotonic() >= kept.fresh_until:
            loading = self._begin(key, server, principal, kind)
            late = _shared(server, kind)
            if late not in self._late:
                seconds = LATE_SECONDS if kept and kept.listing else FIRST_SECONDS
                _, waiting = await asyncio.wait([loading], timeout=seconds)
                if waiting:
                    self._late[late] = None
            kept = self._kept.get(key) or kept
        return kept

    def _begin(self, key: Key, server: UpstreamServer, principal: Principal, kind: Kind) -> asyncio.Task[None]:
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key, server, principal, kind))
            task.add_done_callback(lambda _: self._loaded(key))
        return task

    def _loaded(self, key: Key) -> None:
        self._loading.pop(key, None)
        self._changed.discard(key)

    async def _load(self, key: Key, server: UpstreamServer, principal: Principal, kind: Kind) -> None:
        """Ask, and keep what was said. Never raises."""
        old = self._kept.get(key)
        try:
            listing = await self._current(key, server, principal, kind)
        except AgentNetError as error:
            self._note_failure(server, kind, error)
            kept = _Kept(old.listing if old else None, time.monotonic() + FAILED_SECONDS, error)
        except Exception:  # the boundary of a task that nobody awaits
            logger.exception("%s of the MCP server %s cannot be listed", kind.member, server.name)
            kept = _Kept(old.listing if old else None, time.monotonic() + FAILED_SECONDS)
        else:
            self._note_success(server, kind)
            if old is not None and old.listing is not None and old.listing == listing:
                listing = old.listing  # the same object: what was rendered from it holds
            fresh_until = time.monotonic() + max(MIN_TTL_MS, listing.ttl_ms) / 1000
            kept = _Kept(listing, -KNOWN_SECONDS if key in self._changed else fresh_until)
            if listing.private:
                self._private.add(_shared(server, kind))
                key = self._key(server, principal, kind)
        self._kept[key] = kept

    def _note_failure(self, server: UpstreamServer, kind: Kind, error: AgentNetError) -> None:
        """Warn once of a server that cannot be asked, for all who ask, until it can or has another reason."""
        why = _NUMBER.sub("#", str(error))  # how long it is put off is no other reason
        known = self._failing.get(_shared(server, kind)) == why
        self._failing[_shared(server, kind)] = why
        level = logging.DEBUG if known else logging.WARNING
        logger.log(level, "%s of the MCP server %s cannot be listed: %s", kind.member, server.name, error)

    def _note_success(self, server: UpstreamServer, kind: Kind) -> None:
        shared = _shared(server, kind)
        self._late.pop(shared, None)
        if shared in self._failing:
            del self._failing[shared]
            logger.info("%s of the MCP server %s are listed again", kind.member, server.name)

    async def _current(self, key: Key, server: UpstreamServer, principal: Principal, kind: Kind) -> Listing:
        """What the server lists; it is asked once more where it said meanwhile that this changed."""
        listing = await self._asked(server, principal, kind)
        if key in self._changed:
            self._changed.discard(key)
            listing = await self._asked(server, principal, kind)
        return listing

    async def _asked(self, server: UpstreamServer, principal: Principal, kind: Kind) -> Listing:
        modern = Era.MODERN in (await self._eras.of(server, principal)).eras
        items: dict[str, Document] = {}
        page: Document = {}
        cursors: set[str] = set()
        deadline = time.monotonic() + PAGES_SECONDS
        while True:
            page = await self._page(server, principal, kind, _after(page), modern=modern)
            await self._take(page, kind, server, items)
            cursor = page.get("nextCursor")
            # One that comes again leads in a circle.
            if not isinstance(cursor, str) or not cursor or cursor in cursors:
                break
            cursors.add(cursor)
            if len(items) >= MAX_ITEMS or len(cursors) >= MAX_PAGES or time.monotonic() > deadline:
                logger.warning("%s of the MCP server %s: only %d are listed", kind.member, server.name, len(items))
                break
        ttl_ms = page.get("ttlMs", UNSAID_TTL_MS)
        ttl_ms = min(ttl_ms, MAX_TTL_MS) if isinstance(ttl_ms, int) and ttl_ms >= 0 else UNSAID_TTL_MS
        # What is not said to be public is for its caller alone (2026-07-28, caching).
        return Listing(tuple(items.values()), ttl_ms, page.get("cacheScope") != "public")

    async def _take(self, page: Document, kind: Kind, server: UpstreamServer, items: dict[str, Document]) -> None:
        """Add a page's items to `items`, each once; a bad one hides no other."""
        found = page.get(kind.member)
        for number, item in enumerate(found if isinstance(found, list) else (), start=1):
            if len(items) >= MAX_ITEMS:
                break
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            good = usable(item, kind, server.name)
            if good is not None and self._hops.admits(good):
                items.setdefault(good[kind.key], good)

    async def _page(
        self, server: UpstreamServer, principal: Principal, kind: Kind, params: Document, *, modern: bool
    ) -> Document:
        try:
            if modern:
                return await self._client.ask(server, principal, kind.method, params)
            return await self._pool.use(
                server,
                principal,
                {},
                lambda session: self._client.ask_within(server, principal, session, kind.method, params),
            )
        except McpError as error:
            if error.code == METHOD_NOT_FOUND:
                # It has none of this kind, and need not be asked soon again.
                return {"ttlMs": MAX_TTL_MS}
            raise


def _shared(server: UpstreamServer, kind: Kind) -> Key:
    return (
        server.tenant,
        server.name,
        kind.method,
        server.revision,
    )  # not its `name`: a property, read for every server of a list


def _after(page: Document) -> Document:
    """The parameters for what follows a page."""
    return {"cursor": page["nextCursor"]} if page else {}
