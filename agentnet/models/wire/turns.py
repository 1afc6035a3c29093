"""The messages of a request, put otherwise for an endpoint that refuses them as they are."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from agentnet.models.wire.texts import flattened

Json = dict[str, Any]

NEEDED = frozenset({"type", "role", "content", "call_id", "arguments", "output", "tool_calls", "tool_call_id"})
MISTRAL_ID = 9
"""Characters of an id that Mistral's template takes: letters and digits only."""


def messages_of(body: Json) -> list[Json]:
    """Those of Chat Completions, or the items of the Responses API."""
    found = body.get("messages") if "messages" in body else body.get("input")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def without_member(body: Json, member: str) -> bool:
    """Leave a member out of all messages or items, unless they are nothing without it."""
    found = [
        message for message in messages_of(body) if member not in NEEDED and ("role" in message or member != "name")
    ]
    return sum(message.pop(member, None) is not None for message in found) > 0


def without_call_member(body: Json, member: str) -> bool:
    """Leave a member out of all calls in messages."""
    calls = [
        call for message in messages_of(body) for call in message.get("tool_calls") or () if isinstance(call, dict)
    ]
    return sum(call.pop(member, None) is not None for call in calls) > 0


def _role(old: str, new: str) -> Callable[[Json], bool]:
    def way(body: Json) -> bool:
        found = [message for message in messages_of(body) if message.get("role") == old]
        for message in found:
            message["role"] = new
        return bool(found)

    return way


def _system(body: Json) -> bool:
    """What the system says, before the first words of the user."""
    messages = messages_of(body)
    said = [message for message in messages if message.get("role") in ("system", "developer")]
    if not said or "messages" not in body:
        return False
    rest = [message for message in messages if message not in said]
    text = "\n\n".join(flattened(message.get("content"))[0] for message in said)
    first = next((message for message in rest if message.get("role") == "user"), None)
    if first is None:
        rest.insert(0, {"role": "user", "content": text})
    elif isinstance(first.get("content"), list):
        first["content"] = [{"type": "text", "text": text}, *first["content"]]
    else:
        first["content"] = f"{text}\n\n{first.get('content') or ''}"
    body["messages"] = rest
    return True


def _alternate(body: Json) -> bool:
    """Neighbours of one role as one message; calls and results are left as they are."""
    merged: list[Json] = []
    for message in messages_of(body):
        last = merged[-1] if merged else {}
        is_same = message.get("role") == last.get("role") and message.get("role") in ("user", "assistant", "system")
        if is_same and not (message.get("tool_calls") or last.get("tool_calls")):
            last["content"] = "\n\n".join(flattened(each.get("content"))[0] for each in (last, message))
        else:
            merged.append(message)
    if "messages" not in body or len(merged) == len(messages_of(body)):
        return False
    body["messages"] = merged
    return True


def _contents(change: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda body: sum(change(message) for message in messages_of(body)) > 0


def _no_null(message: Json) -> bool:
    if message.get("content") is not None or "role" not in message:
        return False
    message["content"] = ""
    return True


def _no_empty(message: Json) -> bool:
    if message.get("content") != "" or "role" not in message:
        return False
    if message.get("tool_calls"):
        message["content"] = None
    else:
        message["content"] = "(nothing)"
    return True


def _joined(message: Json) -> bool:
    content = message.get("content")
    if not isinstance(content, list) or any(
        isinstance(part, dict) and part.get("type") not in ("text", "input_text", "output_text") for part in content
    ):
        return False
    message["content"] = flattened(content)[0]
    return True


def _short_ids(body: Json) -> bool:
    """Ids of calls that are nine letters and digits, the same for the same id."""
    changed = False
    for message in messages_of(body):
        for holder, member in ((message, "tool_call_id"), *((call, "id") for call in message.get("tool_calls") or ())):
            given = holder.get(member) if isinstance(holder, dict) else None
            if isinstance(given, str) and not (len(given) == MISTRAL_ID and given.isalnum()):
                holder[member] = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:MISTRAL_ID]
                changed = True
    return changed


def _reasoning_items(body: Json) -> bool:
    items = body.get("input")
    if not isinstance(items, list):
        return False
    kept = [item for item in items if not (isinstance(item, dict) and item.get("type") == "reasoning")]
    changed = len(kept) < len(items)
    body["input"] = kept
    return changed


WAYS: Mapping[str, Callable[[Json], bool]] = {
    "name": lambda body: without_member(body, "name"),
    "developer": _role("developer", "system"),
    "system": _system,
    "alternate": _alternate,
    "null_content": _contents(_no_null),
    "empty_content": _contents(_no_empty),
    "content_parts": _contents(_joined),
    "short_ids": _short_ids,
    "reasoning_items": _reasoning_items,
}
"""By the names that `agentnet.models.wire.omissions` knows."""
