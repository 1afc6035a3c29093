"""What the strictest hosts refuse of a request, whatever their quirk: a client must not build on their leniency."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentnet.testing.wire import Api

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LONGEST_ID = 64
ROLES = {"system", "developer", "user", "assistant", "tool"}
PARTS = {
    "text",
    "input_text",
    "output_text",
    "image_url",
    "input_image",
    "input_audio",
    "input_file",
    "file",
    "refusal",
}


def refusal(api: Api, body: Mapping[str, Any]) -> str | None:
    """Why such a host refuses `body`; None when it does not."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "The request holds half of a character (a lone surrogate)."
    said = _chat(body["messages"]) if api == "chat" else _responses(body["input"])
    return next(said, None) or next(_tools(api, body.get("tools") or []), None)


def _chat(messages: list[Any]) -> Iterator[str]:
    if not messages:
        yield "Invalid 'messages': empty array."
    waiting: list[str] = []
    for number, message in enumerate(messages):
        at, role = f"messages[{number}]", message.get("role")
        if role not in ROLES:
            yield f"Invalid value {role!r} at '{at}.role'."
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                yield f"Invalid parameter: {at} with role 'tool' must be a response to a preceding 'tool_calls'."
            else:
                waiting.remove(message["tool_call_id"])
        elif waiting:
            yield f"An assistant message with 'tool_calls' must be followed by tool messages; missing: {waiting}."
        yield from _content(at, message.get("content"), needed=not message.get("tool_calls"))
        if message.get("tool_calls") is not None:
            if not message["tool_calls"]:
                yield f"Invalid '{at}.tool_calls': empty array."
            for call in message["tool_calls"]:
                yield from _call(at, call.get("id"), call.get("function") or {}, waiting)
    if waiting:
        yield f"An assistant message with 'tool_calls' must be followed by tool messages; missing: {waiting}."


def _responses(given: Any) -> Iterator[str]:
    items = [] if isinstance(given, str) else given
    waiting: list[str] = []
    for number, item in enumerate(items):
        at = f"input[{number}]"
        match item.get("type", "message"):
            case "message":
                if item.get("role") not in ROLES - {"tool"}:
                    yield f"Invalid value {item.get('role')!r} at '{at}.role'."
                yield from _content(at, item.get("content"), needed=True)
            case "function_call":
                yield from _call(at, item.get("call_id"), item, waiting)
            case "function_call_output":
                if item.get("call_id") not in waiting:
                    yield f"No tool call found for function call output with call_id {item.get('call_id')}."
                else:
                    waiting.remove(item["call_id"])
            case "reasoning" | "web_search_call":
                pass
            case other:
                yield f"Invalid value {other!r} at '{at}.type'."
    if waiting:
        yield f"No tool output found for function call {waiting[0]}."


def _call(at: str, call_id: Any, function: Mapping[str, Any], waiting: list[str]) -> Iterator[str]:
    if not isinstance(call_id, str) or not call_id:
        yield f"Invalid id of a tool call at '{at}': {call_id!r}."
        return
    if len(call_id) > LONGEST_ID:
        yield f"Invalid id of a tool call at '{at}': string too long, {LONGEST_ID} at most."
    if call_id in waiting:
        yield f"Duplicate id of a tool call at '{at}': {call_id}."
    waiting.append(call_id)
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"Invalid name of a function at '{at}': {name!r} does not match ^[a-zA-Z0-9_-]+$."
    if not isinstance(arguments, str) or not _is_object(arguments):
        yield f"Failed to parse the arguments of a tool call at '{at}' as JSON: {arguments!r}."


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def _content(at: str, content: Any, *, needed: bool) -> Iterator[str]:
    if content is None:
        if needed:
            yield f"Invalid value for '{at}.content': expected a string, got null."
    elif isinstance(content, list):
        for part in content:
            if not isinstance(part, Mapping) or part.get("type") not in PARTS:
                yield f"Invalid part at '{at}.content'."
    elif not isinstance(content, str):
        yield f"Invalid type for '{at}.content'."
    elif "\x00" in content:
        yield f"Invalid character in '{at}.content'."


def _tools(api: Api, tools: list[Any]) -> Iterator[str]:
    for number, tool in enumerate(tools):
        function = tool.get("function") or {} if api == "chat" else tool
        name, schema = function.get("name"), function.get("parameters")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            yield f"Invalid 'tools[{number}].name': {name!r} does not match ^[a-zA-Z0-9_-]+$."
        if schema is not None and schema.get("type") != "object":
            yield f"Invalid schema for function {name!r}: schema must be a JSON Schema of 'type: \"object\"'."
