"""Messages to send, and what is read from answers."""

from collections.abc import AsyncIterable
from typing import Any
from uuid import uuid4

from tests.conformance.a2a.wire import Door, Json

TERMINAL = {"TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED"}
AT_ONCE = {"returnImmediately": True}


def message(text: str, **more: Any) -> Json:
    """A user's message of one text part."""
    return {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}], **more}


def state(task: Json) -> str:
    """A task's state, without its prefix."""
    return str(task["status"]["state"]).removeprefix("TASK_STATE_")


async def sent(door: Door, text: str, configuration: Json | None = None, **more: Any) -> Json:
    """The task after `text` was sent."""
    answer = await door.send(message(text, **more), configuration)
    return dict(answer["task"])


async def begun(door: Door, text: str, **more: Any) -> Json:
    """A task that runs still."""
    return await sent(door, text, AT_ONCE, **more)


async def collected(events: AsyncIterable[Json]) -> list[Json]:
    """All events of a stream that ends."""
    return [event async for event in events]


def kinds(events: list[Json]) -> list[str]:
    """What each event is."""
    return [next(iter(event)) for event in events]


def text_of(events: list[Json], artifact: str = "n") -> str:
    """The text of an artifact as a stream tells it, from a snapshot on."""
    text = ""
    for event in events:
        artifacts = event.get("task", {}).get("artifacts", [])
        update = event.get("artifactUpdate")
        for item in [*artifacts, *([update["artifact"]] if update else [])]:
            if item["artifactId"] == artifact:
                text += "".join(part.get("text", "") for part in item["parts"])
    return text


def numbers(count: int) -> str:
    """What `count N` says."""
    return "".join(f"{number} " for number in range(count))
