"""Tools of the SDK in the form that every host of models takes: those of folders, of the network and of MCP servers."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents import FunctionTool
from agents.function_schema import function_schema
from agents.run_config import ToolErrorFormatterArgs
from pydantic import ValidationError

from agentnet.arguments.errors import BadArgumentsError, UnfitError
from agentnet.arguments.form import Form, form_of_tool
from agentnet.arguments.texts import clean, shortened
from agentnet.manifests.manifest import nearest
from agentnet.runs.scope import RunScope

logger = logging.getLogger(__name__)

MAX_NAMES = 1500
"""Characters of the names of all tools, where none is near the one that was called."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Tools that can be told to a model, and why others cannot."""

    tools: list[FunctionTool] = field(default_factory=list[FunctionTool])
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    """By name."""


def fit(tools: Iterable[FunctionTool]) -> Fitted:
    """Give each of `tools` its form. One that cannot have one is left out: it would disable its agent."""
    fitted = Fitted()
    names: set[str] = set()
    for tool in tools:
        try:
            if tool.name in names:
                raise UnfitError("another tool has its name")
            give_form(tool)
        except UnfitError as error:
            logger.error("the tool %.100r is left out: %s", tool.name, error)
            fitted.left_out[tool.name] = str(error)
            continue
        names.add(tool.name)
        fitted.tools.append(tool)
    return fitted


def give_form(tool: FunctionTool) -> None:
    """Let `tool` be told in a form that fits, once. Raises `UnfitError`."""
    if form_in(tool) is not None:
        return
    form = form_of_tool(
        tool.name, tool.description, tool.params_json_schema, _own_schema(tool), tool.strict_json_schema
    )
    tool.description, tool.params_json_schema, tool.strict_json_schema = form.description, form.schema, form.strict
    carry(tool, form)


def carry(tool: FunctionTool, form: Form) -> FunctionTool:
    """Let `tool` carry its form."""
    tool._agentnet_form = form  # type: ignore[attr-defined]
    return tool


def form_in(tool: FunctionTool) -> Form | None:
    """What `carry` put there."""
    found: Form | None = getattr(tool, "_agentnet_form", None)
    return found


def left_out(reasons: Mapping[str, str]) -> str:
    """What a model is told of tools that it does not get; empty where it gets all."""
    lines = [f"- {shortened(clean(name), 100)}: {reason}" for name, reason in reasons.items()]
    return "\n".join(["These tools cannot be used here:", *lines]) if lines else ""


async def given(tool: FunctionTool, scope: RunScope, key: str, arguments: str) -> tuple[str, str | None]:
    """The arguments of a call, put right where that is unmistakable; or what its model is told instead of a result."""
    form = form_in(tool)
    if form is None:
        return arguments, None
    try:
        return form.read(arguments)[0], None
    except BadArgumentsError as error:
        step = await scope.begin("tool", key, tool.name, arguments)
        await step.end(str(error), ok=False)
        return arguments, f"Error: {error}"
    except Exception:  # the schema is another's, and may be wrong in any way: the tool reads the arguments too
        logger.exception("the arguments of %s were not checked", tool.name)
        return arguments, None


def more_of(tools: Iterable[Any]) -> str:
    """What the descriptions of `tools` had no room for; empty where all had."""
    forms = (form_in(tool) for tool in tools if isinstance(tool, FunctionTool))
    lines = [f"- {form.name}: {form.more}" for form in forms if form is not None and form.more]
    return "\n".join(["More about these tools:", *lines]) if lines else ""


def why_not(tool: FunctionTool, arguments: str) -> str:
    """What a function's own validators say of arguments that fit its schema; empty where they say nothing."""
    try:
        made = function_schema(tool.__wrapped__, strict_json_schema=False)
        made.params_pydantic_model(**json.loads(arguments or "{}"))
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
    except Exception:  # noqa: BLE001 - not made of a function: its author reads the arguments
        return ""
    return ""


def _own_schema(tool: FunctionTool) -> Any:
    """What the function takes: a strict schema wants the fields that have a default too, and one that is not strict
    admits fields that nobody reads. None where the tool's schema is all that is known."""
    told = tool.params_json_schema
    try:
        own = function_schema(tool.__wrapped__, strict_json_schema=False).params_json_schema
    except Exception:  # noqa: BLE001 - not made of a function, or of one that the SDK reads in another way
        own = {}
    if own.get("properties", {}).keys() == told.get("properties", {}).keys() and own:
        return own | {"additionalProperties": False}
    return _lenient(told) if tool.strict_json_schema else None


def _lenient(schema: dict[str, Any]) -> dict[str, Any]:
    """A strict schema in which what has a default may be left out."""
    fields = schema.get("properties", {})
    required = [name for name in schema.get("required", ()) if "default" not in fields.get(name, {})]
    return schema | {"required": required}


async def no_such_tool(failed: ToolErrorFormatterArgs[Any]) -> str | None:
    """What a model is told of a call of a tool that there is not, with the one that it may mean.

    None for other failures, which have their words.
    """
    scope = failed.run_context.context
    if failed.kind != "tool_not_found" or not isinstance(scope, RunScope):
        return None
    scope.announced -= 1  # it never begins
    name = shortened(clean(failed.tool_name), 100)
    near = shortened(nearest(name, [tool.name for tool in scope.tools]), MAX_NAMES)
    return str(await scope.repeated.told(scope, name, "", f"Error: there is no tool {name!r}. {near}"))
