"""An operation of an OpenAPI document as a tool."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from agentnet.errors import ConfigurationError
from agentnet.upstreams.declarations import OpenApiServer
from mcp_servers.adapters.openapi.document import Api
from mcp_servers.adapters.openapi.schema import WRITE_ONLY, Document

MAX_OPERATIONS = 500
MAX_TOOLS_BYTES = 32 * 1024 * 1024
"""Of all tools as JSON. Each holds the schemas that it refers to, so a small document can make a large list."""
MAX_NAME = 64
MAX_DESCRIPTION = 2000
BODY = "body"
"""Argument that holds the request's body."""
RESULT = "result"
"""Member of the structured content that holds an answer which is no object."""
PLACES = ("path", "query", "header")
MALFORMED = (KeyError, TypeError, AttributeError, ValueError, RecursionError)
"""What reading a document raises that is another shape than OpenAPI's; `ValueError` is pydantic's too."""
MAX_FAULTS = 20
"""Of a document that are told of one by one."""
_NOT_OURS = frozenset(
    {
        *("accept", "content-type", "authorization", "cookie"),
        *("host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"),
        *("proxy-authorization", "proxy-connection"),
    }
)
"""Header parameters that are ignored (OpenAPI 3.1, parameter object), and those that a model must not set."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument beside the body."""

    argument: str
    name: str
    place: str
    explode: bool
    style: str
    is_json: bool
    """Whether its value is sent as JSON, for that is its media type."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A tool, and how its arguments become a request."""

    tool: types.Tool
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body_type: str | None
    """Media type of the request's body: JSON, a form, or text."""
    wraps: bool
    """Whether the answer stands under `RESULT`."""


def operations_of(api: Api, declared: OpenApiServer) -> dict[str, Operation]:
    """The operations that are declared, by the names of their tools; one that is not well formed is left out, alone,
    and told of in the log. Blocks. Raises `ConfigurationError`, and those of `MALFORMED`."""
    found: dict[str, Operation] = {}
    faults = _Faults(declared.name)
    size = 0
    for path, item, method in _each(api, declared, faults):
        try:
            operation = _operation(api, declared, found, path, item, method)
        except (ConfigurationError, *MALFORMED) as error:
            faults.add(f"{method.upper()} {path}", error)
            continue
        if operation is None:
            continue
        found[operation.tool.name] = operation
        size += len(operation.tool.model_dump_json())
        if len(found) > MAX_OPERATIONS or size > MAX_TOOLS_BYTES:
            much = (
                f"{MAX_OPERATIONS} operations" if size <= MAX_TOOLS_BYTES else f"{MAX_TOOLS_BYTES >> 20} MiB of tools"
            )
            raise ConfigurationError(
                f"The OpenAPI document has over {much}.", hint="Name those to offer in `operations`."
            )
    faults.tell()
    if not found:
        raise ConfigurationError("The OpenAPI document has none of the operations that are wanted.")
    return found


def _operation(
    api: Api, declared: OpenApiServer, taken: dict[str, Operation], path: str, item: Document, method: str
) -> Operation | None:
    source = api.resolve(item[method])
    identifier = str(source.get("operationId") or f"{method}_{path}")
    if declared.operations and identifier not in declared.operations:
        return None
    return _Reader(api, source, item).operation(_unique(identifier, taken), method, path)


def _each(api: Api, declared: OpenApiServer, faults: "_Faults") -> Iterator[tuple[str, Document, str]]:
    for path, node in api.resolve(api.document.get("paths", {})).items():
        if not str(path).startswith("/"):  # an extension, x-…
            continue
        try:
            item = api.resolve(node)
        except ConfigurationError as error:
            faults.add(str(path), error)
            continue
        yield from ((str(path), item, method) for method in declared.methods if method in item)


