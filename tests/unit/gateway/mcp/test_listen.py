"""What a client may ask a listen stream for."""

import re
from typing import Any

import pytest
from mcp_types.jsonrpc import INVALID_PARAMS

from gateway.mcp.aggregate.provider import FollowedTasks
from gateway.mcp.changes.listen import MAX_URIS, filter_in, honoured_of, uris_in
from gateway.mcp.messages.errors import Document, McpError

NO_TASKS = FollowedTasks([], [])


def honoured(params: Document) -> Document:
    asked = filter_in(params)
    return honoured_of(asked, uris_in(asked), NO_TASKS, [])


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "notifications must be an object"),
        *(({"notifications": wrong}, "notifications must be an object") for wrong in (None, 5, [], "x", True)),
        *(
            ({"notifications": {flag: wrong}}, f"notifications.{flag} must be true or false")
            for flag in ("toolsListChanged", "promptsListChanged", "resourcesListChanged")
            for wrong in ("yes", None, 1, [], {})
        ),
        *(
            ({"notifications": {"resourceSubscriptions": wrong}}, "resourceSubscriptions must be a list")
            for wrong in ({}, None, "a://b", [5], [None], ["a://b"] * (MAX_URIS + 1))
        ),
        ({"notifications": {"resourceSubscriptions": ["a://b"]}}, "There are no such resources"),
        ({"notifications": {"taskIds": ["t"]}}, "There are no such resources or tasks"),
        ({"notifications": {"bogus": 1}}, "notifications may hold toolsListChanged, "),
    ],
)
def test_a_filter_that_is_none_is_refused(params: Document, said: str) -> None:
    with pytest.raises(McpError, match=re.escape(said)) as caught:
        honoured(params)
    assert caught.value.code == INVALID_PARAMS


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ({}, {}),
        ({"toolsListChanged": False, "resourceSubscriptions": []}, {}),
        ({"toolsListChanged": True}, {"toolsListChanged": True}),
        ({"toolsListChanged": True, "bogus": 1}, {"toolsListChanged": True}),
    ],
)
def test_what_is_known_of_a_filter_is_served(asked: dict[str, Any], served: dict[str, Any]) -> None:
    assert honoured({"notifications": asked}) == served
