"""The Chat Completions wire format: requests read into plain values, decisions written as answers."""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentnet.testing.turns import Call, Decision, Request, ToolSpec

CHARACTERS_PER_TOKEN = 4
_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+$")
"""A word with the space around it: all of them, joined, are the text."""


def request_of(body: Mapping[str, Any]) -> Request:
    """The body of a `/v1/chat/completions` request."""
    messages = [message for message in body.get("messages", []) if isinstance(message, Mapping)]
    system = [_text(message) for message in messages if message.get("role") in {"system", "developer"}]
    items = [item for message in messages for item in _items(message)]
    schema = (body.get("response_format") or {}).get("json_schema") or {}
    tools = [] if body.get("tool_choice") == "none" else body.get("tools") or []
    return Request("\n\n".join(system), tuple(items), tuple(map(_tool, tools)), schema.get("schema"))


def completion(decision: Decision, body: Mapping[str, Any]) -> dict[str, Any]:
    """The whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": decision.text or None}
    if decision.calls:
        message["tool_calls"] = _tool_calls(decision, body)
    choice = {"index": 0, "message": message, "finish_reason": _finish(decision), "logprobs": None}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": usage(decision, body)}


def chunks(decision: Decision, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The answer as the chunks of a stream; a call's arguments come in two pieces, as real servers split them."""
    yield _chunk(body, {"role": "assistant", "content": ""})
    for piece in _WORD.findall(decision.text):
        yield _chunk(body, {"content": piece})
    for index, call in enumerate(_tool_calls(decision, body)):
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        first = {**call, "function": {**call["function"], "arguments": arguments[:half]}, "index": index}
        yield _chunk(body, {"tool_calls": [first]})
        yield _chunk(body, {"tool_calls": [{"index": index, "function": {"arguments": arguments[half:]}}]})
    yield _chunk(body, {}, finish=_finish(decision))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**_head(body, "chat.completion.chunk"), "choices": [], "usage": usage(decision, body)}


def usage(decision: Decision, body: Mapping[str, Any]) -> dict[str, int]:
    """Tokens, estimated from characters."""
    read = len(json.dumps(body.get("messages", []))) // CHARACTERS_PER_TOKEN + 1
    written = len(decision.text) + sum(len(json.dumps(call.arguments)) for call in decision.calls)
    made = written // CHARACTERS_PER_TOKEN + 1
    return {"prompt_tokens": read, "completion_tokens": made, "total_tokens": read + made}


def _items(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    role = message.get("role")
    if role == "tool":
        yield {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": _text(message)}
    elif role in {"user", "assistant"}:
        if message.get("content"):
            yield {"role": role, "content": _text(message)}
        for call in message.get("tool_calls") or []:
            yield {"type": "function_call", "call_id": call["id"], **call["function"]}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return str(content or "")


def _tool(tool: Mapping[str, Any]) -> ToolSpec:
    function = tool["function"]
    return ToolSpec(function["name"], function.get("description") or "", function.get("parameters") or {})


def _tool_calls(decision: Decision, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": _call_id(call, body),
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
        }
        for call in decision.calls
    ]


def _call_id(call: Call, body: Mapping[str, Any]) -> str:
    seed = json.dumps([body.get("messages"), call.name, call.arguments], sort_keys=True, default=str)
    return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"


def _finish(decision: Decision) -> str:
    return "tool_calls" if decision.calls else "stop"


def _head(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-local", "object": kind, "created": int(time.time()), "model": body.get("model", "")}


def _chunk(body: Mapping[str, Any], delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**_head(body, "chat.completion.chunk"), "choices": [choice]}
