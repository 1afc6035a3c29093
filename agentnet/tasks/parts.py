"""Parts of messages and artifacts (A2A 1.0, section 4.1.6): which are files, and which are pieces of one text."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from a2a.types.a2a_pb2 import Message, Part

from agentnet.tasks.steps import STEPS


def is_file(part: Part) -> bool:
    """Whether a part is a file: bytes, an address, or a text that has a file's name."""
    # A text may be one: parts have `filename` beside any kind of content (A2A 1.0, section 4.1.6).
    return bool(part.filename) or part.HasField("raw") or part.HasField("url")


def continues(last: Part, part: Part) -> bool:
    """Whether the text of `part` goes on where that of `last` ends: nothing but the text tells them apart."""
    if not (last.HasField("text") and part.HasField("text")):
        return False
    if last.media_type != part.media_type or last.filename != part.filename:
        return False
    # Asked first: reading `metadata` makes an object, and this runs for every chunk of every task.
    return not (last.HasField("metadata") or part.HasField("metadata")) or last.metadata == part.metadata


def keeps_pieces(card_json: Mapping[str, Any]) -> bool:
    """Whether the server with this card may give a text that was streamed in pieces, a part for each chunk.

    a2a-sdk's does, and nothing in its tasks tells them from texts that were apart; those of this network join them.
    """
    capabilities = card_json.get("capabilities")
    extensions = capabilities.get("extensions") if isinstance(capabilities, Mapping) else None
    listed = extensions if isinstance(extensions, list) else []
    return not any(isinstance(each, Mapping) and each.get("uri") == STEPS for each in listed)


def joined(parts: Iterable[Part]) -> Iterator[Part]:
    """`parts` as a server that keeps pieces gives them, neighbouring pieces of one text as one part."""
    first: Part | None = None
    pieces: list[str] = []
    for part in parts:
        if first is not None and continues(first, part):
            pieces.append(part.text)
            continue
        if first is not None:
            yield _whole(first, pieces)
        first, pieces = part, [part.text]
    if first is not None:
        yield _whole(first, pieces)


def text_of(parts: Iterable[Part]) -> str:
    """The text of an artifact's parts, files left out: a paragraph for each."""
    return "\n\n".join(part.text for part in parts if part.text and not is_file(part))


def words_of(message: Message) -> str:
    """The text of a message, which comes whole: a paragraph for each of its parts. Data is for programs."""
    return "\n\n".join(part.text for part in message.parts if part.text and not is_file(part))


def _whole(first: Part, pieces: list[str]) -> Part:
    if len(pieces) == 1:
        return first
    part = Part()
    part.CopyFrom(first)
    part.text = "".join(pieces)
    return part
