"""What an agent may say: sizes, counts, names, types and addresses, checked before anything is shown or stored.

The same limits hold for what it is sent (`agentnet.a2a.limits`). What can be put right is; all else is the agent's
error.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from a2a.types.a2a_pb2 import Message, Part, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent
from a2a.utils.errors import InvalidAgentResponseError
from google.protobuf.struct_pb2 import Struct, Value

from agentnet.files.names import plain_name
from agentnet.ids import new_id
from agentnet.settings import MAX_FILE_BYTES
from agentnet.tasks.events import ROLE_AGENT

MAX_PARTS = 64
"""Of a message, and of an event of an artifact."""
MAX_ID_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 1_000_000
MAX_MESSAGE_BYTES = 4_000_000
"""Of a message, and of an artifact with all its pieces. Without files, which lie elsewhere: the rest is read again with
each event and each answer of its task."""
MAX_JSON_DEPTH = 32
MAX_JSON_VALUES = 10_000
"""Protobuf reads nothing back that it nests over 100 levels deep, and an object in a data part is three of its levels;
its parser for JSON is in Python and takes 3 µs for each value, as it does with each answer."""
MAX_ADDRESS_CHARACTERS = 8_000
MAX_MEDIA_TYPE_CHARACTERS = 256

UNKNOWN_MEDIA_TYPE = "application/octet-stream"
STATES = frozenset(TaskState.values())

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word
_QUOTED = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*(?:{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))?)*")
"""RFC 9110, section 8.3.1."""
ADDRESS = re.compile(r"[!-~\u00a0-\U0010ffff]+")


class Output:
    """Checks what one execution says, and puts right what can be. Raises `InvalidAgentResponseError` for the rest."""

    def __init__(self, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._max_file_bytes = max_file_bytes
        self._sizes: dict[str, int] = {}
        """Bytes of each artifact, files aside."""

    def artifact(self, update: TaskArtifactUpdateEvent) -> None:
        """An artifact, or more of one."""
        artifact = update.artifact
        parts = artifact.parts
        if len(parts) == 1 and _is_only_text(parts[0]) and not _has_metadata(update):
            size = _check_text(parts[0])  # pieces of a stream: this is on the way of every one
        else:
            size = self._whole(update)
        key = _id(artifact.artifact_id)
        size = self._sizes[key] = size + (self._sizes.get(key, 0) if update.append else 0)
        if size > MAX_MESSAGE_BYTES:
            raise wrong(
                f"an artifact of more than {MAX_MESSAGE_BYTES} bytes, files aside; large texts are sent as files"
            )

    def _whole(self, update: TaskArtifactUpdateEvent) -> int:
        if not update.HasField("artifact"):
            raise wrong("an artifact's event without an artifact")
        files = self._parts(update.artifact.parts)
        _check_json(update.metadata)
        _check_json(update.artifact.metadata)
        return update.ByteSize() - files

    def status(self, update: TaskStatusUpdateEvent) -> None:
        """A status, with its message if it has one."""
        state = update.status.state
        if not state:
            raise wrong("a status without a state")
        if state not in STATES:
            raise wrong(f"a status of an unknown state ({state})")
        if update.HasField("metadata"):
            _check_json(update.metadata)
        if update.status.HasField("message"):
            self.message(update.status.message)

    def message(self, message: Message) -> None:
        """A message, in a status or by itself."""
        message.role = ROLE_AGENT
        message.message_id = _id(message.message_id) or new_id()
        files = self._parts(message.parts)
        if message.HasField("metadata"):
            _check_json(message.metadata)
        if message.ByteSize() - files > MAX_MESSAGE_BYTES:
            raise wrong(f"a message of more than {MAX_MESSAGE_BYTES} bytes, files aside; large texts are sent as files")

    def _parts(self, parts: Sequence[Part]) -> int:
        """Bytes of the files among them."""
        if len(parts) > MAX_PARTS:
            raise wrong(f"{len(parts)} parts at once; the limit is {MAX_PARTS}")
        return sum(self._part(part) for part in parts)

    def _part(self, part: Part) -> int:
        put_right(part)
        if part.HasField("metadata"):
            _check_json(part.metadata)
        return self._content(part)

    def _content(self, part: Part) -> int:
        match part.WhichOneof("content"):
            case "text":
                _check_text(part)
            case "raw":
                size = len(part.raw)
                if size > self._max_file_bytes:
                    raise wrong(f"a file of {size} bytes; the limit is {self._max_file_bytes} bytes")
                return size
            case "url":
                _check_address(part.url)
            case "data":
                _check_json(part.data)
            case _:
                raise wrong("a part without text, raw, url and data")
        return 0


def wrong(what: str) -> InvalidAgentResponseError:
    """The error of an agent that sent `what`."""
    return InvalidAgentResponseError(f"The agent sent {what}.")


def put_right(part: Part) -> None:
    """Leave of its file name what may be shown, and of its media type what is one."""
    if part.filename:
        part.filename = plain_name(part.filename)
    if part.media_type:
        part.media_type = media_type_of(part.media_type)


def media_type_of(text: str) -> str:
    """`text` if it is a media type, else that of bytes that nobody knows."""
    return text if is_media_type(text) else UNKNOWN_MEDIA_TYPE


def is_media_type(text: str) -> bool:
    """Whether `text` is a media type, perhaps with parameters (RFC 9110, section 8.3.1)."""
    return len(text) <= MAX_MEDIA_TYPE_CHARACTERS and MEDIA_TYPE.fullmatch(text) is not None


def _is_only_text(part: Part) -> bool:
    return part.HasField("text") and not (part.filename or part.media_type or part.HasField("metadata"))


def _has_metadata(update: TaskArtifactUpdateEvent) -> bool:
    return update.HasField("metadata") or update.artifact.HasField("metadata")


def _check_text(part: Part) -> int:
    length = len(part.text)
    if length > MAX_TEXT_CHARACTERS:
        raise wrong(f"a text of {length} characters; the limit is {MAX_TEXT_CHARACTERS} characters")
    return length


def _id(text: str) -> str:
    if len(text) > MAX_ID_CHARACTERS or "\x00" in text:
        raise wrong(f"an id of more than {MAX_ID_CHARACTERS} characters, or with NUL")
    return text


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        well = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        well = False
    if not (well and len(url) <= MAX_ADDRESS_CHARACTERS and ADDRESS.fullmatch(url)):
        raise wrong(f"a file's url that is none of http or https: {url[:80]!a}")


# Before any size is asked for: protobuf goes down as deep as the data does.
def _check_json(value: Struct | Value) -> None:
    if _values(value, 1) > MAX_JSON_VALUES:
        raise wrong(f"data of more than {MAX_JSON_VALUES} values")


def _values(value: Struct | Value, depth: int) -> int:
    """How many values there are; no more are counted than are needed to know that they are too many."""
    if isinstance(value, Value):
        kind = value.WhichOneof("kind")
        if kind == "struct_value":
            return _values(value.struct_value, depth)
        if kind != "list_value":
            return 1
        inner: Iterable[Value] = value.list_value.values
    else:
        inner = value.fields.values()
    if depth > MAX_JSON_DEPTH:
        raise wrong(f"data nested more than {MAX_JSON_DEPTH} levels deep")
    count = 1
    for each in inner:
        count += _values(each, depth + 1)
        if count > MAX_JSON_VALUES:
            break
    return count
