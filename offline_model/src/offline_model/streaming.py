"""Streaming: a finished response as the events that the runner and its listeners expect."""

import itertools
import re
import time
from collections.abc import Callable, Iterator

from agents import ModelResponse
from agents.items import TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+$")


def events(response: ModelResponse, model: str) -> Iterator[TResponseStreamEvent]:
    """The stream of `response`: created, each item with its deltas, completed with the usage."""
    final = _response(response, model)
    begun = final.model_copy(update={"output": [], "status": "in_progress", "usage": None})
    following = itertools.count(1).__next__
    yield ResponseCreatedEvent(type="response.created", response=begun, sequence_number=0)
    for index, item in enumerate(response.output):
        if isinstance(item, ResponseFunctionToolCall):
            yield from _call_events(item, index, following)
        elif isinstance(item, ResponseOutputMessage):
            yield from _message_events(item, index, following)
    yield ResponseCompletedEvent(type="response.completed", response=final, sequence_number=following())


def pieces(text: str) -> list[str]:
    """`text` in pieces of a word each, with the space around; joined they are `text`."""
    return _WORD.findall(text)


def _call_events(
    item: ResponseFunctionToolCall, index: int, following: Callable[[], int]
) -> Iterator[TResponseStreamEvent]:
    begun = item.model_copy(update={"arguments": "", "status": "in_progress"})
    yield ResponseOutputItemAddedEvent(
        type="response.output_item.added", item=begun, output_index=index, sequence_number=following()
    )
    yield ResponseFunctionCallArgumentsDeltaEvent(
        type="response.function_call_arguments.delta",
        item_id=item.id or item.call_id,
        output_index=index,
        delta=item.arguments,
        sequence_number=following(),
    )
    yield ResponseOutputItemDoneEvent(
        type="response.output_item.done", item=item, output_index=index, sequence_number=following()
    )


def _message_events(
    item: ResponseOutputMessage, index: int, following: Callable[[], int]
) -> Iterator[TResponseStreamEvent]:
    begun = item.model_copy(update={"content": [], "status": "in_progress"})
    yield ResponseOutputItemAddedEvent(
        type="response.output_item.added", item=begun, output_index=index, sequence_number=following()
    )
    for place, part in enumerate(item.content):
        if isinstance(part, ResponseOutputText):
            yield from _text_events(item.id, part, index, place, following)
    yield ResponseOutputItemDoneEvent(
        type="response.output_item.done", item=item, output_index=index, sequence_number=following()
    )


def _text_events(
    name: str, part: ResponseOutputText, index: int, place: int, following: Callable[[], int]
) -> Iterator[TResponseStreamEvent]:
    yield ResponseContentPartAddedEvent(
        type="response.content_part.added",
        item_id=name,
        output_index=index,
        content_index=place,
        part=part.model_copy(update={"text": ""}),
        sequence_number=following(),
    )
    for piece in pieces(part.text):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            item_id=name,
            output_index=index,
            content_index=place,
            delta=piece,
            logprobs=[],
            sequence_number=following(),
        )
    yield ResponseTextDoneEvent(
        type="response.output_text.done",
        item_id=name,
        output_index=index,
        content_index=place,
        text=part.text,
        logprobs=[],
        sequence_number=following(),
    )
    yield ResponseContentPartDoneEvent(
        type="response.content_part.done",
        item_id=name,
        output_index=index,
        content_index=place,
        part=part,
        sequence_number=following(),
    )


def _response(response: ModelResponse, model: str) -> Response:
    usage = response.usage
    return Response(
        id=response.response_id or "resp",
        created_at=time.time(),
        model=model,
        object="response",
        output=response.output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        status="completed",
        usage=ResponseUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            total_tokens=usage.total_tokens,
            input_tokens_details=InputTokensDetails.model_construct(cached_tokens=0),
            output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        ),
    )
