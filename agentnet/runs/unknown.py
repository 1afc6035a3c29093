"""A call of a tool that there is not: told to the model with the name that it may have meant."""

from typing import Any

from agents.run_config import ToolErrorFormatterArgs

from agentnet.arguments.texts import clean, shortened
from agentnet.manifests.manifest import nearest
from agentnet.runs.scope import RunScope

MOST_NAMES = 40


async def no_such_tool(failed: ToolErrorFormatterArgs[Any]) -> str | None:
    """What the model is told; None for failures of other kinds, which have their words."""
    scope = failed.run_context.context
    if failed.kind != "tool_not_found" or not isinstance(scope, RunScope):
        return None
    scope.announced -= 1  # it never begins
    name = shortened(clean(failed.tool_name), 100)
    names = [tool.name for tool in scope.tools]
    near = nearest(name, names) if len(names) <= MOST_NAMES else nearest(name, names)[:1000]
    message = f"Error: there is no tool {name!r}. {near}"
    return str(await scope.repeated.told(scope, name, "", message))
