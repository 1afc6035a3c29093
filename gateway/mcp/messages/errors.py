"""Errors as MCP says them: JSON-RPC codes, and the HTTP status that goes with each; `said` maps all others to them."""

from typing import Any

from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS

from agentnet.errors import AgentNetError

Document = dict[str, Any]

LEGACY_RESOURCE_NOT_FOUND = -32002
SESSION_NOT_FOUND = -32001
"""As the SDKs say it; the HTTP status 404 is what the specification asks for."""
REQUEST_CANCELLED = -32800
"""As the SDKs end the stream of a legacy call that its client cancelled."""


class McpError(AgentNetError):
    """A JSON-RPC error, code and data as they go over the wire. `http` overrides the status that the code asks for.

    `heard` is the HTTP status under which an upstream server said it. It is never the gateway's own: to a host a 401
    would say that its key is wrong, and a 404 that its session is gone.
    """

    def __init__(
        self, code: int, message: str, *, detail: Any = None, http: int | None = None, heard: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail
        self.http = http
        self.heard = heard

    @property
    def status_code(self) -> int:
        """The HTTP status of a plain answer in the 2026 revision; older ones answer 200 where `http` is not set."""
        # 404 for -32601; 400 for -32602 and -32020 to -32022 (2026-07-28, transports).
        return self.http or ERROR_CODE_HTTP_STATUS.get(self.code, 200)

    def document(self, identifier: str | int | None) -> Document:
        """The JSON-RPC response."""
        error: Document = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["data"] = self.detail
        return {"jsonrpc": "2.0", "id": identifier, "error": error}


class NotMcpError(McpError):
    """A server answered over HTTP, but not in MCP, or not in the era that it was asked in."""


def cancelled() -> McpError:
    """What ends a request that its client cancelled, also for a client that comes back to it."""
    return McpError(REQUEST_CANCELLED, "The request was cancelled.")
