"""Parts of A2A messages and artifacts as MCP content: small files within the result, larger ones as links to read."""

import base64
import json
from typing import Any

import mcp_types as types
from a2a.types.a2a_pb2 import Part
from google.protobuf.json_format import MessageToDict

from agentnet.files.store import URI_PATTERN
from gateway.mcp.agents.addresses import artifact_uri

INLINE_BYTES = 256 * 1024
"""Of all files within one result; what comes beyond is a link."""
MAX_LINKS = 64
"""Of files that the text of one result names."""


class Contents:
    """Content blocks of one task's result."""

    def __init__(self, agent: str, task_id: str) -> None:
        self.blocks: list[types.ContentBlock] = []
        self._agent = agent
        self._task_id = task_id
        self._room = INLINE_BYTES

    def add_text(self, text: str) -> None:
        """The text, and a link to each stored file that it names."""
        self.blocks.append(types.TextContent(text=text))
        found = {match[0].rstrip(".,;)"): match[2].rstrip(".,;)") for match in URI_PATTERN.finditer(text)}
        for uri, name in list(found.items())[:MAX_LINKS]:
            self.blocks.append(types.ResourceLink(name=name, uri=uri))

    def add(self, part: Part, artifact_id: str) -> None:
        """A part of an artifact; texts are told together, elsewhere."""
        if part.HasField("raw"):
            self.blocks.append(self._file(part, artifact_uri(self._agent, self._task_id, artifact_id)))
        elif part.HasField("url"):
            link = types.ResourceLink(name=part.filename or "file", uri=part.url, mime_type=part.media_type or None)
            self.blocks.append(link)
        elif part.HasField("data"):
            self.blocks.append(types.TextContent(text=json_of(part)))

    def _file(self, part: Part, uri: str) -> types.ContentBlock:
        media_type = part.media_type or None
        if len(part.raw) > self._room:
            name = part.filename or "file"
            return types.ResourceLink(name=name, uri=uri, mime_type=media_type, size=len(part.raw))
        self._room -= len(part.raw)
        data = base64.b64encode(part.raw).decode()
        if media_type is not None and media_type.startswith("image/"):
            return types.ImageContent(data=data, mime_type=media_type)
        return types.EmbeddedResource(
            resource=types.BlobResourceContents(uri=uri, mime_type=media_type, blob=data),
        )


def text_of(parts: list[Part]) -> str:
    """The text of the text parts; chunks of one stream follow each other without a break."""
    return "".join(part.text for part in parts if part.HasField("text"))


def data_of(parts: list[Part]) -> dict[str, Any]:
    """The first data part that is an object; empty if there is none."""
    for part in parts:
        value = plain(MessageToDict(part.data)) if part.HasField("data") else None
        if isinstance(value, dict):
            return value
    return {}


def json_of(part: Part) -> str:
    """A data part as JSON."""
    return json.dumps(plain(MessageToDict(part.data)), ensure_ascii=False)


def plain(value: Any) -> Any:
    """`value` with whole numbers as such: protobuf has floating point only."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
