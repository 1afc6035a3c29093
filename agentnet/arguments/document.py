"""A JSON Schema read as one document: references followed, `allOf` merged, types named in JSON Schema's own words."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

MAX_NODES = 3000
"""Parts of a schema that are looked at: thirty lines may refer to each other a billion times."""
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
TYPES = {
    "string": "string str text file char date datetime date-time uuid uri url email password binary byte bytes",
    "integer": "integer int long int32 int64 short bigint",
    "number": "number float double decimal numeric real",
    "boolean": "boolean bool",
    "object": "object dict map json record struct",
    "array": "array list tuple set sequence",
    "null": "null none nil undefined",
}
"""JSON Schema's types, each with what servers call it too."""
_TYPE_OF_WORD = {word: kind for kind, words in TYPES.items() for word in words.split()}
_HINTS = (
    ("object", {"properties", "required", "additionalProperties", "patternProperties", "minProperties"}),
    ("array", {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}),
    ("string", {"pattern", "minLength", "maxLength", "contentEncoding", "contentMediaType"}),
    ("number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
)
"""What a schema without a type must be of, by its other keywords."""
REST = "allOf rest"
"""Where rules are kept that cannot be merged with others of their kind."""
RULES = (("if", "then", "else"), ("not",), ("contains",), ("propertyNames",), ("anyOf",), ("oneOf",))
_LARGER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_SMALLER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


class TooLargeError(Exception):
    """A schema has more parts than are looked at."""


@dataclass(frozen=True, slots=True)
class Flat:
    """A schema without references and `allOf`."""

    schema: Schema
    seen: frozenset[str]
    """The references that lead here."""
    repeats: str = ""
    """What it is a form of again: a reference that leads back to itself ends here."""


class Document:
    """The schema `root`, to whose parts references lead. What they lead to elsewhere is never fetched."""

    def __init__(self, root: Any, most: int = MAX_NODES) -> None:
        self._root = root
        self._left = most

    def flat(self, schema: Any, seen: frozenset[str] = frozenset()) -> Flat:
        """`schema` by itself. Raises `TooLargeError`."""
        self._left -= 1
        if self._left < 0:
            raise TooLargeError
        schema = as_schema(schema)
        repeats = ""
        for key in REFERENCES:
            if isinstance(reference := schema.get(key), str):
                rest = {name: value for name, value in schema.items() if name != key}
                target = self.target(reference)
                if reference in seen:
                    known: Schema = {key: target[key] for key in ("type", "description", "title") if key in target}
                    schema, repeats = both(known, rest), reference.rsplit("/", 1)[-1].lstrip("#") or "the whole"
                else:
                    inner = self.flat(target, seen | {reference})
                    schema, seen, repeats = both(inner.schema, rest), inner.seen, inner.repeats or repeats
        parts = schema.get("allOf")
        if isinstance(parts, list):
            merged: Schema = {}
            for part in parts:
                inner = self.flat(part, seen)
                merged, seen = both(merged, inner.schema), seen | inner.seen
            schema = both(merged, {name: value for name, value in schema.items() if name != "allOf"})
        return Flat(schema, seen, repeats)

    def target(self, reference: str) -> Schema:
        """What `reference` leads to; empty where that is not in the document."""
        if not reference.startswith("#"):
            return {}
        found: Any = self._root
        for escaped in unquote(reference[1:]).split("/")[1:]:
            key = escaped.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(key)
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                return {}
        if len(reference) > 1 and not reference.startswith("#/"):
            found = self._anchored(reference[1:])
        return as_schema(found)

    def _anchored(self, name: str) -> Any:
        if not isinstance(self._root, dict):
            return None
        for key in ("$defs", "definitions"):
            defined = self._root.get(key)
            for value in defined.values() if isinstance(defined, dict) else ():
                if isinstance(value, dict) and name in (value.get("$anchor"), value.get("$dynamicAnchor")):
                    return value
        return self._root if name in (self._root.get("$anchor"), self._root.get("$dynamicAnchor")) else None


def as_schema(value: Any) -> Schema:
    """`value` as a schema that is an object; a word for a type is taken for that type, all else for no constraint."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value.lower() in _TYPE_OF_WORD:
        return {"type": value}
    return {}


def types_of(schema: Schema) -> tuple[list[str], bool]:
    """The types that a flat schema admits, without null, and whether null is another; none where anything goes."""
    named = schema.get("type")
    listed = named if isinstance(named, list) else [named] if isinstance(named, str) else []
    words = [word.lower() for word in listed if isinstance(word, str)]
    nullable = schema.get("nullable") is True or "null" in words or "none" in words
    types = [_TYPE_OF_WORD.get(word, "" if word in ("any", "*", "mixed", "unknown") else "string") for word in words]
    values = values_of(schema)
    if values:
        nullable = nullable or None in values
        if not types:
            types = [type_of(value) for value in values]
    if not types:
        types = [kind for kind, keywords in _HINTS if keywords & schema.keys()][:1]
    found = [] if "" in types else [kind for kind in dict.fromkeys(types) if kind != "null"]
    return (["number"] if set(found) == {"integer", "number"} else found), nullable


def type_named(word: Any) -> str | None:
    """JSON Schema's type that a server calls `word`; None where it is none."""
    return _TYPE_OF_WORD.get(word.lower()) if isinstance(word, str) else None


def values_of(schema: Schema) -> list[Any]:
    """The values that `enum` or `const` allow; none where neither is."""
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return listed if isinstance(listed, list) else []


def type_of(value: Any) -> str:
    """JSON Schema's type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, classes in (("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, classes):
            return kind
    return "object"


def properties_of(schema: Schema) -> Schema:
    """The fields of an object's schema, each with its schema; what is no schema is left out, and what none may have."""
    found = schema.get("properties")
    if not isinstance(found, dict):
        return {}
    return {
        str(name): value
        for name, value in found.items()
        if isinstance(value, dict) or value is True or (value is None) or as_schema(value)
        # A keyword that slipped among the fields: {"properties": {..., "type": "object"}}.
        if not (name == "type" and value == "object")
    }


def required_of(schema: Schema) -> list[str]:
    """The fields that an object must have."""
    listed = schema.get("required")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    # Draft 3 says it at the field.
    fields = properties_of(schema).items()
    own = [name for name, value in fields if isinstance(value, dict) and value.get("required") is True]
    return list(dict.fromkeys([*names, *own]))


def both(one: Schema, other: Schema) -> Schema:
    """What holds where `one` and `other` hold; of words, those of `other`."""
    merged = dict(one)
    for rule in RULES:
        if all(key in schema for key in rule[:1] for schema in (one, other)) and one[rule[0]] != other[rule[0]]:
            rest = [*one.get(REST, []), *other.get(REST, []), {key: merged.pop(key) for key in rule if key in merged}]
            other = {**other, REST: rest}
    for key, value in other.items():
        merged[key] = _both(key, merged[key], value) if key in merged and merged[key] != value else value
    return merged


def _both(key: str, one: Any, other: Any) -> Any:
    if key == "properties" and isinstance(one, dict) and isinstance(other, dict):
        shared = [name for name in one if name in other and one[name] != other[name]]
        return one | other | {name: {"allOf": [one[name], other[name]]} for name in shared}
    if key == "required" and isinstance(one, list) and isinstance(other, list):
        return list(dict.fromkeys([*map(str, one), *map(str, other)]))
    if key == "enum" and isinstance(one, list) and isinstance(other, list):
        return [value for value in other if value in one] or other
    if key == "type":
        return _types_of_both(one, other)
    if key == "additionalProperties" and False in (one, other):
        return False
    if key in _LARGER | _SMALLER and _is_number(one) and _is_number(other):
        return max(one, other) if key in _LARGER else min(one, other)
    return other


def _types_of_both(one: Any, other: Any) -> Any:
    mine, theirs = (value if isinstance(value, list) else [value] for value in (one, other))
    shared = [kind for kind in theirs if kind in mine or (kind == "integer" and "number" in mine)]
    shared += [kind for kind in mine if kind == "integer" and "number" in theirs and kind not in shared]
    return (shared[0] if len(shared) == 1 else shared) if shared else other


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
