"""Resources of which a client wants to hear, and what it calls them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watched:
    """A resource of which the client wants to hear."""

    provider: str
    own: str
    """The provider's URI for it."""
    shown: str
    """The client's."""
    version: str = ""
    """What the client knows of it; empty where nobody can tell."""


def shown_as(uri: str, names: dict[str, list[str]]) -> list[str]:
    """What the client calls the resource `uri`, which may be one below a resource that it watches."""
    # An update may name a resource below the one that is subscribed to (2025-11-25, resources).
    above = uri if uri in names else max((own for own in names if is_below(uri, own)), key=len, default=None)
    return [shown + uri[len(above) :] for shown in names[above]] if above is not None else []


def is_below(uri: str, other: str) -> bool:
    """Whether a resource is a part of another one, as far as URIs tell."""
    return uri.startswith(other.rstrip("/") + "/")
