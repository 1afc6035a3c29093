"""`find_tools` and `call_tool`, which stand in for a list that is too long for a model to read."""

import re
from typing import Any

from mcp_types.jsonrpc import INVALID_PARAMS
from pydantic import BaseModel, ConfigDict, Field

from gateway.mcp.aggregate.merge import Merged, no_such_cursor
from gateway.mcp.messages.errors import Document, McpError

FIND_TOOLS = "find_tools"
CALL_TOOL = "call_tool"
FINDER_NAMES = frozenset({FIND_TOOLS, CALL_TOOL})
MAX_FOUND = 20
NAME_WEIGHT = 3
_WORD = re.compile(r"[a-z0-9]+")

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
                "limit": {"type": "integer", "minimum": 1, "maximum": MAX_FOUND, "default": 5},
            },
            "required": ["query"],
        },
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    },
]


class _Search(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=1000)
    limit: int = Field(default=5, ge=1, le=MAX_FOUND)


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
    words = {word for word in _WORD.findall(search.query.lower()) if len(word) > 1}
    scored = [(_score(words, name, place.item), name) for name, place in merged.places.items()]
    best = sorted((entry for entry in scored if entry[0]), key=lambda entry: (-entry[0], entry[1]))[: search.limit]
    found = [_shown(merged.places[name].item) for _, name in best]
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


def _score(words: set[str], name: str, tool: Document) -> int:
    named, said = set(_WORD.findall(name.lower())), set(_WORD.findall(str(tool.get("description", "")).lower()))
    return sum(NAME_WEIGHT * _is_in(word, named) + _is_in(word, said) for word in words)


def _is_in(word: str, text: set[str]) -> bool:
    """Whether the word, or a longer one that begins with it, is in the text."""
    return word in text or (len(word) > 3 and any(other.startswith(word) for other in text))


def _shown(tool: Document) -> Document:
    kept = {key: tool[key] for key in ("name", "title", "inputSchema", "annotations") if key in tool}
    return kept | {"description": tool.get("description", "")}
