"""Any error as MCP says it. The one place where this project's errors get JSON-RPC codes.

Apart from the errors themselves: nearly every module of the door raises them, and only its boundaries say them.
"""

from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST
from pydantic import ValidationError

from agentnet.database.retry import DATABASE_AWAY, away
from agentnet.errors import AgentNetError, BusyError, DatabaseAwayError, NotFoundError, TooLargeError, UnavailableError
from agentnet.http.errors import invalid_input
from gateway.mcp.messages.errors import McpError


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
    # Before UnavailableError, of which it is a kind.
    if isinstance(error, (DatabaseAwayError, *DATABASE_AWAY)):
        return McpError(INTERNAL_ERROR, str(away()), http=503)
    if isinstance(error, UnavailableError):
        return McpError(INTERNAL_ERROR, str(error))
    if isinstance(error, AgentNetError):
        return McpError(INVALID_REQUEST, str(error), http=error.http_status)
    # Never its own text: plain SDK servers said SQL with its parameters so (W16).
    return McpError(INTERNAL_ERROR, "Something went wrong inside the gateway; its log says what.")
