"""The Chat Completions wire format: requests read into plain values, turns written as answers."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentnet.testing.turns import Request, ToolSpec
from agentnet.testing.wire import Event, WireTurn, pieces, present


def request_of(body: Mapping[str, Any]) -> Request:
    """The body of a `/v1/chat/completions` request."""
    messages = [message for message in body.get("messages", []) if isinstance(message, Mapping)]
    system = [text_of(message) for message in messages if message.get("role") in {"system", "developer"}]
    items = [item for message in messages for item in _items(message)]
    schema = (body.get("response_format") or {}).get("json_schema") or {}
    tools = [] if body.get("tool_choice") == "none" else body.get("tools") or []
    return Request("\n\n".join(system), tuple(items), tuple(map(_tool, tools)), schema.get("schema"))


def completion(turn: WireTurn) -> Event:
    """The whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.reasoning:
        message["reasoning_content"] = turn.reasoning
    if turn.calls:
        message["tool_calls"] = [_call(turn, index) for index in range(len(turn.calls))]
    choice = {"index": 0, "message": message, "finish_reason": turn.finish, "logprobs": None}
    answer: Event = present({**_head(turn, "chat.completion"), "choices": [choice], "usage": turn.usage})
    return answer


def chunks(turn: WireTurn) -> Iterator[Event]:
    """The answer as the chunks of a stream; a call's arguments come in two pieces, as real servers split them."""
    yield _chunk(turn, {"role": "assistant", "content": ""})
    for piece in pieces(turn.reasoning):
        yield _chunk(turn, {"reasoning_content": piece})
    for piece in pieces(turn.text):
        yield _chunk(turn, {"content": piece})
    for index, call in enumerate(turn.calls):
        first = {**_call(turn, index), "index": index}
        if isinstance(call.arguments, str) and call.arguments:
            half = len(call.arguments) // 2
            first["function"] = {"name": call.name, "arguments": call.arguments[:half]}
            yield _chunk(turn, {"tool_calls": [first]})
            yield _chunk(turn, {"tool_calls": [{"index": index, "function": {"arguments": call.arguments[half:]}}]})
        else:
            yield _chunk(turn, {"tool_calls": [first]})
    yield _chunk(turn, {}, finish=turn.finish)
    if (turn.body.get("stream_options") or {}).get("include_usage"):
        yield present({**_head(turn, "chat.completion.chunk"), "choices": [], "usage": turn.usage})


def text_of(message: Mapping[str, Any]) -> str:
    """The words of a message, in either form of its content."""
    content = message.get("content")
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return str(content or "")


def _items(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    role = message.get("role")
    if role == "tool":
        yield {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": text_of(message)}
    elif role in {"user", "assistant"}:
        if message.get("content"):
            yield {"role": role, "content": text_of(message)}
        for call in message.get("tool_calls") or []:
            yield {"type": "function_call", "call_id": call["id"], **call["function"]}


def _tool(tool: Mapping[str, Any]) -> ToolSpec:
    function = tool["function"]
    return ToolSpec(function["name"], function.get("description") or "", function.get("parameters") or {})


def _call(turn: WireTurn, index: int) -> dict[str, Any]:
    call = turn.calls[index]
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _head(turn: WireTurn, kind: str) -> Event:
    return {"id": "chatcmpl-local", "object": kind, "created": int(time.time()), "model": turn.body.get("model", "")}


def _chunk(turn: WireTurn, delta: Mapping[str, Any], finish: Any = None) -> Event:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish, "logprobs": None}
    chunk: Event = present({**_head(turn, "chat.completion.chunk"), "choices": [choice]})
    return chunk