class _Faults:
    """What of a document is left out, for the log: the first ones, and how many there are."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._count = 0

    def add(self, what: str, error: Exception) -> None:
        """One more."""
        self._count += 1
        if self._count <= MAX_FAULTS:
            why = error if isinstance(error, ConfigurationError) else f"it is not well formed ({type(error).__name__})."
            logger.warning("%.200r of the OpenAPI document of %s is left out: %s", what, self._server, why)

    def tell(self) -> None:
        """That is all."""
        if self._count > MAX_FAULTS:
            logger.warning("of the OpenAPI document of %s %d operations are left out", self._server, self._count)


def _unique(identifier: str, taken: dict[str, Operation]) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", identifier).strip("_")[:MAX_NAME] or "operation"
    number = 2
    unique = name
    while unique in taken:
        unique = f"{name[: MAX_NAME - 4]}_{number}"
        number += 1
    return unique


class _Reader:
    """Reads one operation."""

    def __init__(self, api: Api, source: Document, item: Document) -> None:
        self._api = api
        self._source = source
        self._item = item
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []

    def operation(self, name: str, method: str, path: str) -> Operation:
        parameters = tuple(self._parameters())
        body_type = self._body()
        output, wraps = self._output()
        schema = {"type": "object", "properties": self._properties, "required": self._required}
        tool = types.Tool(
            name=name,
            title=self._source.get("summary") or None,
            description=self._description(method, path),
            input_schema=_with_definitions({**schema, "additionalProperties": False}),
            output_schema=output,
            annotations=annotations_of(method),
        )
        return Operation(tool, method, path, parameters, body_type, wraps)

    def _description(self, method: str, path: str) -> str:
        said = [str(self._source.get(key) or "").strip() for key in ("summary", "description")]
        return "\n\n".join(filter(None, said))[:MAX_DESCRIPTION] or f"{method.upper()} {path}"

    def _parameters(self) -> Iterator[Parameter]:
        nodes = [*self._item.get("parameters", ()), *self._source.get("parameters", ())]
        found = {(node["in"], node["name"]): node for node in map(self._api.resolve, nodes)}
        for (place, name), node in found.items():
            if place not in PLACES or (place == "header" and name.lower() in _NOT_OURS):
                continue
            # A query and a path may both have an `id` (OpenAPI 3.1, parameter object: unique by name and place).
            argument = name if name not in self._properties and name != BODY else f"{place}_{name}"
            content: Document = next(iter((node.get("content") or {}).values()), {})
            schema = self._api.schema(node.get("schema") or content.get("schema") or {})
            if said := node.get("description"):
                schema = {**schema, "description": str(said)[:MAX_DESCRIPTION]}
            self._properties[argument] = schema
            # Of a path they are required, whatever is said (OpenAPI 3.1, parameter object).
            if node.get("required") or place == "path":
                self._required.append(argument)
            # The defaults of OpenAPI 3.1: form in a query, simple elsewhere; only form explodes unasked.
            style = node.get("style") or ("form" if place == "query" else "simple")
            explode = bool(node.get("explode", style == "form"))
            yield Parameter(argument, name, place, explode, style, "schema" not in node and bool(content))

    def _body(self) -> str | None:
        if "requestBody" not in self._source:
            return None
        body = self._api.resolve(self._source["requestBody"])
        content = body.get("content") or {}
        media_type = _chosen(list(content))
        if media_type is None:
            return None
        schema = self._api.schema(content[media_type].get("schema") or {})
        if said := body.get("description"):
            schema = {**schema, "description": str(said)[:MAX_DESCRIPTION]}
        self._properties[BODY] = schema
        if body.get("required"):
            self._required.append(BODY)
        return media_type

    def _output(self) -> tuple[Document | None, bool]:
        """The schema of every successful answer, if there is one, and whether it stands under `RESULT`."""
        responses = {str(code): node for code, node in (self._source.get("responses") or {}).items()}
        good = [self._api.resolve(node) for code, node in responses.items() if code.startswith("2")]
        contents = [node.get("content") or {} for node in good]
        # With several successes no one schema holds for the answer, and a client would refuse the other.
        if len(good) != 1 or [*contents[0]] != ["application/json"] or "schema" not in contents[0]["application/json"]:
            return None, False
        schema = self._api.schema(self._api.resolve(contents[0]["application/json"]["schema"]), hidden=WRITE_ONLY)
        if schema.get("type") == "object":
            return schema, False
        # In 2025-11-25 structuredContent is an object; only 2026-07-28 takes any value.
        wrapped = {"type": "object", "properties": {RESULT: schema}, "required": [RESULT]}
        return _with_definitions(wrapped), True


def annotations_of(method: str) -> types.ToolAnnotations:
    """What HTTP says of a method (RFC 9110 section 9.2); of POST and PATCH the worst is taken."""
    reads = method == "get"
    return types.ToolAnnotations(
        read_only_hint=reads,
        destructive_hint=not reads,
        idempotent_hint=method in ("get", "put", "delete"),
        open_world_hint=True,
    )


def _chosen(media_types: list[str]) -> str | None:
    plain = {media_type: media_type.partition(";")[0].strip().lower() for media_type in media_types}
    for wanted in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
        for media_type, short in plain.items():
            if short == wanted or (wanted == "application/json" and short.endswith("+json")):
                return media_type
    return None


def _with_definitions(schema: Document) -> Document:
    """`schema` with the `$defs` of its properties at its root, where references look for them."""
    definitions: Document = {}
    properties: Document = {}
    for name, node in schema["properties"].items():
        definitions |= node.get("$defs", {})
        properties[name] = {key: value for key, value in node.items() if key != "$defs"}
    return {**schema, "properties": properties, **({"$defs": definitions} if definitions else {})}
