"""A tool's result in words that the model can use; images, sounds and files become artifacts of the task."""

import json
import re
from base64 import b64decode
from bisect import bisect
from collections.abc import Iterator
from math import isclose
from typing import Any

from mcp import types

from agentnet.errors import AgentNetError
from agentnet.files.base64 import WrongFieldError, normal
from agentnet.runs.scope import RunScope

MAX_RESULT_CHARACTERS = 60_000
LEAVES_LOOKED_AT = 50
"""Of structured content, to see whether the text tells of it."""
ROUNDED = 1e-3
"""How far the number that a text tells may be from the one that it means."""
LONGEST = 2**53
_NUMBER = re.compile(r"-?\d[\d,]{0,30}(?:\.\d{1,30})?")
OCTETS = "application/octet-stream"


async def rendered(result: types.CallToolResult, scope: RunScope, call_id: str, title: str) -> str:
    """The text. Raises `AgentNetError` with it for a result that is an error."""
    texts = [
        await _words(content, scope, f"{call_id}-{number}", title) for number, content in enumerate(result.content)
    ]
    text = "\n".join(texts)
    if not is_told(result.structured_content, "\n".join(_said(result))):
        text = "\n".join(filter(None, (text, json.dumps(result.structured_content, ensure_ascii=False))))
    if result.is_error:
        raise AgentNetError(text[:MAX_RESULT_CHARACTERS] or "The tool failed.")
    if len(text) <= MAX_RESULT_CHARACTERS:
        return text
    return f"{text[:MAX_RESULT_CHARACTERS]}\n[cut here: {MAX_RESULT_CHARACTERS} of {len(text)} characters]"


def is_told(structured: Any, text: str) -> bool:
    """Whether `text` says what is in structured content, as it should (MCP 2025-06-18, tools), or at least half of
    it: it may leave out what only programs need."""
    leaves = [leaf for leaf, _ in zip(_leaves(structured), range(LEAVES_LOOKED_AT), strict=False)]
    words = _flat(text)
    # 1,234.5 is told for 1234.50, and so is 1234.
    numbers = sorted(float(said.replace(",", "")) for said in _NUMBER.findall(text))
    told = sum(_flat(leaf) in words if isinstance(leaf, str) else _is_among(leaf, numbers) for leaf in leaves)
    return 2 * told >= len(leaves)


def _leaves(value: Any) -> Iterator[str | float]:
    """The words and numbers in `value`, without the names of types: they are for programs."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += reversed([inner for key, inner in item.items() if key != "type"])
        elif isinstance(item, list):
            left += reversed(item)
        elif isinstance(item, str) and item.strip():
            yield item.strip()
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield item if abs(item) < LONGEST else str(item)  # an id is told with all its digits


def _flat(text: str) -> str:
    """`text` in one line, as in the cell of a Markdown table."""
    return " ".join(text.replace("\\|", "|").split())


def _is_among(number: float, numbers: list[float]) -> bool:
    """Whether one of `numbers`, which are sorted, is `number` or what it is rounded to."""
    nearest = numbers[max(bisect(numbers, number) - 1, 0) :][:2]
    return any(isclose(number, other, rel_tol=ROUNDED) for other in nearest)


def _said(result: types.CallToolResult) -> Iterator[str]:
    for content in result.content:
        if isinstance(content, types.TextContent):
            yield content.text
        elif isinstance(content, types.EmbeddedResource) and isinstance(content.resource, types.TextResourceContents):
            yield content.resource.text


async def _words(content: types.ContentBlock, scope: RunScope, key: str, title: str) -> str:
    match content:
        case types.TextContent():
            return content.text
        case types.ImageContent() | types.AudioContent():
            extension = content.mime_type.partition("/")[2].partition("+")[0] or "bin"
            return await _file(scope, key, f"{title[:60]}.{extension}", content.mime_type, content.data, content.type)
        case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
            return resource.text
        case types.EmbeddedResource(resource=types.BlobResourceContents() as blob):
            return await _file(scope, key, str(blob.uri), blob.mime_type or OCTETS, blob.blob, "file")
        case types.ResourceLink():
            return _link(content)
        case _:
            return f"[{content.type}]"


async def _file(scope: RunScope, key: str, name: str, media_type: str, data: str, kind: str) -> str:
    """Keep what is there in base64, and say where it is."""
    try:
        body = b64decode(normal(data, "data"))
    except WrongFieldError:
        return f"[The tool gave {_a(kind)} ({media_type}) that cannot be read: it is not base64.]"
    try:
        ref = await scope.attach_file(key, name, media_type, body)
    except AgentNetError as error:
        return f"[The tool gave {_a(kind)} ({media_type}, {len(body)} bytes) that is not kept: {error}]"
    return f"File: {ref.uri} ({ref.media_type}, {ref.size} bytes)"


def _link(link: types.ResourceLink) -> str:
    more = [link.mime_type, f"{link.size} bytes" if link.size is not None else None]
    about = ", ".join(part for part in more if part)
    name = link.title or link.name
    said = f"Resource: {link.uri}" + (f" ({about})" if about else "") + (f", {name}" if name != link.uri else "")
    return f"{said}: {link.description}" if link.description else said


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
