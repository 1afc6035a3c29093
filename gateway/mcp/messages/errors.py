"""Errors as MCP says them: JSON-RPC codes, and the HTTP status that goes with each. The one place of that mapping."""

from typing import Any

from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST
from pydantic import ValidationError

from agentnet.database.retry import DATABASE_AWAY, away
from agentnet.errors import AgentNetError, BusyError, DatabaseAwayError, NotFoundError, TooLargeError, UnavailableError
from agentnet.http.errors import invalid_input

Document = dict[str, Any]

LEGACY_RESOURCE_NOT_FOUND = -32002
SESSION_NOT_FOUND = -32001
"""As the SDKs say it; the HTTP status 404 is what the specification asks for."""


class McpError(AgentNetError):
    """A JSON-RPC error, code and data as they go over the wire. `http` overrides the status that the code asks for."""

    def __init__(self, code: int, message: str, *, detail: Any = None, http: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail
        self.http = http

    @property
    def status_code(self) -> int:
        """The HTTP status of a plain answer in the 2026 revision; older ones answer 200 where `http` is not set."""
        return self.http or ERROR_CODE_HTTP_STATUS.get(self.code, 200)

    def document(self, identifier: str | int | None) -> Document:
        """The JSON-RPC response."""
        error: Document = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["data"] = self.detail
        return {"jsonrpc": "2.0", "id": identifier, "error": error}


class NotMcpError(McpError):
    """A server answered over HTTP, but not in MCP, or not in the era that it was asked in."""


def said(error: Exception) -> McpError:
    """Any error that a client may hear of, as MCP says it."""
    if isinstance(error, McpError):
        return error
    if isinstance(error, ValidationError):
        return McpError(INVALID_PARAMS, str(invalid_input(error)))
    if isinstance(error, BusyError):
        return McpError(INTERNAL_ERROR, str(error), detail={"retryAfter": error.retry_after}, http=429)
    if isinstance(error, NotFoundError):
        return McpError(INVALID_PARAMS, str(error))
    if isinstance(error, TooLargeError):
        return McpError(INVALID_REQUEST, str(error), http=413)
    if isinstance(error, (DatabaseAwayError, *DATABASE_AWAY)):
        return McpError(INTERNAL_ERROR, str(away()), http=503)
    if isinstance(error, UnavailableError):
        return McpError(INTERNAL_ERROR, str(error))
    if isinstance(error, AgentNetError):
        return McpError(INVALID_REQUEST, str(error), http=error.http_status)
    return McpError(INTERNAL_ERROR, "Something went wrong inside the gateway; its log says what.")
