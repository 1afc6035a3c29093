"""The SDK's Chat Completions model, which tells why an answer ended: the SDK itself drops it where there are words.

And OpenAI's client for it, which sends the conversation as it is.
"""

from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any, Literal

from agents import OpenAIChatCompletionsModel
from openai import AsyncOpenAI, Omit, omit
from openai.resources.chat import AsyncChat, AsyncCompletions
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
LARGE = ("messages", "tools")
"""Of a request: plain JSON already, as the SDK makes it."""
FAILED = frozenset({"error", "network_error", "insufficient_system_resource", "abort", "malformed_response"})
"""Reasons that are none: the server gave up."""


class ChatClient(AsyncOpenAI):
    """Spares the conversation and the tools the search for what has another name on the wire: there is nothing, and to
    hold each member against all types that it may have is an eighth of the CPU of a run."""

    @cached_property
    def chat(self) -> AsyncChat:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Chat Completions."""
        return _Chat(self)


class _Chat(AsyncChat):
    @cached_property
    def completions(self) -> AsyncCompletions:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _Completions(self._client)


class _Completions(AsyncCompletions):
    async def create(self, **given: Any) -> Any:
        """As the client's own; what is large goes past its types."""
        large = {name: given[name] for name in LARGE if not isinstance(given.get(name, omit), Omit)}
        left: dict[str, Any] = {"messages": [], "extra_body": large | (given.get("extra_body") or {})}
        asked: dict[str, Any] = given | dict.fromkeys(large, omit) | left
        return await super().create(**asked)


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
