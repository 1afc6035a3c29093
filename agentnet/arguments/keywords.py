"""What a schema says by keywords that some host of models refuses, in words: the words go into the description.

Refused somewhere, whole request and all: `pattern` (llama.cpp wants anchors and knows no lookahead), lengths and counts
(its grammars grow with them), `format` (Gemini knows `date-time` alone), `exclusiveMinimum`, `multipleOf`, `not`, `if`,
`patternProperties`, `propertyNames`, `const`, `default`, `examples`, `enum` of anything but texts (Gemini).
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from agentnet.arguments.document import REST, Schema, as_schema, types_of, values_of
from agentnet.arguments.texts import clean, shortened

MAX_VALUES = 100
"""Of an enumeration; OpenAI takes some hundreds, and each turn of the model reads all of them."""
MAX_SHOWN = 60
"""Characters of a value in words."""
MAX_RULE = 240
"""Characters of a rule that is told as its own JSON."""
MAX_EXACT = 2**53 - 1
KEPT_FORMAT = "date-time"
FORMATS = {
    "date": "a date, YYYY-MM-DD",
    "time": "a time, HH:MM:SS",
    "duration": "an ISO 8601 duration",
    "email": "an email address",
    "uri": "a URL",
    "url": "a URL",
    "uuid": "a UUID",
    "byte": "base64",
    "binary": "binary",
}
SILENT_FORMATS = frozenset({KEPT_FORMAT, "int32", "int64", "float", "double", "password", "string", "textarea", ""})
RULES = ("not", "if", "dependentRequired", "dependentSchemas", "dependencies", "contains", "propertyNames", REST)


def words_of(schema: Schema, kind: str) -> list[str]:
    """What a flat schema of that type says beyond what is kept of it."""
    found: list[str] = []
    if kind == "string":
        found += _of_text(schema)
    elif kind in ("integer", "number"):
        found += _of_number(schema)
    elif kind == "array":
        found += _of_list(schema)
    elif kind == "object":
        found += _of_object(schema)
    found += _rules(schema)
    found += _asides(schema)
    return found


def texts_of(schema: Schema) -> list[str]:
    """The values of an enumeration as texts, each once: hosts take no others, and no empty ones."""
    values = (value if isinstance(value, str) else _json(value) for value in values_of(schema) if value is not None)
    return [value for value in dict.fromkeys(clean(value) for value in values) if value]


def bounds_of(schema: Schema) -> Schema:
    """`minimum` and `maximum`, where they are numbers that JSON can tell exactly."""
    found: Schema = {}
    for key in ("minimum", "maximum"):
        value = schema.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_EXACT:
            found[key] = int(value) if float(value).is_integer() else value
    return found


def list_of_values(values: list[Any]) -> str:
    """Values in words, as far as they are shown."""
    shown = ", ".join(_shown(value) for value in values[:MAX_VALUES])
    return shown if len(values) <= MAX_VALUES else f"{shown} and {len(values) - MAX_VALUES} more"


def _of_text(schema: Schema) -> Iterator[str]:
    named = schema.get("format")
    if isinstance(named, str) and named not in SILENT_FORMATS:
        yield FORMATS.get(named, f"format {clean(named)[:MAX_SHOWN]}")
    if isinstance(pattern := schema.get("pattern"), str):
        yield f"pattern {clean(pattern)[:MAX_RULE]}"
    yield from _counts(schema, "minLength", "maxLength", "characters")
    for key in ("contentEncoding", "contentMediaType"):
        if isinstance(schema.get(key), str):
            yield clean(schema[key])[:MAX_SHOWN]


def _of_number(schema: Schema) -> Iterator[str]:
    if values := [value for value in values_of(schema) if value is not None]:
        yield f"one of {list_of_values(values)}"
    for key, word in (("exclusiveMinimum", "more than"), ("exclusiveMaximum", "less than")):
        value = schema.get(key)
        if isinstance(value, bool):  # draft 4: it speaks of its neighbour
            value = schema.get("minimum" if "Minimum" in key else "maximum") if value else None
        if _is_told(value):
            yield f"{word} {value}"
    if _is_told(step := schema.get("multipleOf")):
        yield f"a multiple of {step}"


def _of_list(schema: Schema) -> Iterator[str]:
    yield from _counts(schema, "minItems", "maxItems", "items")
    if schema.get("uniqueItems") is True:
        yield "each item once"


def _of_object(schema: Schema) -> Iterator[str]:
    yield from _counts(schema, "minProperties", "maxProperties", "fields")
    patterns = schema.get("patternProperties")
    for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
        yield f"fields whose names match {clean(str(pattern))[:MAX_RULE]}: {_brief(value)}"
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and others:
        yield f"{'other fields' if schema.get('properties') else 'any names of fields'}, each value {_brief(others)}"


def _rules(schema: Schema) -> Iterator[str]:
    """What has no words, as its own JSON."""
    for key in RULES:
        if key not in schema:
            continue
        rule = {name: schema[name] for name in ("if", "then", "else") if name in schema} if key == "if" else schema[key]
        told = _json(rule if key in ("if", REST) else {key: rule})
        yield shortened(f"rule: {told}", MAX_RULE)


def _asides(schema: Schema) -> Iterator[str]:
    default = schema.get("default")
    if default not in (None, "", [], {}) and len(shown := _shown(default)) <= MAX_SHOWN:
        yield f"default {shown}"
    examples = schema.get("examples", schema.get("example"))
    listed = examples if isinstance(examples, list) else [examples] if examples is not None else []
    if shown := ", ".join(each for each in map(_shown, listed[:3]) if len(each) <= MAX_SHOWN):
        yield f"such as {shown}"
    if schema.get("deprecated") is True:
        yield "deprecated"


def _counts(schema: Schema, least: str, most: str, what: str) -> Iterator[str]:
    low, high = schema.get(least), schema.get(most)
    if isinstance(low, int | float) and _is_told(low) and low > (1 if what == "characters" else 0):
        yield f"at least {low} {what}"
    if isinstance(high, int | float) and _is_told(high) and high < MAX_EXACT:
        yield f"at most {high} {what}"


def _brief(value: Any) -> str:
    schema = as_schema(value)
    types, _ = types_of(schema)
    if set(schema) <= {"type", "title"} and types:
        return f"a value of type {' or '.join(types)}"
    return shortened(_json(value), MAX_RULE) if schema else "of any type"


def _shown(value: Any) -> str:
    return clean(value) if isinstance(value, str) and value else _json(value)


def _json(value: Any) -> str:
    return clean(json.dumps(value, ensure_ascii=False, default=str))


def _is_told(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
