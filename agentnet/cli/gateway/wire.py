"""Protobuf and JSON of A2A messages."""

from typing import Any

from a2a.types import Part, TaskState
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from agentnet.tasks.values import whole_numbers


def as_dict(message: Message) -> dict[str, Any]:
    """A message as A2A's JSON."""
    return dict(whole_numbers(MessageToDict(message)))


def as_value(message: Message) -> Any:
    """A `google.protobuf.Value` as the JSON value that it is."""
    return whole_numbers(MessageToDict(message))


def kind_of(message: Message, oneof: str) -> str:
    """Which field of a `oneof` is set; empty if none is."""
    return message.WhichOneof(oneof) or ""


def content_of(part: Part) -> str:
    """`text`, `raw`, `url` or `data`."""
    return kind_of(part, "content")


def state_name(state: int) -> str:
    """A2A's own word for a state, such as `input-required`."""
    name: str = TaskState.Name(state)
    return name.removeprefix("TASK_STATE_").lower().replace("_", "-")
