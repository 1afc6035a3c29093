"""A model whose tries are written down: events, pauses in seconds, and what goes wrong."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import anyio
from agents import Model, ModelSettings, ModelTracing
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agentnet.models.endpoints.notice import Notice
from agentnet.models.patient import PatientModel
from tests.unit.models.virtual_time import now

Why = Literal["max_output_tokens", "content_filter"]


class Scripted(Model):
    """Does one try after the other. `began` is when each did, `closed` how many were closed."""

    def __init__(self, *tries: Sequence[Any]) -> None:
        self._tries = list(tries)
        self.began: list[float] = []
        self.closed = 0

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("A patient model streams.")

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.began.append(now())
        try:
            for step in self._tries.pop(0) if len(self._tries) > 1 else self._tries[0]:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await anyio.sleep(step)
                else:
                    yield step
        finally:
            self.closed += 1


def begins() -> ResponseCreatedEvent:
    return ResponseCreatedEvent(response=_response([], None), sequence_number=0, type="response.created")


def word(text: str) -> ResponseTextDeltaEvent:
    return ResponseTextDeltaEvent(
        content_index=0,
        delta=text,
        item_id="i",
        logprobs=[],
        output_index=0,
        sequence_number=0,
        type="response.output_text.delta",
    )


def called_delta() -> ResponseFunctionCallArgumentsDeltaEvent:
    return ResponseFunctionCallArgumentsDeltaEvent(
        delta="{", item_id="i", output_index=0, sequence_number=0, type="response.function_call_arguments.delta"
    )


def said(text: str, why: Why | None = None, tokens: int = 10) -> ResponseCompletedEvent:
    part = ResponseOutputText(annotations=[], text=text, type="output_text")
    return _ends([_message([part])], why, tokens)


def declined(words: str) -> ResponseCompletedEvent:
    return _ends([_message([ResponseOutputRefusal(refusal=words, type="refusal")])], None)


def called(arguments: str = "{}", why: Why | None = None) -> ResponseCompletedEvent:
    return _ends([ResponseFunctionToolCall(arguments=arguments, call_id="c", name="t", type="function_call")], why)


def nothing(why: Why | None = None) -> ResponseCompletedEvent:
    return _ends([], why)


def answers(text: str) -> list[Any]:
    """A try that ends well."""
    return [begins(), word(text), said(text)]


async def told(model: PatientModel, settings: ModelSettings | None = None, form: object = None) -> list[Any]:
    """What a turn tells: words, `|` where it begins, notices in brackets, and the final answer behind `=`."""
    told: list[Any] = []
    turn = model.stream_response(
        None, "hello", settings or ModelSettings(), [], form, [], ModelTracing.DISABLED, previous_response_id=None
    )
    async for event in turn:
        match event:
            case Notice():
                told.append(f"[{event.text}]")
            case ResponseCreatedEvent():
                told.append("|")
            case ResponseTextDeltaEvent():
                told.append(event.delta)
            case ResponseCompletedEvent():
                told.append("=" + text_of(event.response))
            case _:
                told.append(event)
    return told


def text_of(response: Response) -> str:
    parts = [part for item in response.output if isinstance(item, ResponseOutputMessage) for part in item.content]
    return "".join(part.text for part in parts if isinstance(part, ResponseOutputText))


def _message(parts: list[Any]) -> ResponseOutputMessage:
    return ResponseOutputMessage(id="i", content=parts, role="assistant", status="completed", type="message")


def _ends(output: list[Any], why: Why | None, tokens: int = 10) -> ResponseCompletedEvent:
    usage = ResponseUsage(
        input_tokens=tokens,
        input_tokens_details=InputTokensDetails.model_construct(cached_tokens=0),
        output_tokens=0,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        total_tokens=tokens,
    )
    response = _response(output, why)
    response.usage = usage
    return ResponseCompletedEvent(response=response, sequence_number=0, type="response.completed")


def _response(output: list[Any], why: Why | None) -> Response:
    return Response(
        id="r",
        created_at=0,
        model="m",
        object="response",
        output=output,
        parallel_tool_calls=False,
        tool_choice="auto",
        tools=[],
        incomplete_details=IncompleteDetails(reason=why) if why else None,
    )
