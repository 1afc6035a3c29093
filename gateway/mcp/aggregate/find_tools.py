"""`find_tools` and `call_tool`, which stand in for a list that is too long for a model to read."""

from typing import Any

from mcp_types.jsonrpc import INVALID_PARAMS
from pydantic import BaseModel, ConfigDict, Field

from agentnet.mcp.finding import CALL_TOOL, FIND_TOOLS, FINDER_NAMES, FOUND, MAX_FOUND, MAX_QUERY, best
from gateway.mcp.aggregate.merge import Merged, no_such_cursor
from gateway.mcp.messages.errors import Document, McpError

FINDERS: list[Document] = [
    {
        "name": CALL_TOOL,
        "title": "Call a tool",
        "description": "Calls a tool that find_tools has found, by its name and with arguments that fit its schema.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "As find_tools gave it."},
                "arguments": {"type": "object", "description": "As the tool's inputSchema asks for."},
            },
            "required": ["name"],
        },
        "annotations": {"openWorldHint": True},
    },
    {
        "name": FIND_TOOLS,
        "title": "Find tools",
        "description": "Finds the tools and agents of this network that fit a need, with their arguments' schemas. "
        "Call one with call_tool.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What is to be done, in a few words."},
                "limit": {"type": "integer", "minimum": 1, "maximum": MAX_FOUND, "default": FOUND},
            },
            "required": ["query"],
        },
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    },
]


class _Search(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=MAX_QUERY)
    limit: int = Field(default=FOUND, ge=1, le=MAX_FOUND)


class _NamedCall(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])


def found_page(cursor: Any) -> Document:
    """The one page of the list that stands in for the long one. Raises `McpError` for any cursor."""
    if cursor is not None:
        raise no_such_cursor()
    return {"items": FINDERS}


def find_tools(arguments: Document, merged: Merged) -> Document:
    """The tools that fit best, best first. Raises `ValidationError`."""
    search = _Search.model_validate(arguments)
    tools = [(name, str(place.item.get("description", ""))) for name, place in merged.places.items()]
    found = [_shown(merged.places[name].item) for name in best(search.query, tools, search.limit)]
    lines = [f"{tool['name']}: {str(tool['description']).partition(chr(10))[0]}" for tool in found]
    text = "\n".join(lines) or "No tool fits that; try other words."
    return {"content": [{"type": "text", "text": text}], "structuredContent": {"tools": found}}


def named_call(params: Document) -> Document:
    """The parameters of the call that `call_tool` stands for. Raises `McpError`, `ValidationError`."""
    call = _NamedCall.model_validate(params.get("arguments") or {})
    # A call_tool of call_tool would lead in a circle.
    if call.name in FINDER_NAMES:
        raise McpError(INVALID_PARAMS, f"{call.name} is called directly.")
    return params | {"name": call.name, "arguments": call.arguments}


def _shown(tool: Document) -> Document:
    kept = {key: tool[key] for key in ("name", "title", "inputSchema", "annotations") if key in tool}
    return kept | {"description": tool.get("description", "")}
