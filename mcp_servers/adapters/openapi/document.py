"""Reading an OpenAPI document: where it comes from, its local references, its schemas as JSON Schema 2020-12."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import httpx
import yaml
from referencing import Registry

from agentnet.errors import ConfigurationError, UnavailableError
from agentnet.ssrf import fetch

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_NODES = 1_000_000
"""Values in a document, those that a YAML alias repeats counted each time: few bytes can stand for very many."""
MAX_REFERENCES = 64
"""Longest chain of references to references."""
MAX_DEPTH = 100
MEDIA_TYPES = ("application/json", "application/yaml", "application/x-yaml", "application/openapi+json", "text/")
OK = 200
SCHEMAS = "#/components/schemas/"

NO_OTHERS: Registry[Any] = Registry()
"""Of schemas: what is not in a document is not fetched either."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """A document that was read."""

    document: Document
    url: str
    """Where it was found; empty for a file."""

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

    def schema(self, node: Any) -> Document:
        """The JSON Schema of `node`, with all that it refers to under `$defs`."""
        needed: dict[str, Any] = {}
        schema = self._rewritten(node, needed)
        return {**schema, "$defs": needed} if needed else schema

    def base_url(self) -> str:
        """The first server's address. Raises `ConfigurationError` when there is none that is whole."""
        servers = self.document.get("servers") or [{}]
        found = urljoin(self.url, str(servers[0].get("url", "/")))
        if not found.startswith(("http://", "https://")) or "{" in found:
            raise ConfigurationError("The OpenAPI document does not say where the API is.", hint="Set base_url.")
        return found

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise ConfigurationError(f"The reference {reference[:200]!r} leads out of the OpenAPI document.")
        node: Any = self.document
        for part in reference[2:].split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or key not in node:
                raise ConfigurationError(f"The reference {reference[:200]!r} leads nowhere.")
            node = node[key]
        return node

    def _rewritten(self, node: Any, needed: dict[str, Any], depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise ConfigurationError(f"A schema of the OpenAPI document is nested over {MAX_DEPTH} deep.")
        if isinstance(node, list):
            return [self._rewritten(item, needed, depth + 1) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(reference := node.get("$ref"), str):
            return {"$ref": f"#/$defs/{self._define(reference, needed, depth)}"}
        found = {key: self._member(key, value, needed, depth + 1) for key, value in node.items() if key not in _DROPPED}
        return _as_json_schema(found, nullable=node.get("nullable") is True)

    def _member(self, key: str, value: Any, needed: dict[str, Any], depth: int) -> Any:
        if key in _VALUES:
            return value
        if key in _BY_NAME and isinstance(value, dict):
            return {name: self._rewritten(schema, needed, depth) for name, schema in value.items()}
        return self._rewritten(value, needed, depth)

    def _define(self, reference: str, needed: dict[str, Any], depth: int) -> str:
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", reference.removeprefix(SCHEMAS))
        if name not in needed:
            needed[name] = {}  # a schema may refer to itself
            needed[name] = self._rewritten(self._at(reference), needed, depth + 1)
        return name


_DROPPED = frozenset({"nullable", "discriminator", "xml", "externalDocs", "example", "$id", "$schema"})
"""OpenAPI's own words in a schema, and those that would change what a reference means."""
_VALUES = frozenset({"enum", "const", "default", "examples", "required", "type", "pattern", "description"})
"""Members that hold no schema."""
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Members that hold a schema under each of their names."""


def _as_json_schema(schema: Document, *, nullable: bool) -> Document:
    """What OpenAPI 3.0 says in its own way, as JSON Schema 2020-12 says it."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        said = schema.get(exclusive)
        if isinstance(said, bool):
            del schema[exclusive]
            if said and bound in schema:
                schema[exclusive] = schema.pop(bound)
    if not nullable:
        return schema
    kind = schema.get("type")
    if not isinstance(kind, str):
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [kind, "null"], **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}


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
    document = await asyncio.to_thread(_parsed, text)
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


def _parsed(text: str) -> Any:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        raise ConfigurationError("The OpenAPI document is neither JSON nor YAML.") from None
    _check_size(document)
    return document


def _check_size(document: Any) -> None:
    seen, left = 0, [document]
    while left:
        node = left.pop()
        children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
        seen += len(children)
        if seen > MAX_NODES:
            raise ConfigurationError(f"The OpenAPI document has over {MAX_NODES} values.")
        left.extend(children)
