"""The check of a model that LiteLLM reaches: one streamed call with a tool, over the client that its turns go through.

What it answers with, `Check` of endpoints that are spoken to directly tells in the same words. Its address, list and
context are LiteLLM's own matter.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from typing import Any

from agentnet.cli.network.model_advice import Say
from agentnet.errors import ConfigurationError
from agentnet.models.check.asking import Bounds
from agentnet.models.check.call import PROMPT, failed, judged
from agentnet.models.check.chat import DESCRIPTION, PARAMETERS, TOOL, Heard
from agentnet.models.check.check import TOKENS, Check
from agentnet.models.check.finding import Advice, Figures, Finding, told
from agentnet.models.check.servers import OTHER
from agentnet.models.endpoints.choice import check_litellm
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError

MODEL = "model"
CALL_TOKENS = 700
"""What the call costs, about."""
TEXT, REASONING, ARGUMENTS = "output_text.delta", "reasoning", "function_call_arguments.delta"
"""What the types of events hold that are pieces of an answer."""


class LiteLLMCheck:
    """Of one model; the figures are there when its findings are."""

    def __init__(self, endpoint: Endpoint, *, call: bool, advice: Advice, bounds: Bounds | None = None) -> None:
        self.figures = Figures(context_tokens=endpoint.context_tokens)
        self._endpoint = endpoint
        self._call = call
        self._advice = advice
        self._bounds = bounds or Bounds()

    def findings(self) -> AsyncIterator[Finding]:
        """What is found, in order."""
        return told(self._found(), self._endpoint.secrets)

    async def _found(self) -> AsyncIterator[Finding]:
        name = self._endpoint.through_litellm
        try:
            check_litellm(self._endpoint)
        except ConfigurationError as error:
            yield Finding(MODEL, False, error.message, error.hint or "")
            return
        if not self._call:
            yield Finding(MODEL, True, f"{name} through LiteLLM", "Only a call shows more: leave --no-call out.")
            return
        yield Finding(MODEL, True, f"{name} through LiteLLM")
        try:
            heard = await self._heard()
        except ModelError as error:
            yield failed(error, self._advice)
            return
        for finding in judged(heard, OTHER, self.figures):
            yield finding

    async def _heard(self) -> Heard:
        """One turn. Raises `ModelError`."""
        from agents import FunctionTool, ModelSettings, ModelTracing  # seconds of imports, as LiteLLM's own

        from agentnet.models.failures import failure_in
        from agentnet.models.through_litellm import ThroughLiteLLM

        tool = FunctionTool(TOOL, DESCRIPTION, PARAMETERS, _never_called, strict_json_schema=False)
        settings = ModelSettings(max_tokens=PROMPT.max_tokens, include_usage=True)
        model = ThroughLiteLLM(self._endpoint.through_litellm or "", self._endpoint)
        events = model.stream_response(
            PROMPT.system, PROMPT.user, settings, [tool], None, [], ModelTracing.DISABLED,
            previous_response_id=None, conversation_id=None, prompt=None,
        )  # fmt: skip
        heard, began = Heard(), time.monotonic()
        seconds = self._bounds.first_token_seconds + self._bounds.call_seconds
        try:
            async with asyncio.timeout(seconds):
                async for event in events:
                    _hear(heard, event, time.monotonic() - began)
        except TimeoutError:
            if heard.says_nothing:
                raise ModelError(Kind.SILENT, f"The model said nothing within {seconds:g} s.") from None
            heard.is_cut = True
        except Exception as error:  # whatever LiteLLM and its clients make of what a provider sent
            raise failure_in(error, has_begun=not heard.says_nothing) from error
        return heard


def check_of(
    endpoint: Endpoint, *, call: bool, advice: Advice, say: Say | None, own_ports: Collection[int]
) -> Check | LiteLLMCheck:
    """The check that fits `endpoint`."""
    if endpoint.through_litellm is not None:
        return LiteLLMCheck(endpoint, call=call, advice=advice)
    return Check(endpoint, call=call, advice=advice, say=say, own_ports=own_ports)


def tokens_of_check(endpoint: Endpoint) -> int:
    """What asking costs, about."""
    return TOKENS if endpoint.through_litellm is None else CALL_TOKENS


async def _never_called(_context: Any, _arguments: str) -> str:
    raise AssertionError("only the model's call is looked at")


def _hear(heard: Heard, event: Any, seconds: float) -> None:
    kind = str(event.type)
    if kind == "response.completed":
        _hear_end(heard, event.response)
    elif kind.endswith(".delta"):
        if kind.endswith(TEXT):
            heard.text += event.delta
        elif REASONING in kind:
            heard.reasoning += event.delta
        elif not kind.endswith(ARGUMENTS):
            return
        heard.pieces += 1
        heard.last_seconds = seconds
        if heard.first_seconds is None:
            heard.first_seconds = seconds


def _hear_end(heard: Heard, response: Any) -> None:
    heard.is_over = True
    calls = [item for item in response.output if item.type == "function_call"]
    heard.calls = {str(number): [call.name, call.arguments] for number, call in enumerate(calls)}
    if response.incomplete_details is not None:
        heard.finish = "incomplete"
    if response.usage is not None and response.usage.input_tokens:
        heard.usage = {
            "input_tokens": response.usage.input_tokens,
            "output_tokens": response.usage.output_tokens,
        }
