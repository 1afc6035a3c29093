"""The model of the benchmark of runs: two tool calls in a turn each, then an answer, at next to no cost.

It stands alone between runs: which turn it is it reads in the input, so that one object serves all runs of a process.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from agents import FunctionTool, Model, ModelResponse, Tool
from agents.usage import Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agentnet.ids import new_id
from agentnet.models import Models
from agentnet.settings import Settings

CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("calculate", {"expression": "15% of 80"}),
    ("date_difference", {"start": "2026-01-01", "end": "2026-03-01"}),
)
"""Names of tools, as their server has them, and arguments."""
ANSWER = "It is 12, and it takes 59 days."
TOKENS = 10

Items = str | list[Any]
"""What a model reads."""


class ScriptedModel(Model):
    """Says `CALLS` one by one, then `ANSWER`; streams the answer by words."""

    async def get_response(
        self, system_instructions: str | None, input: Items, model_settings: Any, tools: list[Tool], *_: Any, **__: Any
    ) -> ModelResponse:
        """The whole turn."""
        usage = Usage(requests=1, input_tokens=TOKENS, output_tokens=TOKENS, total_tokens=2 * TOKENS)
        return ModelResponse(output=[_said(input, tools)], usage=usage, response_id=None)

    async def stream_response(
        self, system_instructions: str | None, input: Items, model_settings: Any, tools: list[Tool], *_: Any, **__: Any
    ) -> AsyncIterator[Any]:
        """The turn as a stream: text in words, then all of it."""
        item = _said(input, tools)
        if isinstance(item, ResponseOutputMessage):
            for number, word in enumerate(ANSWER.split(" ")):
                yield ResponseTextDeltaEvent(
                    content_index=0,
                    delta=word if not number else f" {word}",
                    item_id=item.id,
                    logprobs=[],
                    output_index=0,
                    sequence_number=number,
                    type="response.output_text.delta",
                )
        yield ResponseCompletedEvent(response=_response(item), sequence_number=0, type="response.completed")


class ScriptedModels(Models):
    """The one model under every name, in the place of those that settings name."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._model = ScriptedModel()

    def get_model(self, model_name: str | None) -> Model:
        """The model."""
        return self._model


def _said(items: Items, tools: list[Tool]) -> ResponseOutputItem:
    """The item of the turn that the input has come to."""
    done = 0 if isinstance(items, str) else sum(item.get("type") == "function_call_output" for item in items)
    if done == len(CALLS):
        text = ResponseOutputText(annotations=[], text=ANSWER, type="output_text")
        return ResponseOutputMessage(id=new_id(), content=[text], role="assistant", status="completed", type="message")
    name, arguments = CALLS[done]
    # Each side has the server's name before the tool's in its own way.
    full = next(tool.name for tool in tools if isinstance(tool, FunctionTool) and tool.name.endswith(name))
    return ResponseFunctionToolCall(
        arguments=json.dumps(arguments), call_id=f"call_{new_id()}", name=full, type="function_call"
    )


def _response(item: ResponseOutputItem) -> Response:
    return Response(
        id=new_id(),
        created_at=0.0,
        model="scripted",
        object="response",
        output=[item],
        parallel_tool_calls=True,
        tool_choice="auto",
        tools=[],
        usage=ResponseUsage(
            input_tokens=TOKENS,
            input_tokens_details=InputTokensDetails(cache_write_tokens=0, cached_tokens=0),
            output_tokens=TOKENS,
            output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
            total_tokens=2 * TOKENS,
        ),
    )
