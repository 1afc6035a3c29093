"""Turns of a model in plain values: what it is asked, what it decides, and any `Model` of the SDK asked that way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from agents import FunctionTool, Model, ModelSettings, ModelTracing, TResponseInputItem
from agents.tool_context import ToolContext
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText


@dataclass(frozen=True)
class ToolSpec:
    """A tool that may be called."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON schema of its arguments."""


@dataclass(frozen=True)
class Request:
    """One call of the model."""

    instructions: str = ""
    items: tuple[Mapping[str, Any], ...] = ()
    """Input items in the Responses API's shape."""
    tools: tuple[ToolSpec, ...] = ()
    output_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Call:
    """A call of a tool to make."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """What a turn does: calls to make in parallel, or the answer."""

    calls: tuple[Call, ...] = ()
    text: str = ""


async def decided_by(model: Model, request: Request) -> Decision:
    """What `model` decides. It is not told of the output schema: its answer is text."""
    response = await model.get_response(
        request.instructions,
        cast(list[TResponseInputItem], [dict(item) for item in request.items]),
        ModelSettings(),
        [_tool(spec) for spec in request.tools],
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    calls = [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]
    messages = [item for item in response.output if isinstance(item, ResponseOutputMessage)]
    parts = [part.text for message in messages for part in message.content if isinstance(part, ResponseOutputText)]
    return Decision(tuple(Call(call.name, json.loads(call.arguments)) for call in calls), "".join(parts))


def _tool(spec: ToolSpec) -> FunctionTool:
    return FunctionTool(spec.name, spec.description, dict(spec.schema), _never_invoked, strict_json_schema=False)


async def _never_invoked(_context: ToolContext[Any], _arguments: str) -> str:
    raise AssertionError("A model decides on calls; it makes none.")
