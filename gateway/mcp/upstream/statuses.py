"""The HTTP status of an upstream server's answer: what it says, and which may be the gateway's own as well.

None but those of `OWN`. A host takes a status for the gateway's: 401 for a wrong key, 404 for a session that ended, 204
for no body, which breaks the connection where one follows. The error in such an answer is said in the protocol's terms.
"""

from mcp_types.jsonrpc import INTERNAL_ERROR

from gateway.mcp.messages.errors import Document, McpError, NotMcpError
from gateway.mcp.messages.jsonrpc import read
from gateway.mcp.messages.reply import BAD_GATEWAY, BODILESS

OK = 200
BAD_REQUEST = 400
OWN: dict[str, frozenset[int]] = {
    "POST": frozenset({400}),
    "GET": frozenset({400, 405}),
    "DELETE": frozenset({400, 405}),
}
"""What a server may say of a message without an answer, and of its stream and session (2025-11-25, transports); 404 is
said for it where the session that it is about is the client's."""
TAKEN = {"POST": 202, "DELETE": 204}
"""What the gateway says where the server took it, in whichever way it said so."""


def may_stream(status: int) -> bool:
    """Whether an answer of this status can be a stream of events."""
    return is_success(status) and status not in BODILESS


def is_success(status: int) -> bool:
    """Whether a server took what it was sent."""
    return OK <= status < 300


def result_in(document: object, server: str, status: int) -> Document:
    """The result in a JSON-RPC response. Raises `McpError` with its code and data, or that there is none."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        raise McpError(error["code"], str(error.get("message", "")), detail=error.get("data"), heard=status)
    result = document.get("result") if isinstance(document, dict) else None
    if not isinstance(result, dict):
        raise refused(server, status)
    return result


def check_body(body: bytes, server: str, status: int) -> None:
    """Raises `McpError` for an answer that holds no result, with its error if it has one."""
    try:
        document = read(body)
    except McpError:
        raise refused(server, status) from None
    result_in(document, server, status)


def not_taken(body: bytes, server: str, method: str, status: int) -> McpError:
    """What a server has against a message without an answer, a GET or a DELETE."""
    # SDK servers that keep no events answer 500 to a GET that would go on after one.
    own = status if status in OWN[method] else BAD_REQUEST if method == "GET" else BAD_GATEWAY
    try:
        check_body(body, server, status)
    except NotMcpError:
        pass
    except McpError as error:
        return McpError(error.code, error.message, detail=error.detail, http=own, heard=status)
    message = f"The MCP server {server!r} answered {method} with HTTP status {status}."
    return McpError(INTERNAL_ERROR, message, http=own, heard=status)


def refused(server: str, status: int) -> NotMcpError:
    """An answer over HTTP that is none in MCP."""
    message = f"The MCP server {server!r} answered with HTTP status {status} and nothing of MCP."
    return NotMcpError(INTERNAL_ERROR, message, heard=status)
