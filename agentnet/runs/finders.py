"""`find_tools` and `call_tool`: how an agent uses its tools, of servers and its own, when they are too many for its
model to read.

A call by `call_tool` is one of the tool that it names: it is approved, journaled and told of as such.
"""

import copy
import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from agents import FunctionTool
from agents.tool_context import ToolContext

from agentnet.errors import InvalidInputError
from agentnet.mcp.finding import CALL_TOOL, FIND_TOOLS, FOUND, MAX_FOUND, MAX_QUERY, best
from agentnet.runs.approval import Approvals
from agentnet.runs.journal import journaled, passes_on
from agentnet.runs.scope import RunScope
from agentnet.runs.traits import Traits, mark

MAX_CHARACTERS = 24_000
"""Of the tools that one call finds."""
FIND_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "description": "What is to be done, in a few words."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_FOUND, "description": f"{FOUND} by default."},
    },
    "required": ["query"],
}
CALL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "As find_tools gave it."},
        "arguments": {"type": "object", "properties": {}, "description": "As the tool's parameters ask for."},
    },
    "required": ["name", "arguments"],
}


def finders(approvals: Approvals) -> list[FunctionTool]:
    """The two tools for an agent with `approvals`. Runs may share them."""
    find = FunctionTool(
        name=FIND_TOOLS,
        description="Find the tools that fit a need, each with the schema of its parameters. They are many and not "
        "listed here: look for one before you say that there is none. Call it with call_tool.",
        params_json_schema=FIND_SCHEMA,
        on_invoke_tool=_find,
        strict_json_schema=False,
    )

    async def call(context: ToolContext[Any], text: str) -> Any:
        return await _call(approvals, context, text)

    named = FunctionTool(
        name=CALL_TOOL,
        description="Call a tool that find_tools has found, by its name and with arguments that fit its parameters.",
        params_json_schema=CALL_SCHEMA,
        on_invoke_tool=call,
        strict_json_schema=False,
    )
    return [mark(find, Traits(reads_only=True)), passes_on(named)]


async def _find(context: ToolContext[Any], text: str) -> str:
    scope: RunScope = context.context
    served = scope.findable
    values = _object(text)
    query, limit = str(values.get("query") or "")[:MAX_QUERY], values.get("limit")
    if not query.strip():
        raise InvalidInputError("query is missing: say in a few words what is to be done.")
    most = min(max(limit, 1), MAX_FOUND) if isinstance(limit, int) else FOUND
    names = best(query, ((name, tool.description) for name, tool in served.items()), most)
    found: list[str] = []
    characters = 0
    for name in names:
        shown = _shown(served[name])
        characters += len(shown)
        if found and characters > MAX_CHARACTERS:
            break
        found.append(shown)
    return f"[{', '.join(found)}]" if found else "No tool fits that; try other words."


async def _call(approvals: Approvals, context: ToolContext[Any], text: str) -> Any:
    """Call the tool that is named, as if the model had called it itself."""
    scope: RunScope = context.context
    served = scope.findable
    try:
        name, arguments = named_call(text, served)
        tool = served[name]
    except InvalidInputError as error:
        tool, arguments = _refusing(error), text
    inner = copy.copy(context)
    inner.tool_name, inner.tool_arguments = tool.name, arguments
    return await journaled(tool, approvals).on_invoke_tool(inner, arguments)


def named_call(text: str, served: Mapping[str, FunctionTool]) -> tuple[str, str]:
    """The tool's name and its arguments as JSON. Raises `InvalidInputError`."""
    values = _object(text)
    name = values.pop("name", None)
    if not isinstance(name, str) or not name:
        raise InvalidInputError("name is missing: the name of a tool, as find_tools gave it.")
    if name not in served:
        near = get_close_matches(name, served, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidInputError(f"There is no tool {name!r} to be called so.{hint} find_tools finds those there are.")
    given = values.pop("arguments", values)  # some models put them beside the name
    if isinstance(given, str):  # and some encode them once more
        given = _object(given)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise InvalidInputError("arguments is no object; give the tool's arguments by their names.")
    return name, json.dumps(given, ensure_ascii=False)


def _refusing(error: InvalidInputError) -> FunctionTool:
    """Stands for the tool of a call that names none, so that the refusal is journaled: a replay may know the tool."""

    async def refuse(_context: ToolContext[Any], _arguments: str) -> str:
        raise error

    tool = FunctionTool(CALL_TOOL, "", CALL_SCHEMA, refuse, strict_json_schema=False)
    return mark(tool, Traits(reads_only=True))


def _shown(tool: FunctionTool) -> str:
    shown = {"name": tool.name, "description": tool.description, "parameters": tool.params_json_schema}
    return json.dumps(shown, ensure_ascii=False)


def _object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text) if text.strip() else {}
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InvalidInputError("The arguments are not a JSON object.")
    return values
