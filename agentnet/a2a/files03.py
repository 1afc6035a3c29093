"""Files in the protobuf of A2A 0.3, which its HTTP+JSON and its gRPC speak: what `bytes file_with_bytes` holds.

By the definition it holds the file, which JSON then carries as base64 once: so does the SDK for JavaScript. The one for
Python puts base64 text of the file in, which JSON carries as base64 of base64, and the older ones for Go and Java do
so too. Nothing in a message tells the two forms apart, so the client's `User-Agent` does:

| client | a file that it sends | a file that it is given |
| --- | --- | --- |
| Python's httpx and gRPC | text where it is base64, in its one canonical form, else the file | text |
| Node.js, Deno, Bun, browsers | the file | the file |
| any other | text where it is that and as long and mixed as no other text is by chance, else the file | the file |
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from a2a.compat.v0_3 import a2a_v0_3_pb2 as v03_pb

from agentnet.a2a.parameters import HEADERS

MIN_CHARACTERS = 64
"""Of base64 that is taken for such from a client of which nothing is known: of a file of 46 bytes and more."""

_PYTHON = re.compile(r"python-httpx|grpc-python", re.ASCII | re.IGNORECASE)
_JAVASCRIPT = re.compile(r"\bnode\b|grpc-node|undici|\bdeno\b|\bbun\b|^mozilla", re.ASCII | re.IGNORECASE)
_CANONICAL = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_SMALL, _CAPITAL = re.compile(rb"[a-z]"), re.compile(rb"[A-Z]")


def user_agent(state: Mapping[str, Any]) -> str:
    """What the client of a call says of itself; `state` is that of its context."""
    return str((state.get(HEADERS) or {}).get("user-agent", ""))


def taken(message: v03_pb.Message, agent: str) -> None:
    """Bring the files of a message from the client `agent` into the one form that the SDK reads: base64 text."""
    for part in message.content:
        if part.HasField("file") and part.file.HasField("file_with_bytes"):
            sent = part.file.file_with_bytes
            if not _is_text(sent, agent):
                part.file.file_with_bytes = b64encode(sent)


def given(answer: Any, agent: str) -> Any:
    """`answer`, a message of the SDK's, with its files as the client `agent` reads them."""
    if not _sends_text(agent):
        for part in _parts(answer):
            if part.HasField("file") and part.file.HasField("file_with_bytes"):
                part.file.file_with_bytes = b64decode(part.file.file_with_bytes)
    return answer


def _sends_text(agent: str) -> bool:
    return bool(_PYTHON.search(agent)) and not _JAVASCRIPT.search(agent)


def _is_text(sent: bytes, agent: str) -> bool:
    """Whether `sent` is base64 of a file and not the file."""
    if _JAVASCRIPT.search(agent) or not _is_canonical(sent):
        return False
    if _sends_text(agent):
        return True
    # Hashes and other identifiers in hexadecimal have either small letters or capitals.
    return len(sent) >= MIN_CHARACTERS and bool(_SMALL.search(sent) and _CAPITAL.search(sent))


def _is_canonical(sent: bytes) -> bool:
    if len(sent) % 4 or not _CANONICAL.fullmatch(sent):
        return False
    end = sent[-4:]  # alone may say another thing than it would if it were made anew
    return b64encode(b64decode(end)) == end


def _parts(answer: Any) -> Iterator[Any]:
    """All parts in what the SDK answers."""
    match answer:
        case v03_pb.SendMessageResponse() | v03_pb.StreamResponse():
            if payload := answer.WhichOneof("payload"):
                yield from _parts(getattr(answer, payload))
        case v03_pb.Task():
            for item in (*answer.artifacts, *answer.history, answer.status):
                yield from _parts(item)
        case v03_pb.Message():
            yield from answer.content
        case v03_pb.Artifact():
            yield from answer.parts
        case v03_pb.TaskStatus():
            yield from answer.update.content
        case v03_pb.TaskStatusUpdateEvent():
            yield from answer.status.update.content
        case v03_pb.TaskArtifactUpdateEvent():
            yield from answer.artifact.parts
        case _:
            return
