"""The lists of agents' tools, prompts and resources."""

from collections.abc import Callable
from hashlib import sha256

from agentnet.directory import Entry
from gateway.mcp.agents.prompts import list_prompts
from gateway.mcp.agents.resources import TEMPLATES, list_cards
from gateway.mcp.agents.tools import list_tools
from gateway.mcp.agents.wire import dumped
from gateway.mcp.errors import Document
from gateway.mcp.provider import Kind, Listing

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
        self._kept: dict[tuple[Kind, bytes], Listing] = {}
        self._digests: dict[tuple[int, ...], tuple[list[Entry], bytes]] = {}

    def of(self, kind: Kind, entries: list[Entry]) -> Listing:
        """The list of `kind` of these agents."""
        key = (kind, self._digest(entries))
        listing = self._kept.get(key)
        if listing is None:
            if len(self._kept) >= KEPT_LISTINGS:
                self._kept.clear()
            listing = self._kept[key] = Listing(MAKERS[kind](entries), TTL_MS)
        return listing

    def _digest(self, entries: list[Entry]) -> bytes:
        """Stands for all that is said of the agents. Read anew only for entries that the catalog has read anew."""
        identity = tuple(map(id, entries))
        kept = self._digests.get(identity)
        if kept is None:
            if len(self._digests) >= KEPT_LISTINGS:
                self._digests.clear()
            # Kept with the entries, so that nothing else can have their identity.
            kept = self._digests[identity] = (entries, digest_of(entries))
        return kept[1]


def digest_of(entries: list[Entry]) -> bytes:
    """The same for agents of whom the same is said."""
    said = "".join(f"{entry.name}\0{entry.description}\0{entry.document}\0" for entry in entries)
    return sha256(said.encode("utf-8", "replace")).digest()
