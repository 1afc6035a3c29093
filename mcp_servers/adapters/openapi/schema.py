"""Schemas of an OpenAPI document as JSON Schema 2020-12, each with all that it refers to."""

import re
from collections.abc import Callable
from typing import Any

from agentnet.errors import ConfigurationError

MAX_DEPTH = 100
SCHEMAS = "#/components/schemas/"
READ_ONLY, WRITE_ONLY = "readOnly", "writeOnly"
"""What is in answers only, and in requests only."""

Document = dict[str, Any]

_DROPPED = frozenset({"nullable", "discriminator", "xml", "externalDocs", "example", "$id", "$schema"})
"""OpenAPI's own words in a schema, and those that would change what a reference means."""
_VALUES = frozenset({"enum", "const", "default", "examples", "required", "type", "pattern", "description"})
"""Members that hold no schema."""
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Members that hold a schema under each of their names."""


class SchemaReader:
    """Reads one schema. `at` gives what a reference leads to; `names` are those of references, the same for a whole
    document; required properties that are `hidden`, `READ_ONLY` or `WRITE_ONLY`, are not required."""

    def __init__(self, at: Callable[[str], Any], names: dict[str, str], hidden: str) -> None:
        self._at = at
        self._names = names
        self._hidden = hidden
        self._left: list[str] = []

    def read(self, node: Any) -> Document:
        """The JSON Schema of `node`, with all that it refers to under `$defs`. Raises `ConfigurationError`."""
        schema = self._rewritten(node)
        found: dict[str, Any] = {}
        while self._left:  # no recursion: a chain of references may be as long as the document
            reference = self._left.pop()
            if (name := self._names[reference]) not in found:
                found[name] = self._rewritten(self._at(reference))
        return {**schema, "$defs": found} if found else schema

    def _rewritten(self, node: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise ConfigurationError(f"A schema of the OpenAPI document is nested over {MAX_DEPTH} deep.")
        if isinstance(node, list):
            return [self._rewritten(item, depth + 1) for item in node]
        if not isinstance(node, dict):
            return node
        # What stands beside it is dropped, as OpenAPI 3.0 has it.
        if isinstance(reference := node.get("$ref"), str):
            return {"$ref": f"#/$defs/{self._name(reference)}"}
        kept = {key: value for key, value in node.items() if key not in _DROPPED and not _is_foreign(key, value)}
        found = {key: self._member(key, value, depth + 1) for key, value in kept.items()}
        return _as_json_schema(self._without_hidden(found), nullable=node.get("nullable") is True)

    def _member(self, key: str, value: Any, depth: int) -> Any:
        if key in _VALUES:
            return value
        if key in _BY_NAME and isinstance(value, dict):
            return {str(name): self._rewritten(schema, depth) for name, schema in value.items()}
        return self._rewritten(value, depth)

    def _name(self, reference: str) -> str:
        self._left.append(reference)
        if reference not in self._names:
            plain = re.sub(r"[^A-Za-z0-9_.-]", "_", reference.removeprefix(SCHEMAS))
            taken = set(self._names.values())
            numbered = (f"{plain}_{number}" for number in range(2, len(taken) + 3))
            self._names[reference] = next(name for name in (plain, *numbered) if name not in taken)
        return self._names[reference]

    def _without_hidden(self, schema: Document) -> Document:
        required, properties = schema.get("required"), schema.get("properties")
        if not isinstance(required, list) or not isinstance(properties, dict):
            return schema
        hidden = {
            name for name, node in properties.items() if isinstance(node, dict) and node.get(self._hidden) is True
        }
        return {**schema, "required": [name for name in required if name not in hidden]} if hidden else schema


def _is_foreign(key: str, value: Any) -> bool:
    """Whether it is a regular expression that is one in JavaScript, as OpenAPI has it, and none in Python."""
    if key != "pattern":
        return False
    try:
        re.compile(value)
    except (re.error, TypeError, RecursionError, OverflowError):
        return True
    return False


def _as_json_schema(schema: Document, *, nullable: bool) -> Document:
    """What OpenAPI 3.0 says in its own way, as JSON Schema 2020-12 says it."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        # In 3.0 it is a boolean beside the bound; in JSON Schema 2020-12 the bound itself.
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
