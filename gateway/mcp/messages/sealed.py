"""Values that pass through a client's hands: JSON, sealed, so that none but this network makes or reads them."""

from typing import Any

from agentnet.identity.sealing import Seal, SealError
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.jsonrpc import read, write


def sealed(seal: Seal, value: Any) -> str:
    """`value` as a text of the base64url alphabet."""
    return seal.close(write(value)).decode()


def unsealed(seal: Seal, text: str, limit: int) -> Any:
    """The value in `text`; None for what this network did not seal, or what is longer than `limit` characters."""
    if len(text) > limit:
        return None
    try:
        return read(seal.open(text.encode("utf-8", "replace")))
    except (SealError, McpError):
        return None
