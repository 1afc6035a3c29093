"""A model of a small context, and as much of a task as its turns need."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from agents import FunctionTool, Model, ModelProvider
from agents.tool_context import ToolContext
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.prompts.tokens import of_item, of_text, of_tools
from agentnet.tasks.steps import step_of
from agentnet.tasks.values import struct_json

OVERFLOWS = {
    "openai": "This model's maximum context length is {limit} tokens. However, your messages resulted in "
    "{size} tokens.",
    "vllm": "This model's maximum context length is {limit} tokens. However, your request has {size} input tokens.",
    "llama.cpp": "request ({size} tokens) exceeds the available context size ({limit} tokens), try increasing it",
    "lm studio": "Trying to keep the first {size} tokens when context the overflows. However, the model is loaded with "
    "context length of only {limit} tokens, which is not enough.",
    "gemini": "The input token count ({size}) exceeds the maximum number of tokens allowed ({limit}).",
    "groq": "Please reduce the length of the messages or completion.",
    "openai responses": "Your input exceeds the context window of this model. Please adjust your input and try again.",
}


class Server(Model, ModelProvider):
    """A model of `limit` tokens that counts `ratio` tokens for one of ours, and refuses what is longer."""

    def __init__(self, limit: int, ratio: float = 1.0, words: str = OVERFLOWS["openai"], **known: Any) -> None:
        self.limit, self.ratio, self.words = limit, ratio, words
        self.endpoint = Endpoint.model_validate(
            {"name": "small", "model": "small", "base_url": "http://127.0.0.1:1/v1", **known}
        )
        self.asked: list[tuple[Any, ...]] = []
        self.refused = 0
        self.dies_at = 0

    def get_model(self, model_name: str | None) -> Model:
        return self

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        instructions, items, settings, tools = args[:4]
        size = int(self.ratio * (of_text(instructions or "") + of_tools(tools) + sum(map(of_item, items))))
        if size + (settings.max_tokens or 0) > self.limit:
            self.refused += 1
            raise ModelError(Kind.OVERFLOW, self.words.format(limit=self.limit, size=size))
        self.asked.append(args)
        if len(self.asked) == self.dies_at:
            raise ConnectionError("killed")
        yield completed(f"turn {len(self.asked)}", size)


def completed(text: str, size: int) -> ResponseCompletedEvent:
    part = ResponseOutputText(text=text, type="output_text", annotations=[])
    message = ResponseOutputMessage(id="m", role="assistant", status="completed", type="message", content=[part])
    usage = ResponseUsage(
        input_tokens=size,
        output_tokens=5,
        total_tokens=size + 5,
        input_tokens_details=InputTokensDetails.model_construct(cached_tokens=0),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
    )
    response = Response.construct(id="r", output=[message], usage=usage)
    return ResponseCompletedEvent(response=response, sequence_number=0, type="response.completed")


class Run:
    """As much of a task as a model's turn needs."""

    def __init__(self, journal: dict[str, bytes] | None = None) -> None:
        self.leased = SimpleNamespace(journal=journal if journal is not None else {}, chain=())
        self.lease = SimpleNamespace(task_id="t")
        self.named = SimpleNamespace(id="t", context_id="c")
        self.said: list[str] = []

    async def make_sure(self) -> None: ...

    async def emit(self, event: Any) -> None:

        step = step_of(struct_json(event.status_update.metadata))
        assert step is not None
        self.said.append(step.summary)

    def note(self, key: str, value: bytes, *, at_once: bool = False) -> None:
        self.leased.journal[key] = value


def tool(name: str, description: str = "does it") -> FunctionTool:
    async def invoke(_context: ToolContext[Any], _arguments: str) -> str:
        raise AssertionError("nobody calls it")

    schema = {"type": "object", "properties": {}}
    return FunctionTool(name, description, schema, invoke, strict_json_schema=False)
