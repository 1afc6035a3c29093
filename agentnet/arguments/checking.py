"""Values held against a tool's own schema: as far as that says what can be checked."""

from typing import Any

from agentnet.arguments.document import Schema, as_schema, type_named
from agentnet.mcp.schemas import Problem, mismatches

MOST_STEPS = 5000
"""Some tens of milliseconds, in the event loop; who takes the values checks them too."""
MOST_PROBLEMS = 8
_VALUES = frozenset({"enum", "const", "default", "example", "examples"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_SCHEMAS = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedProperties"}
)
_PLAIN = frozenset({"type", "title", "description", "default", "examples", "example", "$comment"})
_PLAIN_ROOT = frozenset({"type", "properties", "required", "additionalProperties", "$schema", "$defs", *_PLAIN})
_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


class Check:
    """What the schema `root` holds against values; most schemas say no more than names and types."""

    def __init__(self, root: Schema) -> None:
        self.root: Schema = _checkable(root)
        self._fields = _plain_fields(self.root)
        self._required = frozenset(self.root.get("required") or ())
        self._is_closed = self.root.get("additionalProperties") is False

    def problems(self, values: Schema) -> list[Problem]:
        """What of `values` does not fit."""
        if self._fields is not None and self._is_plainly_right(values, self._fields):
            return []
        return mismatches(self.root, values, MOST_PROBLEMS, MOST_STEPS)

    def _is_plainly_right(self, values: Schema, fields: dict[str, tuple[type, ...]]) -> bool:
        for name, value in values.items():
            classes = fields.get(name)
            if classes is None:
                if self._is_closed:
                    return False
            elif type(value) not in classes:
                return False
        return self._required <= values.keys()


def _plain_fields(root: Schema) -> dict[str, tuple[type, ...]] | None:
    """The classes of each field's values, where the schema says nothing else."""
    if not root.keys() <= _PLAIN_ROOT or root.get("type") != "object":
        return None
    if root.get("additionalProperties") not in (None, True, False):
        return None
    found: dict[str, tuple[type, ...]] = {}
    for name, schema in root.get("properties", {}).items():
        classes = _classes_of(schema)
        if classes is None:
            return None
        found[name] = classes
    return found


def _classes_of(schema: Any) -> tuple[type, ...] | None:
    """The classes of the values of a field that says nothing but its type, or a choice of types."""
    if not isinstance(schema, dict):
        return None
    choices = schema.get("anyOf")
    if isinstance(choices, list) and schema.keys() <= (_PLAIN - {"type"}) | {"anyOf"}:
        found = [_classes_of(choice) for choice in choices]
        return None if None in found else tuple(each for classes in found for each in classes or ())
    named = schema.get("type")
    kinds = [kind for kind in (named if isinstance(named, list) else [named]) if isinstance(kind, str)]
    if not kinds or not schema.keys() <= _PLAIN or not all(kind in _CLASSES for kind in kinds):
        return None
    return tuple(each for kind in kinds for each in _CLASSES[kind])


def _checkable(schema: Any) -> Any:
    """`schema` without what is none of the newest draft's: old spellings are told in new ones, others left out."""
    if isinstance(schema, list):
        return [_checkable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {}
    for key, value in schema.items():
        if key in _VALUES:
            made[key] = value
        elif key in _NAMED:
            if isinstance(value, dict):
                made[key] = {
                    str(name): _checkable(part) for name, part in value.items() if isinstance(part, dict | bool)
                }
        elif key == "items" and isinstance(value, list):
            made["prefixItems"] = _checkable(value)
        elif key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool):
            bound = "minimum" if key == "exclusiveMinimum" else "maximum"
            made |= {key: schema[bound]} if value and bound in schema else {}
        elif key == "required":
            made |= {key: [name for name in value if isinstance(name, str)]} if isinstance(value, list) else {}
        elif key == "type":
            made |= _known_types(value, schema.get("nullable") is True)
        elif key in _SCHEMAS and not isinstance(value, dict | bool):
            made |= {key: as_schema(value)} if as_schema(value) else {}
        elif key != "nullable":
            made[key] = _checkable(value)
    return made


def _known_types(value: Any, nullable: bool) -> Schema:
    named = [type_named(kind) for kind in (value if isinstance(value, list) else [value])]
    kinds = [kind for kind in named if kind is not None]
    if len(kinds) < len(named) or not kinds:
        return {}
    kinds = [*kinds, "null"] if nullable else kinds
    return {"type": kinds if len(kinds) > 1 else kinds[0]}
