"""Parts of A2A messages and artifacts as MCP content: small files within the result, larger ones as links to read."""

import base64
import json
import sys
from collections.abc import Iterable
from typing import Any

import mcp_types as types
from a2a.types.a2a_pb2 import Artifact, Part

from agentnet.files.names import media_type_of
from agentnet.files.store import URI_PATTERN
from agentnet.tasks.parts import text_of
from agentnet.tasks.values import value_json
from gateway.mcp.agents.addresses import artifact_uri

FILE_NAME_META_KEY = "agentnet.dev/file_name"
INLINE_BYTES = 256 * 1024
"""Of all files within one result; what comes beyond is a link."""
MAX_LINKS = 64
"""Of files that the text of one result names."""
OCTETS = "application/octet-stream"


class Contents:
    """Content blocks of one task's result."""

    def __init__(self, agent: str, task_id: str) -> None:
        self.blocks: list[types.ContentBlock] = []
        self.links: list[str] = []
        """URIs of artifacts that are linked for their text."""
        self._agent = agent
        self._task_id = task_id
        # What came without a task can be read nowhere else.
        self._room = INLINE_BYTES if task_id else sys.maxsize

    def add_text(self, text: str) -> None:
        """The text, and a link to each stored file that it names."""
        self.blocks.append(types.TextContent(text=text))
        # URIs stand in prose here: the full stop behind one is not its own.
        found = {match[0].rstrip(".,;)"): match[2].rstrip(".,;)") for match in URI_PATTERN.finditer(text)}
        for uri, name in list(found.items())[:MAX_LINKS]:
            self.blocks.append(types.ResourceLink(name=name, uri=uri, mime_type=media_type_of(name) or OCTETS))

    def add_link(self, artifact: Artifact) -> None:
        """Where the whole text of an artifact can be read; nothing for one without text."""
        if text := text_of(artifact.parts):
            uri, name = artifact_uri(self._agent, self._task_id, artifact.artifact_id), artifact.name or "answer"
            self.links.append(uri)
            size = len(text.encode())
            self.blocks.append(types.ResourceLink(name=name, uri=uri, mime_type="text/plain", size=size))

    def add(self, artifact: Artifact) -> None:
        """The files and data of an artifact; texts are told together, elsewhere."""
        uri = artifact_uri(self._agent, self._task_id, artifact.artifact_id)
        self.blocks += [block for part in artifact.parts if (block := self._block(part, uri))]

    def _block(self, part: Part, uri: str) -> types.ContentBlock | None:
        media_type = part.media_type or None
        match part.WhichOneof("content"):
            case "raw":
                return self._file(part, part.raw, uri)
            case "text" if part.filename:
                return self._file(part, part.text.encode(), uri)
            case "url":
                return types.ResourceLink(name=part.filename or "file", uri=part.url, mime_type=media_type)
            case "data":
                return types.TextContent(text=json_of(part))
            case _:
                return None

    def _file(self, part: Part, body: bytes, uri: str) -> types.ContentBlock:
        media_type = part.media_type or None
        if len(body) > self._room:
            name = part.filename or "file"
            return types.ResourceLink(name=name, uri=uri, mime_type=media_type, size=len(body))
        # Counted over all files: a result goes into a model's context as a whole.
        self._room -= len(body)
        # What is embedded has no field for its name (MCP 2025-11-25, schema: ResourceContents, ImageContent).
        meta = {FILE_NAME_META_KEY: part.filename} if part.filename else None
        if part.HasField("text"):
            return types.EmbeddedResource(
                resource=types.TextResourceContents(uri=uri, mime_type=media_type, text=part.text, _meta=meta)
            )
        data = base64.b64encode(body).decode()
        if media_type is not None and media_type.startswith("image/"):
            return types.ImageContent(data=data, mime_type=media_type, _meta=meta)
        return types.EmbeddedResource(
            resource=types.BlobResourceContents(uri=uri, mime_type=media_type, blob=data, _meta=meta),
        )


def data_of(parts: Iterable[Part]) -> dict[str, Any]:
    """The first data part that is an object; empty if there is none."""
    for part in parts:
        value = value_json(part.data) if part.HasField("data") else None
        if isinstance(value, dict):
            return value
    return {}


def json_of(part: Part) -> str:
    """A data part as JSON."""
    return json.dumps(value_json(part.data), ensure_ascii=False)
