"""One turn of Chat Completions or of Responses: what is sent, and what is heard of the events that come back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentnet.models.check.finding import ToolCall
from agentnet.models.check.servers import MOST_TOKENS

TOOL = "get_weather"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city."}},
    "required": ["city"],
}
DESCRIPTION = "Tells the weather in a city now."
WRITTEN_CALLS = ("<tool_call", "<function", "[TOOL_CALLS]", "<|python_tag|>", "<|tool_call", "functools[")
"""How models write a call that their server does not read."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked."""

    system: str
    user: str
    with_tool: bool = False
    max_tokens: int = 16


@dataclass
class Heard:
    """What came back of one turn."""

    text: str = ""
    reasoning: str = ""
    calls: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By index: the name and the arguments, as far as they came."""
    usage: Mapping[str, Any] | None = None
    finish: str | None = None
    is_over: bool = False
    pieces: int = 0
    """Events that brought something said."""
    is_whole: bool = False
    """Whether it came in one piece though a stream was asked for."""
    first_seconds: float | None = None
    """From the question to the first thing said."""
    last_seconds: float | None = None
    is_cut: bool = False
    """Whether we stopped to listen: it spoke longer than a check may take."""
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    """What the server refused to be sent, with its words."""

    @property
    def says_nothing(self) -> bool:
        """Whether nothing was said and nothing called."""
        return not (self.text.strip() or self.reasoning.strip() or self.calls)

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the prompt, by the server's count."""
        return self._counted("prompt_tokens", "input_tokens")

    @property
    def tokens_per_second(self) -> float | None:
        """How fast it speaks, once it does; None for less than two tokens."""
        written = self._counted("completion_tokens", "output_tokens") or self.pieces
        if self.first_seconds is None or self.last_seconds is None or written < 2:
            return None
        speaking = self.last_seconds - self.first_seconds
        if self.pieces < 3 or speaking <= 0:  # all at once: only the whole turn tells something
            return written / self.last_seconds if self.last_seconds > 0 else None
        return (written - 1) / speaking

    @property
    def tool_call(self) -> ToolCall:
        """What became of the call that was asked for."""
        if "tools" in self.left_out:
            return ToolCall.REFUSED
        if self.calls:
            return ToolCall.CALLED if any(_is_good(*call) for call in self.calls.values()) else ToolCall.BROKEN
        is_written = any(mark in self.text for mark in WRITTEN_CALLS) or (TOOL in self.text and "{" in self.text)
        return ToolCall.TEXT if is_written else ToolCall.NOT_CALLED

    def _counted(self, *names: str) -> int | None:
        found = (self.usage.get(name) for name in names) if self.usage else iter(())
        return next((value for value in found if isinstance(value, int) and 0 < value < MOST_TOKENS), None)


class Chat:
    """Chat Completions."""

    path = "chat/completions"
    limit = "max_tokens"

    def body(self, model: str, prompt: Prompt) -> dict[str, Any]:
        """The request."""
        messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        sent: dict[str, Any] = {"model": model, "messages": messages, "stream": True}
        sent |= {"stream_options": {"include_usage": True}, self.limit: prompt.max_tokens}
        if prompt.with_tool:
            function = {"name": TOOL, "description": DESCRIPTION, "parameters": PARAMETERS}
            sent["tools"] = [{"type": "function", "function": function}]
        return sent

    def hear(self, heard: Heard, event: Mapping[str, Any]) -> bool:
        """Take in one event of the stream, or the whole answer; whether it brought something said."""
        if isinstance(event.get("usage"), Mapping):
            heard.usage = event["usage"]
        said = False
        for choice in _mappings(event.get("choices")):
            heard.finish = choice.get("finish_reason") or heard.finish
            heard.is_over |= bool(choice.get("finish_reason"))
            piece = choice.get("delta") or choice.get("message")
            said |= isinstance(piece, Mapping) and _hear_piece(heard, piece)
        return said

    def is_answer(self, event: Mapping[str, Any]) -> bool:
        """Whether it is of this API at all."""
        return "choices" in event


class Responses:
    """The Responses API."""

    path = "responses"
    limit = "max_output_tokens"

    def body(self, model: str, prompt: Prompt) -> dict[str, Any]:
        """The request."""
        sent: dict[str, Any] = {"model": model, "instructions": prompt.system, "input": prompt.user, "stream": True}
        sent |= {self.limit: max(prompt.max_tokens, 16), "store": False}
        if prompt.with_tool:
            sent["tools"] = [
                {
                    "type": "function",
                    "name": TOOL,
                    "description": DESCRIPTION,
                    "parameters": PARAMETERS,
                    "strict": False,
                }
            ]
        return sent

    def hear(self, heard: Heard, event: Mapping[str, Any]) -> bool:
        """Take in one event of the stream, or the whole answer; whether it brought something said."""
        kind = str(event.get("type", ""))
        delta = event.get("delta")
        text = delta if isinstance(delta, str) else ""
        if kind == "response.output_text.delta":
            heard.text += text
        elif kind.startswith("response.reasoning") and kind.endswith(".delta"):
            heard.reasoning += text
        elif kind == "response.function_call_arguments.delta":
            heard.calls.setdefault(str(event.get("output_index", 0)), ["", ""])
        elif kind in ("response.completed", "response.incomplete") or "output" in event:
            return self._hear_whole(heard, event.get("response") or event)
        else:
            return False
        return bool(text)

    def is_answer(self, event: Mapping[str, Any]) -> bool:
        """Whether it is of this API at all."""
        return "output" in event or str(event.get("type", "")).startswith("response.")

    def _hear_whole(self, heard: Heard, response: Mapping[str, Any]) -> bool:
        heard.is_over = True
        heard.finish = str(response.get("status", "completed"))
        if isinstance(response.get("usage"), Mapping):
            heard.usage = response["usage"]
        before = heard.says_nothing
        for index, item in enumerate(_mappings(response.get("output"))):
            if item.get("type") == "function_call":
                heard.calls[str(index)] = [str(item.get("name") or ""), str(item.get("arguments") or "")]
            elif item.get("type") == "message" and not heard.text:
                heard.text = "".join(str(part.get("text") or "") for part in _mappings(item.get("content")))
        return before and not heard.says_nothing


def _hear_piece(heard: Heard, piece: Mapping[str, Any]) -> bool:
    content = piece.get("content")
    text = content if isinstance(content, str) else "".join(str(part.get("text") or "") for part in _mappings(content))
    reasoning = next((str(found) for key in ("reasoning_content", "reasoning") if (found := piece.get(key))), "")
    heard.text += text
    heard.reasoning += reasoning
    calls = [call for call in _mappings(piece.get("tool_calls")) if isinstance(call.get("function"), Mapping)]
    for call in calls:
        name, arguments = call["function"].get("name"), call["function"].get("arguments")
        known = heard.calls.setdefault(str(call.get("index", 0)), ["", ""])
        known[0] = known[0] or str(name or "")
        known[1] += arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""
    return bool(text or reasoning or calls)


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _is_good(name: str, arguments: str) -> bool:
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return False
    return name == TOOL and isinstance(value, dict)
