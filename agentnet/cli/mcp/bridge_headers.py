"""The HTTP headers that a message of MCP over stdio needs when it goes on over HTTP."""

from typing import Any

from mcp.shared.inbound import (
    NAME_BEARING_METHODS,
    encode_header_value,
    find_invalid_x_mcp_header,
    mcp_param_headers,
    x_mcp_header_map,
)
from mcp_types import PROTOCOL_VERSION_META_KEY

SESSION = "mcp-session-id"
VERSION = "mcp-protocol-version"
NAMED_BY = {**NAME_BEARING_METHODS, **dict.fromkeys(("tasks/get", "tasks/update", "tasks/cancel"), "taskId")}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
BROKEN = -32000

Message = dict[str, Any]


class Headers:
    """Knows the session of a legacy host, and which arguments a modern one's tools want in headers."""

    def __init__(self) -> None:
        self.session: str | None = None
        self.version = ""
        """That a legacy host and the gateway agreed on."""
        self._mapped: dict[str, dict[tuple[str, ...], str]] = {}

    def of(self, message: Message) -> dict[str, str]:
        """The headers for `message`."""
        if is_modern(message):
            return ACCEPT | self._modern(message)
        # A session begins with initialize, so it is in none; the version is agreed on by its answer.
        if message.get("method") == "initialize" or not self.session:
            return dict(ACCEPT)
        return ACCEPT | {SESSION: self.session} | ({VERSION: self.version} if self.version else {})

    def learn(self, answer: Message) -> None:
        """Take in the version agreed on, and which arguments of which tools go into headers (`x-mcp-header`)."""
        result = answer.get("result")
        if not isinstance(result, dict):
            return
        self.version = str(result.get("protocolVersion", self.version))
        tools = result.get("tools")
        for tool in tools if isinstance(tools, list) else ():
            name, schema = (tool.get("name"), tool.get("inputSchema")) if isinstance(tool, dict) else (None, None)
            if not isinstance(name, str) or not isinstance(schema, dict):
                continue
            # A schema that asks for headers in a wrong way asks for none.
            if find_invalid_x_mcp_header(schema) is None and (mapped := x_mcp_header_map(schema)):
                self._mapped[name] = mapped

    def _modern(self, message: Message) -> dict[str, str]:
        params, method = message["params"], str(message.get("method", ""))
        # stdio has no headers: over HTTP they repeat the body, and a server refuses a call where they differ
        # (2026-07-28: -32020).
        headers = {VERSION: str(params["_meta"][PROTOCOL_VERSION_META_KEY]), "mcp-method": method}
        named = params.get(NAMED_BY.get(method, ""))
        if isinstance(named, str):
            headers["mcp-name"] = encode_header_value(named)
            arguments = params.get("arguments")
            if method == "tools/call" and isinstance(arguments, dict):
                headers |= mcp_param_headers(self._mapped.get(named, {}), arguments)
        return headers


def is_modern(message: Message) -> bool:
    """Whether the message says of itself which version it is in, as those of the 2026 revision do."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta


def error_of(message: Message, text: str) -> Message:
    """The answer to a request that got none."""
    return {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": BROKEN, "message": text}}
