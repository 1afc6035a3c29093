"""Tools of servers whose lists are not well formed: what can be used of them is used."""

from typing import Any

import pytest

from agentnet.mcp.usable import MAX_DEPTH, Usable

SCHEMA: dict[str, Any] = {"type": "object"}
DEEP: dict[str, Any] = {}
for _ in range(MAX_DEPTH + 1):
    DEEP = {"properties": DEEP}


def used(tool: Any) -> Any:
    result = {"tools": [tool, {"name": "other", "inputSchema": SCHEMA}]}
    Usable("a server").mend(result)
    *found, other = result["tools"]
    assert other["name"] == "other"
    return found[0] if found else None


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ({"inputSchema": SCHEMA}, {"inputSchema": SCHEMA}),
        ({}, {"inputSchema": SCHEMA}),
        ({"inputSchema": None}, {"inputSchema": SCHEMA}),
        ({"inputSchema": []}, {"inputSchema": SCHEMA}),
        ({"inputSchema": {}}, {"inputSchema": SCHEMA}),
        ({"inputSchema": {"type": "string"}}, {"inputSchema": SCHEMA}),
        ({"inputSchema": {"type": "object", "properties": None}}, {"inputSchema": SCHEMA}),
        ({"inputSchema": SCHEMA, "description": 7}, {"inputSchema": SCHEMA}),
        (
            {"inputSchema": SCHEMA, "description": "Acts.", "annotations": "none"},
            {"inputSchema": SCHEMA, "description": "Acts."},
        ),
        (
            {"inputSchema": SCHEMA, "outputSchema": 5, "annotations": {"readOnlyHint": True}},
            {"inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}},
        ),
    ],
)
def test_a_tool_is_used_without_what_is_not_well_formed(tool: Any, expected: Any) -> None:
    found = used({"name": "act"} | tool)
    assert found == {"name": "act"} | expected or found == {"name": "act"} | tool


@pytest.mark.parametrize("tool", [None, 7, {}, {"name": 5}, {"name": ""}, {"name": "x", "inputSchema": DEEP}])
def test_what_is_no_tool_is_left_out_and_no_other(tool: Any) -> None:
    assert used(tool) is None
