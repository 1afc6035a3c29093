"""What the user asked for, as an A2A message."""

from dataclasses import dataclass
from pathlib import Path

from a2a.types import Message, Part, Role

from agentnet.errors import InvalidInputError, NotFoundError, TooLargeError
from agentnet.files.names import media_type_of
from agentnet.ids import new_id
from agentnet.tasks.events import QUESTION_META

DEFAULT_MEDIA_TYPE = "application/octet-stream"
OUTPUT_DIRECTORY = "agentnet-output"


@dataclass(frozen=True, slots=True)
class Job:
    """One task to give to the network."""

    text: str
    files: tuple[Path, ...] = ()
    agent: str | None = None
    """Who is asked; None is the network's own card, the concierge."""
    task_id: str | None = None
    """The task whose question `text` answers."""
    context_id: str | None = None
    """The conversation that goes on."""
    out: Path | None = None
    timeout: float | None = None
    """Seconds."""

    def message(self, max_file_bytes: int) -> Message:
        """Raises `NotFoundError` for a file that is not there, `TooLargeError` with the limit."""
        if not self.text.strip():
            raise InvalidInputError("There is nothing to ask.", hint='Try: agentnet ask "What can you do?"')
        parts = [Part(text=self.text), *(_file_part(path, max_file_bytes) for path in self.files)]
        message = Message(message_id=new_id(), role=Role.ROLE_USER, parts=parts)
        message.task_id, message.context_id = self.task_id or "", self.context_id or ""
        return message


def answer(text: str, task_id: str, context_id: str, question: str = "") -> Message:
    """The message that answers a task's question; with the question's id, so that it answers no other."""
    part = Part(text=text)
    message = Message(message_id=new_id(), role=Role.ROLE_USER, parts=[part], task_id=task_id, context_id=context_id)
    if question:
        message.metadata.update({QUESTION_META: question})
    return message


def _file_part(path: Path, max_bytes: int) -> Part:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise NotFoundError(f"{path} is not a file.")
        # Before it is read: what is too large must not come into memory to be refused.
        if size > max_bytes:
            raise TooLargeError(f"{path} has {size} bytes; the limit is {max_bytes} bytes.", limit=max_bytes)
        body = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}.") from None
    return Part(raw=body, filename=path.name, media_type=media_type_of(path.name) or DEFAULT_MEDIA_TYPE)
