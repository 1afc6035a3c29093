"""What the model reads: the messages of a task, and what was said before in its context, as input of the Agents SDK."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

from a2a.types.a2a_pb2 import Message, Part, Role, Task

from agentnet.errors import NotFoundError
from agentnet.files.store import URI_PATTERN, FileStore
from agentnet.runs.attachments import Seen
from agentnet.runs.question import answered_message_ids, text_of
from agentnet.tasks.parts import joined
from agentnet.tasks.projection import Projection
from agentnet.tasks.records import LeasedTask
from agentnet.tasks.run import TaskRun
from agentnet.tasks.store import TaskStore

EARLIER_TASKS = 5
PROSE = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
"""Media types of attached files that a model reads at once, with no tool."""
PROSE_CHARACTERS = 20_000
MAX_CHARACTER_BYTES = 4
EARLIER_CHARACTERS = 4000
EARLIER_FILES = 16
"""Of one side of an earlier turn."""
NOTHING = Seen()
EARLIER = "earlier"
"""Journal key of what was said before: the same in every replay."""


def requests_of(run: TaskRun) -> list[Message]:
    """The user's messages that are requests and not answers to questions, oldest first."""
    answers = answered_message_ids(run)
    return [
        message
        for message in run.leased.projection.history
        if message.role == Role.ROLE_USER and message.message_id not in answers
    ]


async def as_input(message: Message, files: FileStore, leased: LeasedTask, seen: Seen = NOTHING) -> dict[str, Any]:
    """A message as an input item: its texts and data, its files by name and URI, what its text files say, and those
    that the model takes as they are."""
    attached = [
        await _stored(part, part.raw, number, files, leased)
        for number, part in enumerate(message.parts)
        if part.HasField("raw")
    ]
    linked = [_link(part) for part in message.parts if part.url]
    text = text_of(message)
    if attached or linked:
        text += "\n\nAttached files:\n" + "\n".join([*attached, *linked])
        text += "".join([f"\n\nText of {name}:\n{said}" async for name, said in _texts(message, files, leased)])
    text += "".join(f"\n\n[{said}]" for said in seen.unread)
    if seen.parts:
        return {"role": "user", "content": [{"type": "input_text", "text": text}, *seen.parts]}
    return {"role": "user", "content": text}


async def _texts(message: Message, files: FileStore, leased: LeasedTask) -> AsyncIterator[tuple[str, str]]:
    """Names and texts of the attached prose, up to `PROSE_CHARACTERS` in all; tables are left to tools."""
    left = PROSE_CHARACTERS
    for number, part in enumerate(message.parts):
        body = await _prose(part, files, leased) if left > 0 else b""
        # Cut before it is decoded: a file may have megabytes of which the model gets 20,000 characters.
        said = body[: left * MAX_CHARACTER_BYTES].decode("utf-8", "replace")[:left].strip()
        if said:
            left -= len(said)
            yield part.filename or f"file-{number + 1}", said


async def _prose(part: Part, files: FileStore, leased: LeasedTask) -> bytes:
    if part.media_type.partition(";")[0] not in PROSE:
        return b""
    if part.raw or not URI_PATTERN.fullmatch(part.url):
        return part.raw
    with suppress(NotFoundError):
        return (await files.get(leased.tenant, part.url))[1]
    return b""


async def _stored(part: Part, body: bytes, number: int, files: FileStore, leased: LeasedTask) -> str:
    media_type = part.media_type or ("text/plain" if part.text else "application/octet-stream")
    name = part.filename or f"file-{number + 1}"
    ref = await files.put(leased.tenant, name, media_type, body, leased.lease.task_id)
    return f"- {ref.name} ({ref.media_type}, {ref.size} bytes): {ref.uri}"


async def earlier_in_context(run: TaskRun, store: TaskStore, files: FileStore) -> list[dict[str, Any]]:
    """What was asked and answered in earlier tasks of the same context, as input items, oldest first."""
    stored = run.leased.journal.get(EARLIER)
    if stored is not None:
        items: list[dict[str, Any]] = json.loads(stored)
        return items
    leased = run.leased
    if leased.opens_context:
        return []
    items = []
    for task_id in reversed(await store.earlier_in_context(leased, EARLIER_TASKS)):
        found = await store.read(task_id, leased.tenant, leased.agent, None)
        if found is not None:
            items.extend(await _exchange(found[0], files, leased))
    if items:  # other tasks of the context may end meanwhile: a replay must read the same
        run.note(EARLIER, json.dumps(items).encode())
    return items


async def _exchange(task: Task, files: FileStore, leased: LeasedTask) -> list[dict[str, Any]]:
    """What was asked and answered, with the files on both sides: a later turn may be about them."""
    asked = [message for message in task.history if message.role == Role.ROLE_USER]
    answer = Projection(task).answer_or_data or text_of(task.status.message)
    given = await _files_in([part for message in asked for part in message.parts], files, leased)
    made = await _files_in([part for artifact in task.artifacts for part in joined(artifact.parts)], files, leased)
    if not asked or not (answer or made):
        return []
    return [
        {"role": "user", "content": _shortened(text_of(asked[0])) + _listed("Attached files", given)},
        {"role": "assistant", "content": (_shortened(answer) + _listed("Files made", made)).strip()},
    ]


async def _files_in(parts: Iterable[Part], files: FileStore, leased: LeasedTask) -> list[str]:
    """The files among `parts`, by name and URI; kept for this task too, or they could go with the earlier one."""
    found: list[str] = []
    for part in parts:
        if part.HasField("raw") or (part.filename and part.HasField("text")):
            found.append(await _stored(part, part.raw or part.text.encode(), len(found), files, leased))
        elif part.url:
            found.append(_link(part))
    return list(dict.fromkeys(found))[:EARLIER_FILES]


def _listed(title: str, found: list[str]) -> str:
    return f"\n\n{title}:\n" + "\n".join(found) if found else ""


def _shortened(text: str) -> str:
    """A text of an earlier turn; where it is cut, the model is told, or it would take the rest for all there is."""
    if len(text) <= EARLIER_CHARACTERS:
        return text
    return f"{text[:EARLIER_CHARACTERS]}\n[… cut here: {len(text) - EARLIER_CHARACTERS} characters more]"


def _link(part: Part) -> str:
    return f"- {part.filename or 'file'} ({part.media_type or 'unknown type'}): {part.url}"
