"""The SDK's Chat Completions model, which tells why an answer ended: the SDK itself drops it where there are words."""

from collections.abc import AsyncIterator
from typing import Any, Literal

from agents import OpenAIChatCompletionsModel
from openai.types.responses import Response
from openai.types.responses.response import IncompleteDetails

from agentnet.models.endpoints.failure import Kind, ModelError

Incomplete = Literal["max_output_tokens", "content_filter"]

CUT: dict[str, Incomplete] = {
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens",
    "model_length": "max_output_tokens",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "sensitive": "content_filter",
}
"""Reasons of those that say it in their own words, in the Responses API's words."""
FAILED = frozenset({"error", "network_error", "insufficient_system_resource", "abort", "malformed_response"})
"""Reasons that are none: the server gave up."""


class ChatModel(OpenAIChatCompletionsModel):
    """Marks the response of an answer that did not end by itself as incomplete, as the Responses API does."""

    async def _fetch_response(self, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_response(*args, **kwargs)
        if not isinstance(fetched, tuple):
            return fetched
        response, stream = fetched
        return response, _Ending(stream, response)


class _Ending:
    """A stream of chunks that notes in `response` why it ended."""

    def __init__(self, stream: Any, response: Response) -> None:
        self._stream = stream
        self._response = response
        self.response = getattr(stream, "response", None)
        """The HTTP response, of which the SDK reads a header."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self._stream:
            for choice in chunk.choices or ():
                if choice.finish_reason is not None:
                    self._note(str(choice.finish_reason).lower())
            yield chunk

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    def _note(self, reason: str) -> None:
        if reason in FAILED:
            raise ModelError(Kind.SERVER, f"The model's server gave up amid its answer: it says “{reason}”.")
        if (cut := CUT.get(reason)) is not None:
            self._response.incomplete_details = IncompleteDetails(reason=cut)
