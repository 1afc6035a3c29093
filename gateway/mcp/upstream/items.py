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
_HINTS = frozenset({"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"})
_IMAGES = ("https://", "http://", "data:image/")
_WORDS, _OBJECTS = ("title", "description", "mimeType"), ("annotations", "_meta")


def usable(item: object, kind: Kind, server: str) -> Document | None:
    """The item, mended where that takes nothing from it that a host could use; None for one that is none.

    Told of in detail where the log is: whoever has the list says how many are left out.
    """
    if not isinstance(item, dict) or not isinstance(item.get(kind.key), str) or not 0 < len(item[kind.key]) <= MAX_NAME:
        logger.debug("one of the %s of the MCP server %s has no %s", kind.member, server, kind.key)
        return None
    if kind in (Kind.RESOURCES, Kind.TEMPLATES) and not is_plain(item[kind.key]):
        logger.debug("%.100r of the MCP server %s may be read as another address", item[kind.key], server)
        return None
    if is_deeper(item, MAX_DEPTH):
        logger.debug("%.100r of the MCP server %s is nested too deeply", item[kind.key], server)
        return None
    item = _without_lures(item, kind)
    if _is_right(item, kind):
        return item
    mended = _mended(item, kind)
    if _is_right(mended, kind):
        return mended
    logger.debug("%.100r of the MCP server %s is not well formed", item[kind.key], server)
    return None


def is_plain(uri: str) -> bool:
    """Whether a URI, or a template, is read by everybody as it stands: without line ends and what else cannot be seen,
    and with a scheme that is not written in another way."""
    head, colon, _ = uri.partition(":")
    return uri.isprintable() and not (colon and "%" in head)


def _without_lures(item: Document, kind: Kind) -> Document:
    """The item without what hosts show, or go by, unlooked at: hints that are no truth value, icons of no image."""
    hints, icons = item.get("annotations"), item.get("icons")
    if kind is Kind.TOOLS and isinstance(hints, dict) and any(_is_wrong(name, value) for name, value in hints.items()):
        item = item | {"annotations": {name: value for name, value in hints.items() if not _is_wrong(name, value)}}
    if icons is None:
        return item
    good = [icon for icon in icons if _is_image(icon)] if isinstance(icons, list) else []
    if good:
        return item if len(good) == len(icons) else item | {"icons": good}
    return {key: value for key, value in item.items() if key != "icons"}


def _is_wrong(hint: str, value: object) -> bool:
    return (hint in _HINTS and not isinstance(value, bool)) or (hint == "title" and not isinstance(value, str))


def _is_image(icon: object) -> bool:
    source = icon.get("src") if isinstance(icon, dict) else None
    return isinstance(source, str) and source.lower().startswith(_IMAGES)


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
