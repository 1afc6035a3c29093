"""The lists of agents' tools, prompts and resources."""

from collections.abc import Callable
from hashlib import sha256

from cachetools import LRUCache

from agentnet.discovery.directory import Entry
from gateway.mcp.agents.prompts import list_prompts
from gateway.mcp.agents.resources import TEMPLATES, list_cards
from gateway.mcp.agents.tools import list_tools
from gateway.mcp.agents.wire import dumped
from gateway.mcp.messages.errors import Document
from gateway.mcp.upstream.server import Kind, Listing

TTL_MS = 2000
KEPT_LISTINGS = 256
NOTHING = Listing(ttl_ms=3_600_000, private=False)
TEMPLATE_LISTING = Listing(TEMPLATES, ttl_ms=3_600_000, private=False)
MAKERS: dict[Kind, Callable[[list[Entry]], tuple[Document, ...]]] = {
    Kind.TOOLS: lambda entries: tuple(dumped(tool) for tool in list_tools(entries)),
    Kind.PROMPTS: list_prompts,
    Kind.RESOURCES: list_cards,
}


class AgentListings:
    """The same agents make the same list, the very same object: it is rendered once."""

    def __init__(self) -> None:
        self._kept: LRUCache[tuple[Kind, bytes], Listing] = LRUCache(KEPT_LISTINGS)
        self._met: LRUCache[tuple[Kind, tuple[int, ...]], tuple[list[Entry], Listing]] = LRUCache(KEPT_LISTINGS)
        """By the entries' identities, which hold while they are kept here: not every call reads all that they say."""

    def of(self, kind: Kind, entries: list[Entry]) -> Listing:
        """The list of `kind` of these agents."""
        key = (kind, tuple(map(id, entries)))
        met = self._met.get(key)
        if met is None:
            met = self._met[key] = (entries, self._read(kind, entries))
        return met[1]

    def _read(self, kind: Kind, entries: list[Entry]) -> Listing:
        # Entries are read from the registry anew every second, mostly with nothing new in them.
        said = "".join(f"{entry.name}\0{entry.description}\0{entry.document}\0" for entry in entries)
        key = (kind, sha256(said.encode("utf-8", "replace")).digest())
        listing = self._kept.get(key)
        if listing is None:
            listing = self._kept[key] = Listing(MAKERS[kind](entries), TTL_MS)
        return listing
