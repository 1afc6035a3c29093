"""Protobuf and JSON of A2A messages."""

from a2a.types import Part, TaskState
from google.protobuf.message import Message


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
