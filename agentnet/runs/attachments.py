"""Images and sounds of a request: given to a model that takes them, and named where it does not."""

from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from a2a.types.a2a_pb2 import Message, Part

from agentnet.errors import NotFoundError
from agentnet.files.names import media_type_of
from agentnet.files.store import URI_PATTERN, FileStore
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.tasks.records import LeasedTask

MAX_BYTES = 10_000_000
"""Of one file; hosted models take between 5 and 20 MB."""
MAX_ALL_BYTES = 20_000_000
"""Of those of one request: each turn sends them again."""
MAX_FILES = 20
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
AUDIO = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
PDF = "application/pdf"
PDF_ADVICE = "put it into a folder that `agentnet up --knowledge FOLDER` reads, then ask about it."
KINDS = {"image": "images", "audio": "sound", "video": "video"}
"""What is refused by name where a model does not take it; other files are for tools."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model gets of the files of one message besides their names."""

    parts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """As parts of an input item's content."""
    unread: list[str] = field(default_factory=list[str])
    """A sentence for each file that the model cannot take."""


async def seen(message: Message, files: FileStore, leased: LeasedTask, endpoint: Endpoint | None) -> Seen:
    """What the model at `endpoint` takes of the files of `message`; one that is installed takes words alone."""
    found = Seen()
    left = MAX_ALL_BYTES
    accepts = endpoint.accepts if endpoint else frozenset[str]()
    for number, part in enumerate(message.parts):
        media_type = _media_type(part)
        kind = "file" if media_type == PDF else media_type.partition("/")[0]
        name = part.filename or f"file-{number + 1}"
        if kind == "file" and "file" not in accepts:
            found.unread.append(f"{name} is a PDF and was not read: {PDF_ADVICE}")
            continue
        if endpoint is None or (kind not in KINDS and kind != "file"):
            continue
        if kind not in endpoint.accepts:
            found.unread.append(f"The model {endpoint.label} takes no {KINDS[kind]}; {name} was not read.")
        elif media_type not in IMAGES | AUDIO.keys() | {PDF}:
            found.unread.append(f"The model {endpoint.label} takes no {media_type}; {name} was not read.")
        elif (body := await _body(part, files, leased)) is None:
            found.unread.append(f"{name} lies elsewhere and was not read.")
        elif reason := _too_much(len(body), left, len(found.parts)):
            found.unread.append(f"{name} has {len(body):,} bytes and was not read: {reason}.")
        else:
            left -= len(body)
            found.parts.append(_content(name, media_type, body))
    return found


def _media_type(part: Part) -> str:
    """In lower case, without parameters; by the name where nothing better is said."""
    said = part.media_type.partition(";")[0].strip().lower()
    if said in ("", "application/octet-stream"):
        return media_type_of(part.filename or part.url) or ""
    return "image/jpeg" if said == "image/jpg" else said


def _too_much(size: int, left: int, count: int) -> str:
    if size > MAX_BYTES:
        return f"a model is sent at most {MAX_BYTES:,} bytes of one file"
    if size > left:
        return f"a model is sent at most {MAX_ALL_BYTES:,} bytes with one request"
    return f"a model is sent at most {MAX_FILES} files with one request" if count >= MAX_FILES else ""


async def _body(part: Part, files: FileStore, leased: LeasedTask) -> bytes | None:
    if part.HasField("raw"):
        return part.raw
    if URI_PATTERN.fullmatch(part.url):
        with suppress(NotFoundError):
            return (await files.get(leased.tenant, part.url))[1]
    return None


def _content(name: str, media_type: str, body: bytes) -> dict[str, Any]:
    data = b64encode(body).decode()
    if media_type in IMAGES:
        return {"type": "input_image", "image_url": f"data:{media_type};base64,{data}", "detail": "auto"}
    if media_type in AUDIO:
        return {"type": "input_audio", "input_audio": {"data": data, "format": AUDIO[media_type]}}
    return {"type": "input_file", "filename": name, "file_data": f"data:{media_type};base64,{data}"}
