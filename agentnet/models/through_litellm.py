"""Models that LiteLLM reaches: Anthropic, Bedrock and others whose API is not OpenAI's. The extra `litellm` has it."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import openai
from agents import Model, ModelSettings

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_of

OWN_PRICES = "LITELLM_LOCAL_MODEL_COST_MAP"
"""Keeps LiteLLM from fetching its list of prices from the internet while it is imported."""
NO_CONNECTION = "Connection error"
ITS_WORDS = "Exception - "
"""What stands in LiteLLM's messages before the words of the provider."""


class ThroughLiteLLM(Model):
    """The model `name` of LiteLLM, such as `anthropic/claude-…`. Its errors are told as `ModelError`s."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        os.environ.setdefault(OWN_PRICES, "True")
        from agents.extensions.models.litellm_model import LitellmModel  # seconds of imports

        litellm: Any = import_module("litellm")
        litellm.suppress_debug_info = True  # it would print where people read what their agents say
        key = endpoint.api_key.get_secret_value() if endpoint.api_key else None
        self._inner = LitellmModel(name, base_url=endpoint.base_url or None, api_key=key)
        # A turn is tried again as a whole: tries of its own would multiply.
        self._once = {"num_retries": 0, "max_retries": 0, "timeout": endpoint.silence_seconds}

    async def get_response(
        self, system_instructions: Any, input: Any, model_settings: ModelSettings, *args: Any, **kwargs: Any
    ) -> Any:
        """A turn in one piece."""
        try:
            return await self._inner.get_response(
                system_instructions, input, self._bounded(model_settings), *args, **kwargs
            )
        except openai.OpenAIError as error:
            raise failure_told(error) from error

    async def stream_response(
        self, system_instructions: Any, input: Any, model_settings: ModelSettings, *args: Any, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """The events of a turn. Raises `ModelError`."""
        events = self._inner.stream_response(system_instructions, input, self._bounded(model_settings), *args, **kwargs)
        try:
            async for event in events:
                yield event
        except openai.OpenAIError as error:
            raise failure_told(error) from error

    def _bounded(self, settings: ModelSettings) -> ModelSettings:
        return replace(settings, extra_args={**self._once, **(settings.extra_args or {})})


def failure_told(error: openai.OpenAIError) -> ModelError:
    """What an error of LiteLLM means: its classes are those of the OpenAI client."""
    message = str(getattr(error, "message", None) or error)
    words = message.partition(ITS_WORDS)[2] or message.partition(": ")[2] or message
    if isinstance(error, openai.APITimeoutError):
        return ModelError(Kind.SILENT, f"The model's server does not answer: {words}")
    if isinstance(error, openai.APIStatusError) and not words.startswith(NO_CONNECTION):
        headers = dict(error.response.headers) if getattr(error, "response", None) is not None else {}
        return failure_of(error.status_code, headers, words.encode())
    return ModelError(Kind.AWAY, f"The model's server cannot be reached: {words}")
