"""The `Model` of the OpenAI Agents SDK that decides by rules."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, cast

import agents
from agents.items import TResponseStreamEvent
from agents.tracing import generation_span
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from offline_model.answers.shaping import shaped
from offline_model.deciding import decide
from offline_model.request.conversation import Request
from offline_model.request.ledger import Decision
from offline_model.request.tools import ToolSpec
from offline_model.streaming import events

NAME = "offline"
CHARACTERS_PER_TOKEN = 4
LONG = 50_000
"""Characters of a turn's arguments from which it is read beside the loop."""

OutputItem = ResponseOutputMessage | ResponseFunctionToolCall


class OfflineModel(agents.Model):
    """Decides from its input alone: any replica, at any time, comes to the same calls and the same words."""

    async def get_response(self, *given: Any, **named: Any) -> agents.ModelResponse:
        """One turn; others of the process have theirs while a long message is read."""
        is_long = len(str(given or named)) > LONG
        return await asyncio.to_thread(_turn, *given, **named) if is_long else _turn(*given, **named)

    async def stream_response(self, *given: Any, **named: Any) -> AsyncIterator[TResponseStreamEvent]:
        """One turn, its text in deltas of a word each."""
        for event in events(await self.get_response(*given, **named), NAME):
            yield event


def _turn(
    system_instructions: str | None,
    input: str | list[agents.TResponseInputItem],
    model_settings: agents.ModelSettings,
    tools: list[agents.Tool],
    output_schema: agents.AgentOutputSchemaBase | None,
    handoffs: list[agents.Handoff[Any, agents.Agent[Any]]],
    tracing: agents.ModelTracing,
    **_: Any,
) -> agents.ModelResponse:
    """A turn from the arguments by which the SDK calls a model; what is stored elsewhere is none of its business."""
    return _respond(request_of(system_instructions, input, model_settings, tools, output_schema, handoffs), tracing)


def request_of(
    instructions: str | None,
    input: str | list[agents.TResponseInputItem],
    settings: agents.ModelSettings,
    tools: Sequence[agents.Tool],
    output_schema: agents.AgentOutputSchemaBase | None,
    handoffs: Sequence[agents.Handoff[Any, agents.Agent[Any]]],
) -> Request:
    """The SDK's arguments as plain values."""
    items: Sequence[Any] = [{"role": "user", "content": input}] if isinstance(input, str) else input
    own = [
        ToolSpec(t.name, t.description or "", t.params_json_schema) for t in tools if isinstance(t, agents.FunctionTool)
    ]
    passing = [ToolSpec(it.tool_name, it.tool_description, it.input_json_schema, handoff=True) for it in handoffs]
    specs = [] if settings.tool_choice == "none" else [*own, *passing]
    wants_json = output_schema is not None and not output_schema.is_plain_text()
    return Request(
        instructions or "",
        tuple(item if isinstance(item, Mapping) else item.model_dump() for item in items),
        tuple(specs),
        output_schema.json_schema() if output_schema is not None and wants_json else None,
    )


def output_items(decision: Decision, request: Request) -> list[OutputItem]:
    """The decision as output items. Ids are hashes of input and call, so a repeated turn has the same."""
    seed = _digest(json.dumps(request.items, sort_keys=True, default=str))
    if not decision.calls:
        text = ResponseOutputText(type="output_text", text=decision.text, annotations=[], logprobs=[])
        name = f"msg_{_digest(seed, decision.text)}"
        return [ResponseOutputMessage(id=name, type="message", role="assistant", status="completed", content=[text])]
    items: list[OutputItem] = []
    for call in decision.calls:
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        digest = _digest(seed, call.name, arguments)
        items.append(
            ResponseFunctionToolCall(
                id=f"fc_{digest}",
                call_id=f"call_{digest}",
                type="function_call",
                name=call.name,
                arguments=arguments,
                status="completed",
            )
        )
    return items


def usage_of(request: Request, items: Iterable[OutputItem]) -> agents.Usage:
    """Tokens, estimated from characters."""
    said = sum(len(json.dumps(item, ensure_ascii=False, default=str)) for item in request.items)
    known = sum(len(tool.name) + len(tool.description) + len(json.dumps(tool.schema)) for tool in request.tools)
    read = (len(request.instructions) + said + known) // CHARACTERS_PER_TOKEN + 1
    written = sum(len(item.model_dump_json(include={"content", "name", "arguments"})) for item in items)
    made = written // CHARACTERS_PER_TOKEN + 1
    return agents.Usage(requests=1, input_tokens=read, output_tokens=made, total_tokens=read + made)


def _respond(request: Request, tracing: agents.ModelTracing) -> agents.ModelResponse:
    with generation_span(model=NAME, disabled=tracing.is_disabled()) as span:
        decision = shaped(decide(request), request)
        items = output_items(decision, request)
        usage = usage_of(request, items)
        span.span_data.usage = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        if tracing.include_data():
            span.span_data.input = [dict(item) for item in request.items]
            span.span_data.output = [item.model_dump() for item in items]
    digest = _digest(*(item.id or "" for item in items))
    return agents.ModelResponse(output=cast(list[Any], items), usage=usage, response_id=f"resp_{digest}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]
