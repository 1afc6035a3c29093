"""Reading an OpenAPI document: where it comes from, its local references."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import httpx

from agentnet.errors import ConfigurationError, UnavailableError
from agentnet.http.ssrf import fetch
from mcp_servers.adapters.openapi.schema import READ_ONLY, Document, SchemaReader
from mcp_servers.adapters.openapi.text import values_of

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_REFERENCES = 64
"""Longest chain of references to references."""
MEDIA_TYPES = ("application/json", "application/yaml", "application/x-yaml", "application/openapi+json", "text/")
OK = 200


@dataclass(frozen=True, slots=True)
class Api:
    """A document that was read."""

    document: Document
    url: str
    """Where it was found; empty for a file."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """Of references, where they stand in schemas."""

    def resolve(self, node: Any) -> Document:
        """`node`, or what it refers to in this document. Raises `ConfigurationError` for anything else."""
        for _ in range(MAX_REFERENCES):
            if not isinstance(node, dict):
                raise ConfigurationError("The OpenAPI document is not well formed: an object is missing.")
            reference = node.get("$ref")
            if reference is None:
                return node
            node = self._at(str(reference))
        raise ConfigurationError("The OpenAPI document refers to itself without an end.")

    def schema(self, node: Any, hidden: str = READ_ONLY) -> Document:
        """The JSON Schema of `node`, with all that it refers to under `$defs`; see `SchemaReader`."""
        return SchemaReader(self._at, self.names, hidden).read(node)

    def base_url(self) -> str:
        """The first server's address. Raises `ConfigurationError` when there is none that is whole."""
        servers = self.document.get("servers") or [{}]
        found = urljoin(self.url, str(servers[0].get("url", "/")))
        if not found.startswith(("http://", "https://")) or "{" in found:
            raise ConfigurationError("The OpenAPI document does not say where the API is.", hint="Set base_url.")
        return found

    def _at(self, reference: str) -> Any:
        # To fetch what a document names would be a way into the network (SSRF).
        if not reference.startswith("#/"):
            raise ConfigurationError(f"The reference {reference[:200]!r} leads out of the OpenAPI document.")
        node: Any = self.document
        for part in reference[2:].split("/"):
            # RFC 6901 section 4: ~1 first, or ~01 would become a slash.
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                raise ConfigurationError(f"The reference {reference[:200]!r} leads nowhere.")
        return node


async def read_document(source: str, http: httpx.AsyncClient) -> Api:
    """The document at a URL, through a guarded client, or in a file. Raises `ConfigurationError`, `UnsafeUrlError`,
    `UnavailableError`."""
    is_url = source.startswith(("http://", "https://"))
    if is_url:
        page = await fetch(http, source, media_types=(*MEDIA_TYPES, ""), max_bytes=MAX_DOCUMENT_BYTES)
        if page.status != OK:
            raise UnavailableError(
                f"{httpx.URL(source).host} answered {page.status} to the OpenAPI document's address."
            )
        text, url = page.body.decode(errors="replace"), page.url
    else:
        text, url = await asyncio.to_thread(_text, Path(source)), ""
    document = await asyncio.to_thread(values_of, text)
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise ConfigurationError(f"{source} is no OpenAPI 3 document.")
    return Api(document, url)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise ConfigurationError(f"{path} is over the limit of {MAX_DOCUMENT_BYTES} bytes.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
