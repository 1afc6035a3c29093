"""Resource URIs back to their server: they are shown as the servers have them, for hosts read their schemes.

Where two servers list the same URI, the second one's is shown as `server+uri`; that form is taken for every server.
So is what a server lists in a scheme of the network's own: who answers there is the network, whatever others list.
"""

import asyncio

from gateway.mcp.aggregate.merge import Merged, Place
from gateway.mcp.aggregate.provider import Provider
from gateway.mcp.aggregate.schemes import is_reserved
from gateway.mcp.aggregate.templates import MAX_URI, Spelled, parsed
from gateway.mcp.messages.profile import Profile

AT_ONCE = 20_000
"""Characters of templates that are looked at before others have their turn: a tenant may have very many."""


def own_place(uri: str, profile: Profile, providers: list[Provider]) -> tuple[Provider, str] | None:
    """The same as `place_of` for a URI that names its provider, whatever lists tell; for those of the network's own
    schemes there is no other."""
    server, plus, own = uri.partition("+")
    named = next((provider for provider in providers if provider.name == server), None) if plus else None
    if named is not None:
        return named, own
    if is_network_alone(uri, profile):
        return next(((provider, uri) for provider in providers if provider.owns_uri(uri)), None)
    return None


def is_network_alone(uri: str, profile: Profile) -> bool:
    """Whether nobody but the network answers for `uri`: no list has to be looked at."""
    return is_reserved(uri) and not profile.is_straight


async def place_of(
    uri: str, resources: Merged, templates: Merged, providers: list[Provider]
) -> tuple[Provider, str] | None:
    """The provider of `uri` and its own URI for it, as far as lists tell."""
    own = own_place(uri, resources.profile, providers)
    if own is not None or is_network_alone(uri, resources.profile):
        return own
    by_name = {provider.name: provider for provider in providers}
    listed = resources.places.get(uri)
    if listed is not None:
        return by_name[listed.provider], listed.own
    for provider in providers:
        if provider.owns_uri(uri):
            return provider, uri
    matching = await _matching(uri, templates, by_name)
    return (by_name[matching.provider], uri) if matching else None


def candidates(resources: Merged, templates: Merged, providers: list[Provider]) -> list[Provider]:
    """Who may have a resource that no list tells of: those that have resources at all."""
    names = {place.provider for merged in (resources, templates) for place in merged.places.values()}
    return [provider for provider in providers if provider.name in names]


async def _matching(uri: str, templates: Merged, by_name: dict[str, Provider]) -> Place | None:
    """The template that `uri` is one of: one of the network's own servers before others, then that which says most."""
    if len(uri) > MAX_URI:
        return None
    spelled = Spelled(uri)
    best: Place | None = None
    most: tuple[bool, tuple[int, int]] = (False, (-1, -1))
    looked_at = 0
    for place in templates.places.values():
        template = parsed(place.own)
        if template is None:
            continue
        weight = (not by_name[place.provider].is_outside, template.weight)
        if weight > most and spelled.is_of(template):
            best, most = place, weight
        looked_at += len(place.own)
        if looked_at > AT_ONCE:
            looked_at = 0
            await asyncio.sleep(0)
    return best
