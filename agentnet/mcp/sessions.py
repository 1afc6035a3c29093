"""How servers say that they do not know the session of a request any more. None of them has looked at the request."""

import json
from http import HTTPStatus
from typing import Any

DOUBTFUL = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""Statuses of such answers; 404 is what the specification asks for (2025-11-25, transports: session management)."""
ABOUT_THE_REQUEST = frozenset({-32601, -32602})
"""JSON-RPC codes of a server that did look at it: the method, its parameters."""
MAX_LOOKED_AT = 4096


def is_lost(status: int, body: bytes) -> bool:
    """Whether an answer of this status to a request within a session says that the session is gone."""
    if status not in DOUBTFUL:
        return False
    code, said = _said(body)
    if code in ABOUT_THE_REQUEST:
        return False
    # 400 is for all sorts of mistakes; a session that is meant is named ("No valid session ID provided"), or was not
    # begun where the request came to ("Server not initialized").
    return status != HTTPStatus.BAD_REQUEST or "session" in said or "not initialized" in said


def _said(body: bytes) -> tuple[Any, str]:
    """The code of a JSON-RPC error, and its words; of any other body all of them."""
    try:
        error = json.loads(body)["error"]
        return error["code"], str(error["message"]).lower()
    except (ValueError, LookupError, TypeError, RecursionError):
        return None, body[:MAX_LOOKED_AT].decode("utf-8", "replace").lower()
