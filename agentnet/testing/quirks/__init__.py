"""Servers that answer otherwise than the protocol says, by name: what endpoints do, to try a client on.

May import `agentnet.testing`. Start with `quirk` and `server`; the quirks are in the modules beside them, all in
`QUIRKS`.
"""

from agentnet.testing.quirks import (
    breaks,
    calls,
    content,
    dialects,
    endings,
    events,
    failures,
    fields,
    framing,
    given,
    meanings,
)
from agentnet.testing.quirks.quirk import Need, Quirk
from agentnet.testing.quirks.server import QuirkServer, playing

QUIRKS: dict[str, Quirk] = {
    quirk.name: quirk
    for module in (calls, given, dialects, content, framing, events, failures, meanings, breaks, fields, endings)
    for quirk in module.QUIRKS
}
"""All quirks by their names."""

__all__ = ["QUIRKS", "Need", "Quirk", "QuirkServer", "playing"]
