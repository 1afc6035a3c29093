"""A2A's JSON, fast: the types of every task's life, written and read by hand instead of by reflection.

What comes out is what `google.protobuf.json_format` would give (ProtoJSON, A2A 1.0 section 5.5), but for whole numbers,
which stay whole; a property test holds the two together. What this module does not know by heart it leaves to
`json_format`.
"""

from base64 import b64encode
from functools import lru_cache
from typing import Any

import orjson
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.timestamp_pb2 import Timestamp

from agentnet.files import base64
from agentnet.files.base64 import WrongFieldError
from agentnet.tasks.values import struct_json, value_json

MAX_CHARACTERS = 2_000_000
"""Of all texts of a request together, its files aside."""

FILES = frozenset({"raw", "bytes", "fileWithBytes", "file_with_bytes"})
"""Names of what holds bytes, in 1.0 and in 0.3."""

CONTENTS = ("text", "raw", "url", "data")
"""What a part holds one of."""

PLAIN_REQUEST = frozenset({"message", "configuration"})
PLAIN_MESSAGE = frozenset({"messageId", "role", "parts", "contextId", "taskId"})
PLAIN_SETTINGS = frozenset({"returnImmediately", "historyLength"})
PLAIN_PART = frozenset({"text", "mediaType"})
"""Names in requests that are read by hand."""

Json = dict[str, Any]

STATE_NAMES: dict[int, str] = {number: name for name, number in TaskState.items()}
ROLE_NAMES: dict[int, str] = {number: name for name, number in Role.items()}
ROLES: dict[str, Any] = dict(Role.items())


def dumps(value: Any) -> bytes:
    """`value` as JSON bytes."""
    return orjson.dumps(value)


def task_json(task: Task) -> Json:
    """A Task."""
    result: Json = {"id": task.id}
    if task.context_id:
        result["contextId"] = task.context_id
    if task.HasField("status"):
        result["status"] = status_json(task.status)
    if task.artifacts:
        result["artifacts"] = [artifact_json(artifact) for artifact in task.artifacts]
    if task.history:
        result["history"] = [message_json(message) for message in task.history]
    if task.HasField("metadata"):
        result["metadata"] = struct_json(task.metadata)
    return result


def status_json(status: TaskStatus) -> Json:
    """A TaskStatus."""
    # ProtoJSON says an enumerator that it does not know as its number, and leaves out what has its default.
    result: Json = {"state": STATE_NAMES.get(status.state, status.state)} if status.state else {}
    if status.HasField("message"):
        result["message"] = message_json(status.message)
    if status.HasField("timestamp"):
        result["timestamp"] = timestamp_json(status.timestamp)
    return result


def message_json(message: Message) -> Json:
    """A Message."""
    result: Json = {}
    if message.message_id:
        result["messageId"] = message.message_id
    if message.context_id:
        result["contextId"] = message.context_id
    if message.task_id:
        result["taskId"] = message.task_id
    if message.role:
        result["role"] = ROLE_NAMES.get(message.role, message.role)
    if message.parts:
        result["parts"] = [part_json(part) for part in message.parts]
    if message.HasField("metadata"):
        result["metadata"] = struct_json(message.metadata)
    if message.extensions:
        result["extensions"] = list(message.extensions)
    if message.reference_task_ids:
        result["referenceTaskIds"] = list(message.reference_task_ids)
    return result


def artifact_json(artifact: Artifact) -> Json:
    """An Artifact."""
    result: Json = {}
    if artifact.artifact_id:
        result["artifactId"] = artifact.artifact_id
    if artifact.name:
        result["name"] = artifact.name
    if artifact.description:
        result["description"] = artifact.description
    if artifact.parts:
        result["parts"] = [part_json(part) for part in artifact.parts]
    if artifact.HasField("metadata"):
        result["metadata"] = struct_json(artifact.metadata)
    if artifact.extensions:
        result["extensions"] = list(artifact.extensions)
    return result


def part_json(part: Part) -> Json:
    """A Part."""
    result: Json = {}
    match part.WhichOneof("content"):
        case "text":
            result["text"] = part.text
        case "raw":
            result["raw"] = b64encode(part.raw).decode()
        case "url":
            result["url"] = part.url
        case "data":
            result["data"] = value_json(part.data)
        case _:
            pass
    if part.HasField("metadata"):
        result["metadata"] = struct_json(part.metadata)
    if part.filename:
        result["filename"] = part.filename
    if part.media_type:
        result["mediaType"] = part.media_type
    return result


def timestamp_json(timestamp: Timestamp) -> str:
    """RFC 3339 with as many digits as are needed, as ProtoJSON says it."""
    nanos = timestamp.nanos
    if not 0 <= nanos < 1_000_000_000 or nanos % 1000:
        return timestamp.ToJsonString()
    if not nanos:
        return f"{_second(timestamp.seconds)}Z"
    if nanos % 1_000_000:
        return f"{_second(timestamp.seconds)}.{nanos // 1000:06d}Z"
    return f"{_second(timestamp.seconds)}.{nanos // 1_000_000:03d}Z"


@lru_cache(64)
def _second(seconds: int) -> str:
    """Most timestamps are of this second."""
    return Timestamp(seconds=seconds).ToJsonString().removesuffix("Z")


def stream_json(event: StreamResponse) -> Json:
    """A StreamResponse."""
    match event.WhichOneof("payload"):
        case "artifact_update":
            return {"artifactUpdate": artifact_update_json(event.artifact_update)}
        case "status_update":
            return {"statusUpdate": status_update_json(event.status_update)}
        case "task":
            return {"task": task_json(event.task)}
        case "message":
            return {"message": message_json(event.message)}
        case _:
            return {}


