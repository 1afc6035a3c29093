"""Streaming: a finished response as the events that the runner and its listeners expect."""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from agents import ModelResponse
from agents.items import TResponseStreamEvent
from openai.types import responses
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

MAX_PIECES = 500
"""Each piece is an event that all who follow a task are told of."""
_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+$")


def events(response: ModelResponse, model: str) -> Iterator[TResponseStreamEvent]:
    """The stream of `response`: created, each item with its deltas, completed with the usage."""
    final = _response(response, model)
    begun = final.model_copy(update={"output": [], "status": "in_progress", "usage": None})
    following = itertools.count(1).__next__
    yield responses.ResponseCreatedEvent(type="response.created", response=begun, sequence_number=0)
    for index, item in enumerate(response.output):
        blank: dict[str, Any] = (
            {"arguments": ""} if isinstance(item, responses.ResponseFunctionToolCall) else {"content": []}
        )
        added = item.model_copy(update={**blank, "status": "in_progress"})
        yield responses.ResponseOutputItemAddedEvent(
            type="response.output_item.added", item=added, output_index=index, sequence_number=following()
        )
        if isinstance(item, responses.ResponseFunctionToolCall):
            yield responses.ResponseFunctionCallArgumentsDeltaEvent(
                type="response.function_call_arguments.delta",
                item_id=item.id or item.call_id,
                output_index=index,
                delta=item.arguments,
                sequence_number=following(),
            )
        for place, part in enumerate(item.content if isinstance(item, responses.ResponseOutputMessage) else ()):
            if isinstance(part, responses.ResponseOutputText):
                at = {"item_id": item.id, "output_index": index, "content_index": place}
                yield from _text_events(part, at, following)
        yield responses.ResponseOutputItemDoneEvent(
            type="response.output_item.done", item=item, output_index=index, sequence_number=following()
        )
    yield responses.ResponseCompletedEvent(type="response.completed", response=final, sequence_number=following())


def pieces(text: str) -> list[str]:
    """`text` in pieces of a word each, of a long text in some hundred of several; joined they are `text`."""
    found = _WORD.findall(text)
    size = 1 + len(found) // MAX_PIECES
    return ["".join(found[at : at + size]) for at in range(0, len(found), size)]


def _text_events(
    part: responses.ResponseOutputText, at: dict[str, Any], following: Callable[[], int]
) -> Iterator[TResponseStreamEvent]:
    begun = part.model_copy(update={"text": ""})
    yield responses.ResponseContentPartAddedEvent(
        type="response.content_part.added", part=begun, sequence_number=following(), **at
    )
    for piece in pieces(part.text):
        yield responses.ResponseTextDeltaEvent(
            type="response.output_text.delta", delta=piece, logprobs=[], sequence_number=following(), **at
        )
    yield responses.ResponseTextDoneEvent(
        type="response.output_text.done", text=part.text, logprobs=[], sequence_number=following(), **at
    )
    yield responses.ResponseContentPartDoneEvent(
        type="response.content_part.done", part=part, sequence_number=following(), **at
    )


def _response(response: ModelResponse, model: str) -> responses.Response:
    usage = response.usage
    return responses.Response(
        id=response.response_id or "resp",
        created_at=time.time(),
        model=model,
        object="response",
        output=response.output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        status="completed",
        usage=responses.ResponseUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            total_tokens=usage.total_tokens,
            input_tokens_details=InputTokensDetails.model_construct(cached_tokens=0),
            output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        ),
    )
