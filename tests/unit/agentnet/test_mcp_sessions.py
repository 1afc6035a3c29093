"""The spellings of a session that is gone, as servers of others have them."""

import pytest

from agentnet.mcp.sessions import is_lost

GONE = [
    (404, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"Session not found"}}'),
    (404, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session not found"}}'),
    (404, b""),
    (404, b"Not Found"),
    (410, b""),
    (410, b'{"error":"gone"}'),
    (400, b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}'),
    (400, b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}'),
    (400, b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid SESSION id"},"id":null}'),
    (400, b"Invalid or missing session ID"),
    (400, b'{"error":{"message":"session expired"}}'),
]
THERE = [
    (400, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"The argument session is missing"}}'),
    (400, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"The disk is full"}}'),
    (400, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32700,"message":"Parse error"}}'),
    (400, b"[" * 100_000),
    (404, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}'),
    (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"Session not found"}}'),
    (500, b"no session"),
    (403, b"session"),
]


@pytest.mark.parametrize(("status", "body"), GONE)
def test_these_say_that_the_session_is_gone(status: int, body: bytes) -> None:
    assert is_lost(status, body)


@pytest.mark.parametrize(("status", "body"), THERE)
def test_these_say_something_else(status: int, body: bytes) -> None:
    assert not is_lost(status, body)
