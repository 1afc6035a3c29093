"""What does not fit in arguments, told to the model that gave them: each field, and what would be right."""

import difflib
import json
from typing import Any

from agentnet.arguments.document import Document, Schema, as_schema, properties_of, required_of, types_of, values_of
from agentnet.arguments.keywords import words_of
from agentnet.arguments.names import names_of
from agentnet.arguments.texts import as_name, clean, is_name, shortened
from agentnet.mcp.schemas import Problem

MOST_TOLD = 5
MAX_VALUE = 80
"""Characters of a value that is repeated."""
MAX_FORM = 160
"""Characters of what is said of a field."""
MOST_FIELDS = 20
_ARTICLES = {"integer": "an integer", "object": "an object", "array": "an array"}
_COUNTS = {
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} fields",
    "maxProperties": "must have at most {} fields",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
}


def told(tool: str, root: Schema, problems: list[Problem]) -> str:
    """Sentences for the model that called `tool`."""
    found = list(dict.fromkeys(text for problem in problems for text in _texts(root, problem)))
    more = f" (and {len(found) - MOST_TOLD} more)" if len(found) > MOST_TOLD else ""
    return (
        f"{tool} was not called: its arguments are not right. {'; '.join(found[:MOST_TOLD])}{more}. "
        f"Call it again with all of its arguments. It takes {form_of(root)}."
    )


def not_an_object(tool: str, root: Schema, reason: str) -> str:
    """The same for arguments that are not a JSON object."""
    return (
        f"{tool} was not called: its arguments are not a JSON object ({reason}). "
        f"Call it again with one. It takes {form_of(root)}."
    )


def form_of(root: Schema) -> str:
    """The fields of a tool in a line."""
    document = Document(root)
    flat = document.flat(root)
    choices = [document.flat(each).schema for key in ("anyOf", "oneOf") for each in flat.schema.get(key) or ()]
    fields: Schema = {}
    for schema in (*choices, flat.schema):
        fields |= properties_of(schema)
    if not fields:
        return "no arguments: {}" if flat.schema.get("additionalProperties") is False or not choices else "an object"
    required = required_of(flat.schema)
    names = names_of(fields)
    listed = [_field(document, names[name], fields[name], name in required) for name in fields]
    more = f" and {len(listed) - MOST_FIELDS} more" if len(listed) > MOST_FIELDS else ""
    return ", ".join(listed[:MOST_FIELDS]) + more


def _field(document: Document, name: str, form: Any, required: bool) -> str:
    types, _ = types_of(document.flat(form).schema)
    kind = " or ".join(types)
    return f"{clean(name)} ({', '.join(filter(None, (kind, 'required' if required else 'optional')))})"


def _texts(root: Schema, problem: Problem) -> list[str]:
    problem = _deepest(problem)
    where, schema, value = _path(problem), as_schema(problem.schema), problem.instance
    match problem.validator:
        case "required":
            fields = properties_of(schema)
            names = names_of(fields)
            given = value if isinstance(value, dict) else {}
            missing = [name for name in required_of(schema) if name not in given]
            return [
                f"{_at(where, names.get(name, name))} is missing: {_right(root, fields.get(name))}" for name in missing
            ]
        case "additionalProperties" | "unevaluatedProperties" if isinstance(value, dict):
            fields = properties_of(schema)
            unknown = [name for name in value if name not in fields]
            known = [*names_of(fields).values()]
            return [
                f"{_at(where, name)} is not one of its fields{_nearest(name, known)}" for name in unknown[:MOST_TOLD]
            ]
        case "enum" | "const":
            values = values_of(schema)
            texts = [each if isinstance(each, str) else json.dumps(each, default=str) for each in values]
            near = _nearest(value, texts) if isinstance(value, str) else ""
            return [f"{where} must be {_one_of(texts)}, not {_shown(value)}{near}"]
        case "type":
            return [f"{where} must be {_kinds(schema)}, not {_shown(value)}"]
        case "pattern":
            pattern = clean(str(problem.validator_value))[:MAX_FORM]
            return [f"{where} must match {pattern}, which {_shown(value)} does not"]
        case "anyOf" | "oneOf" if isinstance(schema.get(str(problem.validator)), list):
            return [f"{where} must be {_right(root, schema)}, not {_shown(value)}"]
        case validator if validator in _COUNTS:
            return [f"{where} {_COUNTS[str(validator)].format(problem.validator_value)}{_measured(value)}"]
        case _:
            return [f"{where}: {shortened(clean(problem.message), MAX_FORM)}"]


def _deepest(problem: Problem) -> Problem:
    """Of a choice of objects the problem with the one that was meant: where most of it fits."""
    while problem.validator in ("anyOf", "oneOf") and isinstance(problem.instance, dict) and problem.context:
        branches: dict[Any, list[Problem]] = {}
        for inner in problem.context:
            branches.setdefault(inner.schema_path[0] if inner.schema_path else 0, []).append(inner)
        objects = [found for found in branches.values() if not any(_is_about_all(each) for each in found)]
        if not objects:
            return problem
        problem = min(objects, key=len)[0]
    return problem


def _is_about_all(problem: Problem) -> bool:
    """Whether it says that a choice is another one: another type, or another constant."""
    return (problem.validator == "type" and not problem.path) or problem.validator == "const"


def _path(problem: Problem) -> str:
    path = ""
    for key in problem.absolute_path:
        name = key if isinstance(key, int) or is_name(key) else as_name(key)
        path += f"[{name}]" if isinstance(name, int) else f".{name}" if path else name
    return clean(path)[:MAX_FORM] or "the whole"


def _at(where: str, name: str) -> str:
    return clean(name)[:MAX_FORM] if where == "the whole" else f"{where}.{clean(name)[:MAX_FORM]}"


def _right(root: Schema, form: Any) -> str:
    """What a field has to be."""
    document = Document(root)
    schema = document.flat(as_schema(form)).schema
    texts = [each if isinstance(each, str) else json.dumps(each, default=str) for each in values_of(schema)]
    choices = [document.flat(each).schema for key in ("anyOf", "oneOf") for each in schema.get(key) or ()]
    kind = _one_of(texts) if texts else " or ".join(dict.fromkeys(map(_kinds, choices))) if choices else _kinds(schema)
    types, _ = types_of(schema)
    words = "; ".join(words_of({key: schema[key] for key in schema if key != "default"}, types[0])) if types else ""
    said = clean(schema.get("description"))
    return shortened("; ".join(filter(None, (kind, said.rstrip("."), "" if texts else words))), MAX_FORM)


def _kinds(schema: Schema) -> str:
    types, nullable = types_of(schema)
    names = [_ARTICLES.get(kind, f"a {kind}") for kind in types]
    return " or ".join([*names, "null"] if nullable else names) or "a value"


def _one_of(texts: list[str]) -> str:
    shown = ", ".join(_quoted(text) for text in texts[:MOST_FIELDS])
    rest = f" and {len(texts) - MOST_FIELDS} more" if len(texts) > MOST_FIELDS else ""
    return f"one of {shown}{rest}" if len(texts) > 1 else shown


def _quoted(text: str) -> str:
    return clean(shortened(text, MAX_VALUE))


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, [*known], n=1, cutoff=0.6) if len(name) <= MAX_FORM else []
    return f"; did you mean {clean(near[0])}?" if near else ""


def _shown(value: Any) -> str:
    return clean(shortened(json.dumps(value, ensure_ascii=False, default=str), MAX_VALUE))


def _measured(value: Any) -> str:
    if isinstance(value, str | list | dict):
        return f", it has {len(value)}"
    return f", not {_shown(value)}"
