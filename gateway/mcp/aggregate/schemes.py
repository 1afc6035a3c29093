"""The schemes of URIs that are the network's own: nobody else answers in them, whatever a server lists."""

from urllib.parse import unquote

from gateway.mcp.messages.errors import Document

NETWORK = "agentnet"
KNOWLEDGE = "knowledge"
"""Scheme and server of the network's own documents."""
# What readers of URLs leave out before they look at a scheme (WHATWG URL, section 4.4).
_LEFT_OUT = dict.fromkeys(range(0x21))


def scheme_of(uri: str) -> str:
    """The scheme of a URI, or of a template, as a host may read it: in lower case, without white space, unescaped."""
    head, colon, _ = uri.partition(":")
    return unquote(head).translate(_LEFT_OUT).lower() if colon else ""


def is_reserved(uri: str) -> bool:
    """Whether the network alone answers for `uri`; also in a scheme of such a name that it may come to have."""
    scheme = scheme_of(uri)
    return scheme in (NETWORK, KNOWLEDGE) or (scheme.startswith(f"{NETWORK}-") and "+" not in scheme)


def is_of_server(uri: str, server: str) -> bool:
    """Whether the network's own server of that name answers for `uri`."""
    return server == KNOWLEDGE and scheme_of(uri) == KNOWLEDGE


def with_own_uris(result: Document, server: str, *, is_outside: bool) -> Document:
    """The result of resources/read of a server: what it says to be the network's is shown as its own, as in lists."""
    contents = result.get("contents")
    if not isinstance(contents, list):
        return result

    def is_foreign(content: object) -> bool:
        uri = content.get("uri") if isinstance(content, dict) else None
        return isinstance(uri, str) and is_reserved(uri) and (is_outside or not is_of_server(uri, server))

    if not any(map(is_foreign, contents)):
        return result
    shown = [each | {"uri": f"{server}+{each['uri']}"} if is_foreign(each) else each for each in contents]
    return result | {"contents": shown}
