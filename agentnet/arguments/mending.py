"""What is unmistakable in arguments is put right by the tool's schema: `"5"` for a number, `"true"`, JSON in a text for
an object, null for a field that is left out, another case of a value, and the names that hosts do not take.
"""

import json
import math
from typing import Any

from agentnet.arguments.document import (
    Document,
    Flat,
    Schema,
    TooLargeError,
    properties_of,
    required_of,
    types_of,
    values_of,
)
from agentnet.arguments.names import names_of

CHOICES = ("anyOf", "oneOf")
MOST_CHARACTERS = 200_000
"""Of a text that is read as JSON."""
MOST_PARTS = 20_000
_NOT_THERE = object()


def mended(root: Schema, values: Schema) -> Schema:
    """`values` with what is plainly meant otherwise put right; the rest as it is."""
    try:
        found = _Mending(root).value(Document(root).flat(root), values)
    except (TooLargeError, RecursionError):
        return values
    return found if isinstance(found, dict) else values


class _Mending:
    def __init__(self, root: Schema) -> None:
        self._document = Document(root, MOST_PARTS)

    def value(self, flat: Flat, value: Any) -> Any:
        schema = flat.schema
        for key in CHOICES:
            if isinstance(choices := schema.get(key), list) and choices:
                value = self._choice(flat, choices, value)
        types, nullable = types_of(schema)
        if value is None and nullable:
            return None
        value = _of_type(types, value)
        value = _listed(values_of(schema), value)
        if isinstance(value, dict):
            return self._object(flat, value)
        if isinstance(value, list):
            return self._list(flat, value)
        return value

    def _choice(self, flat: Flat, choices: list[Any], value: Any) -> Any:
        """Put right by the choice that `value` looks like, else by the first that makes it one of its own."""
        forms = [self._document.flat(choice, flat.seen) for choice in choices]
        like = [form for form in forms if _is_of(form.schema, value)]
        if like:
            return self.value(next((form for form in like if _suits(form.schema, value)), like[0]), value)
        for form in forms:
            mended = self.value(form, value)
            if _is_of(form.schema, mended):
                return mended
        return value

    def _object(self, flat: Flat, value: Schema) -> Schema:
        fields, required = properties_of(flat.schema), required_of(flat.schema)
        told = {plain: name for name, plain in names_of(fields).items() if plain != name}
        made: Schema = {}
        for key, item in value.items():
            name = told[key] if key in told and key not in fields else key
            form = fields[name] if name in fields else flat.schema.get("additionalProperties")
            inner = self._document.flat(form)  # from the start: the value ends where its schema may go on
            mended = self.value(inner, item)
            if mended is None and name in fields and name not in required and not self._takes_null(inner):
                continue  # null is how strict models leave a field out
            made[name] = mended
        for name in required:  # what models are told to leave out where they would say null
            if name not in made and name in fields and self._takes_null(self._document.flat(fields[name])):
                made[name] = None
        return made

    def _list(self, flat: Flat, value: list[Any]) -> list[Any]:
        items = flat.schema.get("items")
        if not isinstance(items, dict):
            return value
        inner = self._document.flat(items)
        return [self.value(inner, item) for item in value]

    def _takes_null(self, flat: Flat) -> bool:
        types, nullable = types_of(flat.schema)
        choices = [choice for key in CHOICES for choice in flat.schema.get(key) or ()]
        if not types and not choices and not values_of(flat.schema):
            return True  # as anything else
        return nullable or any(self._takes_null(self._document.flat(choice, flat.seen)) for choice in choices)


def _is_of(schema: Schema, value: Any) -> bool:
    """Whether `value` is of a type, and one of the values, that `schema` names."""
    types, nullable = types_of(schema)
    if value is None:
        return nullable or not types
    if nullable and not types:
        return False
    if (values := values_of(schema)) and value not in values:
        return False
    return not types or any(_has_type(kind, value) for kind in types)


def _suits(schema: Schema, value: Any) -> bool:
    """Whether an object has what `schema` requires, and its constants."""
    if not isinstance(value, dict):
        return True
    fields = properties_of(schema)
    constants = {name: values_of(form) for name, form in fields.items() if isinstance(form, dict) and values_of(form)}
    return all(name in value for name in required_of(schema)) and all(
        value[name] in values for name, values in constants.items() if name in value
    )


def _has_type(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    classes = {"string": str, "integer": int, "number": int | float, "object": dict, "array": list}
    return kind in classes and isinstance(value, classes[kind])


def _of_type(types: list[str], value: Any) -> Any:
    if not types or value is None or any(_has_type(kind, value) for kind in types):
        return value
    for kind in types:
        found = _TO[kind](value) if kind in _TO else _NOT_THERE
        if found is not _NOT_THERE:
            return found
    return value


def _to_integer(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            number = _to_number(value)
            return int(number) if isinstance(number, float) and number.is_integer() else _NOT_THERE
    return _NOT_THERE


def _to_number(value: Any) -> Any:
    if not isinstance(value, str):
        return _NOT_THERE
    try:
        number = float(value.strip())
    except ValueError:
        return _NOT_THERE
    if not math.isfinite(number):
        return _NOT_THERE
    return int(value.strip()) if value.strip().lstrip("+-").isdigit() else number


def _to_boolean(value: Any) -> Any:
    words = {"true": True, "false": False}
    return words.get(value.strip().lower(), _NOT_THERE) if isinstance(value, str) else _NOT_THERE


def _to_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool | int | float) else _NOT_THERE


def _to_json(kind: type) -> Any:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
            return _NOT_THERE
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return _NOT_THERE
        return found if isinstance(found, kind) else _NOT_THERE

    return read


_TO: dict[str, Any] = {
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "string": _to_text,
    "object": _to_json(dict),
    "array": _to_json(list),
}


def _listed(values: list[Any], value: Any) -> Any:
    """The one of `values` that differs from `value` by nothing but its case, blanks or type."""
    if not values or value in values or not isinstance(value, str | int | float):
        return value
    near = [each for each in values if _plain(each) == _plain(value)]
    return near[0] if len(near) == 1 else value


def _plain(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, default=str)).strip().casefold()
