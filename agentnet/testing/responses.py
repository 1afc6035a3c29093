"""The Responses wire format: requests read into plain values, turns written as answers."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from agentnet.testing.chat import text_of
from agentnet.testing.turns import Request, ToolSpec
from agentnet.testing.wire import Event, WireTurn, pieces, present

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""What Responses calls the ends that Chat Completions has a finish reason for."""


def request_of(body: Mapping[str, Any]) -> Request:
    """The body of a `/v1/responses` request."""
    given = body.get("input", [])
    messages: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
    items = [_item(item) for item in messages if isinstance(item, Mapping)]
    system = [str(body.get("instructions") or "")] + [
        text_of(item) for item in items if item.get("role") in {"system", "developer"}
    ]
    said = [item for item in items if item.get("role") not in {"system", "developer"}]
    form = (body.get("text") or {}).get("format") or {}
    tools = [] if body.get("tool_choice") == "none" else body.get("tools") or []
    functions = [tool for tool in tools if tool.get("type") == "function"]
    return Request("\n\n".join(filter(None, system)), tuple(said), tuple(map(_tool, functions)), form.get("schema"))


def response(turn: WireTurn, *, output: list[Event] | None = None, status: str | None = None) -> Event:
    """The whole answer; with `output` and `status` given, as far as it is."""
    reason = INCOMPLETE.get(turn.finish) if isinstance(turn.finish, str) else None
    ended = status or ("incomplete" if reason else "completed")
    whole: Event = {
        "id": "resp_local",
        "object": "response",
        "created_at": int(time.time()),
        "status": ended,
        "error": None,
        "incomplete_details": {"reason": reason} if reason and ended == "incomplete" else None,
        "instructions": turn.body.get("instructions"),
        "metadata": {},
        "model": turn.body.get("model", ""),
        "output": [item for _, item in _output(turn)] if output is None else output,
        "parallel_tool_calls": turn.body.get("parallel_tool_calls", True),
        "temperature": turn.body.get("temperature"),
        "tool_choice": turn.body.get("tool_choice", "auto"),
        "tools": turn.body.get("tools", []),
        "top_p": turn.body.get("top_p"),
        "usage": None if ended == "in_progress" else _usage(turn.usage),
    }
    answer: Event = present(whole)
    return answer


def events(turn: WireTurn) -> Iterator[Event]:
    """The answer as the events of a stream, numbered; a call's arguments come in two pieces."""
    for number, event in enumerate(_events(turn)):
        yield present({"type": event["type"], "sequence_number": number, **event})


def _events(turn: WireTurn) -> Iterator[Event]:
    begun = response(turn, output=[], status="in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, (kind, item) in enumerate(_output(turn)):
        at = {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
        match kind:
            case "reasoning":
                yield from _reasoning_events(at, turn.reasoning)
            case "message":
                yield from _text_events(at, turn.text)
            case _:
                yield from _argument_events(at, item["arguments"])
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    ended = response(turn)
    yield {"type": f"response.{ended['status']}", "response": ended}


def _reasoning_events(at: Event, text: str) -> Iterator[Event]:
    at = {**at, "content_index": 0}
    for piece in pieces(text):
        yield {"type": "response.reasoning_text.delta", **at, "delta": piece}
    yield {"type": "response.reasoning_text.done", **at, "text": text}


def _text_events(at: Event, text: Any) -> Iterator[Event]:
    at = {**at, "content_index": 0}
    yield {"type": "response.content_part.added", **at, "part": _text("")}
    for piece in pieces(text):
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": _text(text)}


def _argument_events(at: Event, arguments: Any) -> Iterator[Event]:
    if isinstance(arguments, str):
        half = len(arguments) // 2
        for piece in filter(None, (arguments[:half], arguments[half:])):
            yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    yield {"type": "response.function_call_arguments.done", **at, "arguments": arguments}


def _output(turn: WireTurn) -> list[tuple[str, Event]]:
    """The output items, each with its type."""
    made: list[Event] = []
    if turn.reasoning:
        content = [{"type": "reasoning_text", "text": turn.reasoning}]
        made.append({"id": "rs_local", "type": "reasoning", "summary": [], "content": content})
    if turn.text:
        said = {"type": "message", "role": "assistant", "content": [_text(turn.text)]}
        made.append({"id": "msg_local", "status": "completed", **said})
    for number, call in enumerate(turn.calls):
        called = {"call_id": call.id, "name": call.name, "arguments": call.arguments}
        made.append({"id": f"fc_local_{number}", "type": "function_call", "status": "completed", **called})
    return [(str(item["type"]), item) for item in made]


def _begun(item: Event) -> Event:
    """An item before anything of it was said."""
    nothing: Event = {"content": []} if "content" in item else {"arguments": ""}
    return {**item, **nothing, **({"status": "in_progress"} if "status" in item else {})}


def _text(text: Any) -> Event:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(usage: Any) -> Any:
    """Usage in the names of Responses; one that is no right one stays as it is."""
    if not isinstance(usage, Mapping) or "prompt_tokens" not in usage or "completion_tokens" not in usage:
        return usage
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.get("total_tokens"),
    }


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    if item.get("type") in {None, "message"}:
        return {"role": item.get("role"), "content": text_of(item)}
    if item.get("type") == "function_call_output" and not isinstance(item.get("output"), str):
        return {**item, "output": text_of({"content": item.get("output")})}
    return dict(item)


def _tool(tool: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(tool["name"], tool.get("description") or "", tool.get("parameters") or {})
