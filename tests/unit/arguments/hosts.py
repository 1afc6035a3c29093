"""What hosts of models refuse about a tool, each rule as one of them says it; a single one costs the whole request."""

import json
import re
from collections.abc import Iterator
from typing import Any

KEPT = {"type", "description", "properties", "required", "additionalProperties", "items", "enum", "format", "anyOf"}
"""What all hosts take, with `minimum` and `maximum`."""
KEYWORDS = KEPT | {"minimum", "maximum"}
TYPES = {"string", "number", "integer", "boolean", "object", "array", "null"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def refusals(name: str, description: str, schema: Any, strict: bool = False) -> list[str]:
    """All that some host says against the tool."""
    found = list(_of_root(schema))
    if not NAME.fullmatch(name):
        found.append(f"OpenAI, Bedrock, Gemini: name {name!r}")
    if not 1 <= len(description) <= 1024:
        found.append(f"OpenAI, Bedrock: description of {len(description)} characters")
    try:
        json.dumps([description, schema], allow_nan=False).encode()
        json.dumps([description, schema], ensure_ascii=False).encode()
    except (ValueError, UnicodeError) as error:
        found.append(f"everyone: {error}")
    if re.search("[\x00-\x08\x0b-\x1f\x7f]", description):
        found.append("control characters")
    return found + list(_of_part(schema, "root", 0, strict))


def _of_root(schema: Any) -> Iterator[str]:
    if schema.get("type") != "object":
        yield "OpenAI: the root is no object"
    if not isinstance(schema.get("properties"), dict):
        yield "LM Studio, Anthropic: no properties"
    if {"anyOf", "oneOf", "allOf", "enum", "not"} & schema.keys():
        yield "OpenAI, Anthropic: a choice at the root"


def _of_part(schema: Any, at: str, depth: int, strict: bool) -> Iterator[str]:
    if unknown := schema.keys() - KEYWORDS:
        yield f"Gemini: unknown {unknown} at {at}"
    if depth > 20:
        yield f"nested too deep at {at}"
        return
    if "anyOf" in schema:
        if len(schema) > 1:
            yield f"Vertex: fields beside anyOf at {at}"
        if not 2 <= len(schema["anyOf"]) <= 20:
            yield f"a choice of {len(schema['anyOf'])} at {at}"
        for number, choice in enumerate(schema["anyOf"]):
            yield from _of_part(choice, f"{at}.anyOf[{number}]", depth + 1, strict)
        return
    kind = schema.get("type")
    if kind not in TYPES:
        yield f"Gemini: type {kind!r} at {at}"
    if kind == "null" and not strict:
        yield f"Gemini: null at {at}"
    yield from _of_kind(schema, str(kind), at, strict)
    for name, part in schema.get("properties", {}).items():
        if not NAME.fullmatch(name):
            yield f"Anthropic: the field {name!r} at {at}"
        yield from _of_part(part, f"{at}.{name}", depth + 1, strict)
    if "items" in schema:
        yield from _of_part(schema["items"], f"{at}[]", depth + 1, strict)


def _of_kind(schema: Any, kind: str, at: str, strict: bool) -> Iterator[str]:
    if kind == "array" and "items" not in schema:
        yield f"OpenAI: array schema missing items at {at}"
    if kind == "object" and "properties" not in schema:
        yield f"LM Studio: no properties at {at}"
    if kind != "object" and {"properties", "required", "additionalProperties"} & schema.keys():
        yield f"Gemini: only allowed for OBJECT type at {at}"
    if kind == "object":
        required = schema.get("required", [])
        if len(set(required)) != len(required) or not set(required) <= schema["properties"].keys():
            yield f"OpenAI, Gemini: required {required} at {at}"
        if schema.get("additionalProperties", False) is not False:
            yield f"Gemini: additionalProperties at {at}"
        if strict and (set(required) != schema["properties"].keys() or schema.get("additionalProperties") is not False):
            yield f"OpenAI, strict: not all of it required at {at}"
    if "enum" in schema:
        values = schema["enum"]
        if kind != "string" or not all(isinstance(value, str) and value for value in values):
            yield f"Gemini: enum only allowed for texts at {at}"
        if len(set(values)) != len(values) or not 1 <= len(values) <= 100:
            yield f"OpenAI: enum of {len(values)} at {at}"
    if schema.get("format") not in (None, "date-time"):
        yield f"Gemini: format {schema['format']} at {at}"
    if {"minimum", "maximum"} & schema.keys() and kind not in ("integer", "number"):
        yield f"bounds of a {kind} at {at}"
    if not isinstance(schema.get("description", ""), str) or len(schema.get("description", "x")) > 2000:
        yield f"description at {at}"
