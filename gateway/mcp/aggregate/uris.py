"""Resource URIs back to their server: they are shown as the servers have them, for hosts read their schemes.

Where two servers list the same URI, the second one's is shown as `server+uri`; that form is taken for every server.
"""

import re
from functools import lru_cache

from gateway.mcp.aggregate.merge import Merged, Place
from gateway.mcp.aggregate.provider import Provider

_EXPRESSION = re.compile(r"\{([+#./;?&]?)[^}]*\}")
MAX_TEMPLATE = 2048


def place_of(uri: str, resources: Merged, templates: Merged, providers: list[Provider]) -> tuple[Provider, str] | None:
    """The provider of `uri` and its own URI for it, as far as lists tell."""
    by_name = {provider.name: provider for provider in providers}
    listed = resources.places.get(uri)
    if listed is not None:
        return by_name[listed.provider], listed.own
    server, plus, own = uri.partition("+")
    if plus and server in by_name:
        return by_name[server], own
    for provider in providers:
        if provider.owns_uri(uri):
            return provider, uri
    matching = _matching(uri, templates)
    return (by_name[matching.provider], uri) if matching else None


def candidates(resources: Merged, templates: Merged, providers: list[Provider]) -> list[Provider]:
    """Who may have a resource that no list tells of: those that have resources at all."""
    names = {place.provider for merged in (resources, templates) for place in merged.places.values()}
    return [provider for provider in providers if provider.name in names]


def _matching(uri: str, templates: Merged) -> Place | None:
    """The template that `uri` is one of; the longest, which says most."""
    found = [place for place in templates.places.values() if _pattern(place.own).fullmatch(uri)]
    return max(found, key=lambda place: len(place.own), default=None)


@lru_cache(maxsize=4096)
def _pattern(template: str) -> re.Pattern[str]:
    """What the expansions of an RFC 6570 template look like: no more than is needed to tell servers apart."""
    pattern, end = "", 0
    for match in _EXPRESSION.finditer(template[:MAX_TEMPLATE]):
        pattern += re.escape(template[end : match.start()])
        # Those with an operator may hold slashes (RFC 6570 section 3.2).
        pattern += ".*" if match[1] else "[^/]*"
        end = match.end()
    return re.compile(pattern + re.escape(template[end:MAX_TEMPLATE]), re.DOTALL)
