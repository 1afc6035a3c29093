"""What agents offer to read: their cards, the artifacts of their tasks, and the files of the caller's tenant."""

import base64
import json
from collections.abc import Iterable

from a2a.types.a2a_pb2 import Part
from mcp_types import BlobResourceContents, Resource, ResourceTemplate, TextResourceContents

from agentnet.a2a.client.errors import RefusedError
from agentnet.discovery.directory import Entry
from agentnet.errors import AgentNetError, InvalidInputError, NotFoundError, TooLargeError
from agentnet.files.store import FileStore
from cards import rewrite_card
from gateway.mcp.agents.addresses import (
    ARTIFACT_TEMPLATE,
    CARD_TEMPLATE,
    FILE_TEMPLATE,
    MAX_URI,
    Place,
    card_uri,
    place_of,
)
from gateway.mcp.agents.content import json_of
from gateway.mcp.agents.tasks import Find
from gateway.mcp.agents.wire import dumped
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.exchange import Exchange

MAX_READ_BYTES = 16 * 1024 * 1024
"""Of one resource, before it is made base64."""
TTL_MS = 60_000
"""Cards change seldom."""
JSON = "application/json"
TEXT = "text/plain"
OCTETS = "application/octet-stream"
TEXTS = ("text/", JSON)

Contents = TextResourceContents | BlobResourceContents

TEMPLATES = tuple(
    dumped(ResourceTemplate(name=name, title=title, uri_template=uri, description=description, mime_type=media_type))
    for name, title, uri, description, media_type in (
        ("agent-card", "Agent card", CARD_TEMPLATE, "What an agent says of itself (A2A Agent Card).", JSON),
        ("task-artifact", "Artifact of a task", ARTIFACT_TEMPLATE, "What a task of an agent has made.", None),
        ("file", "File", FILE_TEMPLATE, "A file that agents or tools have stored, as results name it.", None),
    )
)


def list_cards(entries: list[Entry]) -> tuple[Document, ...]:
    """The card of each agent as a resource."""
    return tuple(
        dumped(
            Resource(
                name=f"{entry.name}-card",
                title=f"Agent card of {entry.name}",
                uri=card_uri(entry.name),
                description=entry.description or None,
                mime_type=JSON,
            )
        )
        for entry in entries
    )


class Reader:
    """Reads resources for whoever asks; another tenant's are not found. `base_url` is the gateway's own."""

    def __init__(self, files: FileStore, find: Find, base_url: str) -> None:
        self._files = files
        self._find = find
        self._base_url = base_url.rstrip("/")

    async def read(self, exchange: Exchange, uri: str) -> Document:
        """The result of resources/read. Raises `McpError`, `TooLargeError`, `UnavailableError`."""
        place = place_of(uri)
        try:
            if place is None:
                contents = [await self._file(exchange, uri)]
            elif place.task_id:
                contents = await self._artifact(exchange, uri, place)
            else:
                contents = [await self._card(exchange, uri, place)]
        except (NotFoundError, InvalidInputError, RefusedError) as error:
            raise _told(exchange, uri, error) from None
        result: Document = {"contents": [dumped(each) for each in contents]}
        if exchange.era is Era.MODERN:
            result |= {"ttlMs": TTL_MS, "cacheScope": "private"}
        return result

    async def _card(self, exchange: Exchange, uri: str, place: Place) -> Contents:
        entry = (await self._find(exchange, place.agent)).entry
        card = rewrite_card(entry.document, f"{self._base_url}/agents/{entry.name}")
        return TextResourceContents(uri=uri, mime_type=JSON, text=json.dumps(card, ensure_ascii=False))

    async def _artifact(self, exchange: Exchange, uri: str, place: Place) -> list[Contents]:
        contact = await self._find(exchange, place.agent)
        heard = contact.heard(await contact.get(place.task_id))
        for artifact in (*heard.artifacts, *heard.sent_along):
            if artifact.artifact_id == place.artifact_id:
                # Before base64, which takes a third more, and JSON, which copies it once again.
                _check_size(sum(len(part.raw) + len(part.text) for part in artifact.parts))
                return contents_of(uri, artifact.parts)
        raise NotFoundError("The task has no such artifact.")

    async def _file(self, exchange: Exchange, uri: str) -> Contents:
        # Cut: no file has a longer one, and the database need not be asked with megabytes.
        ref, body = await self._files.get(exchange.principal.tenant, uri[:MAX_URI])
        _check_size(ref.size)
        return _body(uri, ref.media_type, body)


def contents_of(uri: str, parts: Iterable[Part]) -> list[Contents]:
    """The parts of an artifact."""
    contents: list[Contents] = []
    for part in parts:
        if part.text:
            contents.append(TextResourceContents(uri=uri, mime_type=part.media_type or TEXT, text=part.text))
        elif part.HasField("raw"):
            contents.append(_body(uri, part.media_type or OCTETS, part.raw))
        elif part.HasField("data"):
            contents.append(TextResourceContents(uri=uri, mime_type=JSON, text=json_of(part)))
        elif part.HasField("url"):
            contents.append(TextResourceContents(uri=uri, mime_type="text/uri-list", text=part.url))
    return contents


def _body(uri: str, media_type: str, body: bytes) -> Contents:
    if media_type.startswith(TEXTS):
        try:
            return TextResourceContents(uri=uri, mime_type=media_type, text=body.decode())
        # Called text by whoever stored it: it goes out as the bytes that it is.
        except UnicodeDecodeError:
            pass
    return BlobResourceContents(uri=uri, mime_type=media_type, blob=base64.b64encode(body).decode())


def _check_size(size: int) -> None:
    if size > MAX_READ_BYTES:
        raise TooLargeError(f"The resource has {size} bytes; the limit is {MAX_READ_BYTES}.", limit=MAX_READ_BYTES)


def _told(exchange: Exchange, uri: str, error: AgentNetError) -> AgentNetError:
    """What the client is told: a resource that is not there has a code of its own in each era."""
    if isinstance(error, TooLargeError) or (isinstance(error, RefusedError) and not error.is_unknown_task):
        return error
    return exchange.no_resource(uri)
