"""The schemes of URIs that are the network's own: nobody else answers in them, whatever a server lists."""

NETWORK = "agentnet"
KNOWLEDGE = "knowledge"
"""Scheme and server of the network's own documents."""
# What readers of URLs leave out before they look at a scheme (WHATWG URL, section 4.4).
_LEFT_OUT = dict.fromkeys(range(0x21))


def scheme_of(uri: str) -> str:
    """The scheme of a URI, or of a template, as a host may read it: in lower case, without white space."""
    head, colon, _ = uri.partition(":")
    return head.translate(_LEFT_OUT).lower() if colon else ""


def is_reserved(uri: str) -> bool:
    """Whether the network alone answers for `uri`; also in a scheme of such a name that it may come to have."""
    scheme = scheme_of(uri)
    return scheme in (NETWORK, KNOWLEDGE) or (scheme.startswith(f"{NETWORK}-") and "+" not in scheme)


def is_of_server(uri: str, server: str) -> bool:
    """Whether the network's own server of that name answers for `uri`."""
    return server == KNOWLEDGE and scheme_of(uri) == KNOWLEDGE
