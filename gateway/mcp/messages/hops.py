"""Networks in a circle: two that list each other as upstream servers must not send calls, lists, news round and round.

A request says which networks it came through (`Via`, RFC 9110 7.6.3), each by a name that tells nothing else of it; one
that comes back is refused. What a network lists to another says the same of each item (`_meta`), and each leaves out
what came from itself: so lists come to rest in a circle, and hide nothing.
"""

import re
from typing import Any

from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.identity.sealing import Seal
from gateway.http.transport import Headers
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import object_or_empty

VIA = b"via"
PURPOSE = b"agentnet: name of a network among others, v1"
NETWORKS_META_KEY = "agentnet.dev/networks"
MAX_NETWORKS = 8
"""That one request, or one item of a list, may come through."""
LOOP_DETECTED = 508
_NAME = re.compile(rb"1\.1 (agentnet-[0-9a-f]{16})(?=\s*(?:,|$))")


class Hops:
    """Of one network: all its replicas have the same name."""

    def __init__(self, seal: Seal) -> None:
        self.name = f"agentnet-{seal.key(PURPOSE)[:8].hex()}"
        self.header = (VIA, f"1.1 {self.name}".encode())
        """Goes out with each request to an upstream server, behind those that came in."""

    def check(self, passed: list[str]) -> None:
        """Raises `McpError` for a request that `passed` this network before, or too many."""
        if self.name in passed:
            raise McpError(
                INTERNAL_ERROR,
                "This call came through this network before: upstream MCP servers of networks lead in a circle "
                f"({' > '.join([*passed, self.name])}).",
                http=LOOP_DETECTED,
            )
        if len(passed) >= MAX_NETWORKS:
            message = f"This call came through {len(passed)} networks; {MAX_NETWORKS - 1} are the most."
            raise McpError(INTERNAL_ERROR, message, http=LOOP_DETECTED)

    def admits(self, item: Document) -> bool:
        """Whether an item of an upstream server's list is not one of this network's own, come back."""
        passed = _networks_of(item)
        return self.name not in passed and len(passed) < MAX_NETWORKS

    def marked(self, item: Document) -> Document:
        """An item for another network's list."""
        meta = object_or_empty(item.get("_meta"))
        return item | {"_meta": meta | {NETWORKS_META_KEY: [*_networks_of(item), self.name]}}


def networks(headers: Headers) -> list[str]:
    """The networks that a request came through, the first one first."""
    # Other names in it are those of proxies, of which there may be any number.
    return [found.decode() for name, value in headers if name == VIA for found in _NAME.findall(value)]


def via_of(headers: Headers) -> Headers:
    """What a request said of its way."""
    return [(name, value) for name, value in headers if name == VIA]


def _networks_of(item: Document) -> list[Any]:
    named = object_or_empty(item.get("_meta")).get(NETWORKS_META_KEY)
    return named if isinstance(named, list) else []
