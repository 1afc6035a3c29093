"""An item of a server's list as hosts can take it: the SDKs refuse a whole list, of all servers, for one bad item."""

import logging

from mcp_types.methods import validate_server_result
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import is_deeper, object_or_empty
from gateway.mcp.upstream.server import Kind

logger = logging.getLogger(__name__)

MAX_DEPTH = 64
"""Of a tool with its schemas; a deeper one is left out."""
MAX_NAME = 8192
"""Characters of a name or URI."""
_PAGE: Document = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
_WORDS, _OBJECTS = ("title", "description", "mimeType"), ("annotations", "_meta")


def usable(item: object, kind: Kind, server: str) -> Document | None:
    """The item, mended where that takes nothing from it that a host could use; None for one that is none."""
    if not isinstance(item, dict) or not isinstance(item.get(kind.key), str) or not 0 < len(item[kind.key]) <= MAX_NAME:
        logger.warning("one of the %s of the MCP server %s has no %s", kind.member, server, kind.key)
        return None
    if is_deeper(item, MAX_DEPTH):
        logger.warning("%.100r of the MCP server %s is nested too deeply", item[kind.key], server)
        return None
    if _is_right(item, kind):
        return item
    mended = _mended(item, kind)
    if _is_right(mended, kind):
        return mended
    logger.warning("%.100r of the MCP server %s is not well formed", item[kind.key], server)
    return None


def _is_right(item: Document, kind: Kind) -> bool:
    """Whether hosts of both eras take it."""
    page = _PAGE | {kind.member: [item]}
    try:
        for version in (LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION):
            validate_server_result(kind.method, version, page)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _mended(item: Document, kind: Kind) -> Document:
    kept = {
        key: value
        for key, value in item.items()
        if not (key in _WORDS and not isinstance(value, str)) and not (key in _OBJECTS and not isinstance(value, dict))
    }
    if kind is Kind.TOOLS:
        # Of the two schemas the SDKs want objects, whatever else 2026-07-28 allows.
        kept["inputSchema"] = _of_object(object_or_empty(item.get("inputSchema")))
        if object_or_empty(item.get("outputSchema")).get("type") != "object":
            kept.pop("outputSchema", None)
    elif not isinstance(kept.get("name"), str):
        kept["name"] = item[kind.key]
    return kept


def _of_object(schema: Document) -> Document:
    wrong = [key for key, form in (("properties", dict), ("required", list)) if not isinstance(schema.get(key), form)]
    return {key: value for key, value in schema.items() if key not in wrong} | {"type": "object"}
