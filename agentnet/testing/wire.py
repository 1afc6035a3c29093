"""A turn on its way to the wire: what was decided, with what a server adds, before one of the two APIs writes it.

Every value may be replaced by one that no right server sends; `ABSENT` leaves its key out. The APIs write it as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from agentnet.testing.turns import Call, Decision

Api = Literal["chat", "responses"]
Event = dict[str, Any]
"""One JSON object of a stream: a chunk of Chat Completions, or an event of Responses."""

CHARACTERS_PER_TOKEN = 4
WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+$")
"""A word with the space around it: all of them, joined, are the text."""


class Absent:
    """Of a key that is not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


@dataclass
class WireCall:
    """A call of a tool; of a right one the arguments are JSON in a string."""

    id: Any
    name: Any
    arguments: Any


@dataclass
class WireTurn:
    """All that is said in a turn."""

    body: Mapping[str, Any]
    """The request that it answers."""
    text: Any = ""
    calls: list[WireCall] = field(default_factory=list[WireCall])
    reasoning: str = ""
    finish: Any = "stop"
    """In the words of Chat Completions."""
    usage: Any = None

    @property
    def streams(self) -> bool:
        """Whether it is asked for as a stream."""
        return bool(self.body.get("stream"))


def wired(decision: Decision, body: Mapping[str, Any]) -> WireTurn:
    """The turn of a right server; its usage has the names of Chat Completions."""
    calls = [
        WireCall(call_id(call, body), call.name, json.dumps(call.arguments, ensure_ascii=False))
        for call in decision.calls
    ]
    read = len(json.dumps(body.get("messages") or body.get("input") or [])) // CHARACTERS_PER_TOKEN + 1
    made = (len(decision.text) + sum(len(call.arguments) for call in calls)) // CHARACTERS_PER_TOKEN + 1
    usage = {"prompt_tokens": read, "completion_tokens": made, "total_tokens": read + made}
    return WireTurn(body, decision.text, calls, finish="tool_calls" if calls else "stop", usage=usage)


def call_id(call: Call, body: Mapping[str, Any]) -> str:
    """The id of a call: the same for the same request, and no other's."""
    said = body.get("messages") or body.get("input")
    seed = json.dumps([said, call.name, call.arguments], sort_keys=True, default=str)
    return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"


def pieces(text: Any) -> list[Any]:
    """A text word by word, as it is streamed; anything else in one piece."""
    return WORD.findall(text) if isinstance(text, str) else [text]


def present(value: Any) -> Any:
    """`value` without the keys whose value is absent."""
    if isinstance(value, dict):
        return {key: present(inner) for key, inner in value.items() if inner is not ABSENT}
    if isinstance(value, list):
        return [present(inner) for inner in value if inner is not ABSENT]
    return value
