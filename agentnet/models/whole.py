"""A turn in one piece, made of its stream: what is patient about the stream is so about this too."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from agents import ModelResponse, Usage
from openai.types.responses import Response, ResponseCompletedEvent

from agentnet.models.failures import broken


async def whole(events: AsyncGenerator[Any, None]) -> ModelResponse:
    """The answer at the end of `events`. Raises `ModelError` where there is none."""
    response: Response | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, ResponseCompletedEvent):
                response = event.response
    if response is None:
        raise broken()
    return ModelResponse(output=response.output, usage=_usage(response), response_id=response.id or None)


def _usage(response: Response) -> Usage:
    used = response.usage
    if used is None:
        return Usage(requests=1)
    return Usage(
        requests=1,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        total_tokens=used.total_tokens,
        input_tokens_details=used.input_tokens_details,
        output_tokens_details=used.output_tokens_details,
    )