def artifact_update_json(update: TaskArtifactUpdateEvent) -> Json:
    """A TaskArtifactUpdateEvent."""
    result = _update_json(update)
    if update.HasField("artifact"):
        result["artifact"] = artifact_json(update.artifact)
    if update.append:
        result["append"] = True
    if update.last_chunk:
        result["lastChunk"] = True
    return result


def status_update_json(update: TaskStatusUpdateEvent) -> Json:
    """A TaskStatusUpdateEvent."""
    result = _update_json(update)
    if update.HasField("status"):
        result["status"] = status_json(update.status)
    return result


def _update_json(update: TaskArtifactUpdateEvent | TaskStatusUpdateEvent) -> Json:
    result: Json = {}
    if update.task_id:
        result["taskId"] = update.task_id
    if update.context_id:
        result["contextId"] = update.context_id
    if update.HasField("metadata"):
        result["metadata"] = struct_json(update.metadata)
    return result


def send_message_request(params: Any) -> SendMessageRequest:
    """A SendMessageRequest from its JSON. Raises `json_format.ParseError` for what is not one."""
    if not isinstance(params, dict) or not isinstance(params.get("message", {}), dict):
        raise ParseError("params must be an object with a message, which is an object too.")
    plain = _plain_request(params)  # what nearly every client sends; reflection is for the others
    if plain is not None:
        return plain
    _check(params.get("message", {}), params.get("configuration"))
    request: SendMessageRequest = parsed(params, SendMessageRequest())
    return request


def _check(message: Json, configuration: Any) -> None:
    """Raises `ParseError` for what `ParseDict` makes something else of."""
    if configuration is not None and not isinstance(configuration, dict):
        raise ParseError("configuration must be an object.")
    role, parts = message.get("role"), message.get("parts")
    if role is not None and (type(role) not in (str, int) or (isinstance(role, str) and role not in ROLES)):
        raise WrongFieldError("message.role", "must be ROLE_USER")
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        if not isinstance(part, dict):
            raise WrongFieldError(f"message.parts[{index}]", "must be an object")
        _check_part(part, f"message.parts[{index}]")


def _check_part(part: Json, field: str) -> None:
    """Bring the bytes of a file into the form that `ParseDict` reads. Raises `WrongFieldError`."""
    # A null is no content, but for data: it is a value of JSON.
    held = [name for name in CONTENTS if part.get(name) is not None or (name == "data" and name in part)]
    if len(held) > 1:
        raise WrongFieldError(field, f"must have one of {', '.join(CONTENTS)}, not {' and '.join(held)} together")
    if part.get("raw") is not None:
        part["raw"], media_type = base64.of_file(part["raw"], f"{field}.raw")
        if media_type and not (part.get("mediaType") or part.get("media_type")):
            part["mediaType"] = media_type


def parsed(params: Any, message: Any) -> Any:
    """`message` filled in by reflection. Raises `json_format.ParseError`.

    protobuf looks through every text for halves of pairs, 25 ns a character, without a turn for anybody else.
    """
    check_characters(params)
    return ParseDict(params, message, ignore_unknown_fields=True)


def check_characters(params: Any) -> None:
    """Raises `ParseError` for more text than reflection may look through."""
    if _characters(params) > MAX_CHARACTERS:
        raise ParseError(f"The texts have more than {MAX_CHARACTERS} characters together; send large ones as files.")


def _characters(value: Any) -> int:
    """Of all texts in it but files."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + _characters(item) for key, item in value.items() if key not in FILES)
    return sum(map(_characters, value)) if isinstance(value, list) else 0


def _plain_request(params: Json) -> SendMessageRequest | None:
    """The request if it holds nothing but a message of plain parts and the two usual settings, else None."""
    message = params.get("message")
    settings = params.get("configuration", {})
    if message is None or not isinstance(settings, dict):
        return None
    if not (params.keys() <= PLAIN_REQUEST and message.keys() <= PLAIN_MESSAGE and settings.keys() <= PLAIN_SETTINGS):
        return None
    plain = _plain_message(message)
    if plain is None:
        return None
    request = SendMessageRequest(message=plain)
    if "configuration" in params:
        request.configuration.SetInParent()
    immediately, length = settings.get("returnImmediately"), settings.get("historyLength")
    if immediately is not None:
        if not isinstance(immediately, bool):
            return None
        request.configuration.return_immediately = immediately
    if length is not None:
        if type(length) is not int or not 0 <= length < 2**31:  # not a bool, which is an int too; the field is int32
            return None
        request.configuration.history_length = length
    return request


def _plain_message(message: Json) -> Message | None:
    stated = message.get("role", "ROLE_UNSPECIFIED")
    role = ROLES.get(stated) if isinstance(stated, str) else None
    parts = message.get("parts")
    message_id, context_id = message.get("messageId", ""), message.get("contextId", "")
    task_id = message.get("taskId", "")
    if role is None or not isinstance(parts, list):
        return None
    if not (isinstance(message_id, str) and isinstance(context_id, str) and isinstance(task_id, str)):
        return None
    plain = [made for part in parts if (made := _plain_part(part)) is not None]
    if len(plain) != len(parts):
        return None
    return Message(message_id=message_id, context_id=context_id, task_id=task_id, role=role, parts=plain)


def _plain_part(part: Any) -> Part | None:
    if not isinstance(part, dict) or not part.keys() <= PLAIN_PART:
        return None
    text, media_type = part.get("text"), part.get("mediaType", "")
    if not isinstance(text, str) or not isinstance(media_type, str):
        return None
    return Part(text=text, media_type=media_type)
