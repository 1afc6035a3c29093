"""The extended card (A2A 1.0 section 3.1.11) on its way through: the one answer whose content the relay changes,
for its addresses would lead past the gateway.
"""

import json
from typing import Any

from cards import rewrite_card

METHOD, METHOD_0_3 = b"GetExtendedAgentCard", b"agent/getAuthenticatedExtendedCard"
PATHS = frozenset({b"extendedAgentCard", b"v1/card"})


def asks_for_card(path: bytes, body: bytes) -> bool:
    """Whether a request may be for the extended card; told without parsing, so that it may be wrong."""
    return path in PATHS or (not path and (METHOD in body or METHOD_0_3 in body))


def with_addresses(answer: bytes, base_url: str, older_rest_url: str) -> bytes:
    """`answer` with the card in it leading there (see `rewrite_card`); one without a card is returned as it is."""
    try:
        document = json.loads(answer)
    except ValueError:
        return answer
    if not isinstance(document, dict):
        return answer
    if _is_card(document):
        return json.dumps(rewrite_card(document, base_url, older_rest_url)).encode()
    if _is_card(document.get("result")):
        return json.dumps(document | {"result": rewrite_card(document["result"], base_url, older_rest_url)}).encode()
    return answer


def _is_card(value: Any) -> bool:
    # A2A 1.0 has its addresses in supportedInterfaces, 0.3 in url.
    return isinstance(value, dict) and "skills" in value and ("supportedInterfaces" in value or "url" in value)
