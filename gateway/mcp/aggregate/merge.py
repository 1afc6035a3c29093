"""Many providers' lists made one: unique names, a fixed order, bytes rendered once for as long as nothing changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from mcp_types.jsonrpc import INVALID_PARAMS

from gateway.mcp.aggregate.naming import shown_name
from gateway.mcp.aggregate.provider import AGENTS, Provider
from gateway.mcp.aggregate.schemes import is_reserved
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import write
from gateway.mcp.messages.profile import Profile
from gateway.mcp.upstream.server import MIN_TTL_MS, Kind, Listing

PAGE_ITEMS = 1000

Part = tuple[Provider, Listing]
Mark = Callable[[Document], Document]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item comes from."""

    provider: str
    own: str
    item: Document
    listing: Listing
    """The list that told of it: while its provider knows it as this one, the item is where it was."""


@dataclass(frozen=True, slots=True)
class Merged:
    """One list for one profile."""

    listings: tuple[Listing, ...]
    """What it was made of: as long as these are the same objects, it holds."""
    profile: Profile
    places: dict[str, Place]
    """By the name or URI shown, in the order shown."""
    pages: tuple[bytes, ...]
    ttl_ms: int

    def page(self, cursor: Any) -> Document:
        """The result's members for a cursor: the items of `Kind.member` as rendered JSON, and the next cursor.

        Raises `McpError` for a cursor that is none of ours.
        """
        number = 0
        if cursor is not None:
            if not isinstance(cursor, str) or cursor not in map(str, range(1, len(self.pages))):
                raise no_such_cursor()
            number = int(cursor)
        page: Document = {"items": orjson.Fragment(self.pages[number])}
        return page | ({"nextCursor": str(number + 1)} if number + 1 < len(self.pages) else {})


def no_such_cursor() -> McpError:
    """For one that no list of ours has given."""
    return McpError(INVALID_PARAMS, "The cursor is not valid.")


def merge(kind: Kind, parts: list[Part], profile: Profile, mark: Mark | None = None) -> Merged:
    """The list of `kind`, each item with the `mark` for another network if it is for one.

    The agents come first, then the network's own servers, so that nobody's names or URIs take the place of theirs; of
    these, those without a prefix, whose names stay as they are.
    """
    places: dict[str, Place] = {}
    names = frozenset() if profile.is_straight else frozenset(provider.name for provider, _ in parts)
    # Lists come in a fixed order (2026-07-28, tools), the same at each replica: a cursor is the number of a page.
    for provider, listing in sorted(parts, key=lambda part: _rank(part[0])):
        for item in sorted(listing.items, key=lambda item: str(item.get(kind.key, ""))):
            own = str(item.get(kind.key, ""))
            shown = _shown(kind, provider, own, places, names)
            if shown not in places and (kind is not Kind.TOOLS or profile.shows_tool(shown)):
                places[shown] = Place(provider.name, own, _item(kind, item, shown, mark), listing)
    places = dict(sorted(places.items()))
    listings = tuple(listing for _, listing in parts)
    ttl_ms = max(MIN_TTL_MS, min((listing.ttl_ms for listing in listings), default=MIN_TTL_MS))
    return Merged(listings, profile, places, rendered(places), ttl_ms)


def rendered(places: dict[str, Place]) -> tuple[bytes, ...]:
    """The items as JSON, page by page; at least one page."""
    items = [place.item for place in places.values()]
    return tuple(write(items[start : start + PAGE_ITEMS]) for start in range(0, max(len(items), 1), PAGE_ITEMS))


def _item(kind: Kind, item: Document, shown: str, mark: Mark | None) -> Document:
    item = item if item.get(kind.key) == shown else item | {kind.key: shown}
    return mark(item) if mark is not None else item


def _rank(provider: Provider) -> tuple[bool, bool, bool, str]:
    return provider.name != AGENTS, provider.is_outside, bool(provider.prefix), provider.name


def _shown(kind: Kind, provider: Provider, own: str, places: dict[str, Place], names: frozenset[str]) -> str:
    """`names` are those of all providers; empty where one is alone, and speaks for nobody else."""
    if kind in (Kind.TOOLS, Kind.PROMPTS):
        return shown_name(provider.prefix, own, places)
    # What reads like `server+uri` would lead to that server.
    is_another = names and (own.partition("+")[0] in names or (is_reserved(own) and not provider.owns_uri(own)))
    return f"{provider.name}+{own}" if own in places or is_another else own
