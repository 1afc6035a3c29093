"""A choice between objects as one object: hosts take no `anyOf` at the root, nor one beside fields."""

from typing import Any

from agentnet.arguments.document import Document, Flat, Schema, both, properties_of, required_of, types_of, values_of
from agentnet.arguments.texts import clean

MOST_VARIANTS = 50
CHOICES = ("anyOf", "oneOf")


class Variants:
    """What `flat` leaves to choose from."""

    def __init__(self, document: Document, flat: Flat) -> None:
        self._document = document
        self._flat = flat
        key = next((key for key in CHOICES if isinstance(flat.schema.get(key), list) and flat.schema[key]), "")
        self.choices: list[Any] = flat.schema[key] if key else []
        opened = self._opened(flat, 0) if key else []
        beside_object = types_of(flat.schema)[0] == ["object"]
        self._variants = [variant for variant in opened if _is_object(variant, beside_object)]
        self.are_objects: bool = bool(opened) and len(opened) == len(self._variants)
        """Whether each choice is one of objects, or of what holds for the object that they stand beside."""
        self.some_objects: bool = bool(self._variants)
        self.seen = flat.seen.union(*(variant.seen for variant in self._variants))

    @property
    def differ(self) -> bool:
        """Whether the choices have fields of their own."""
        return any(properties_of(variant.schema) for variant in self._variants)

    def merged(self) -> Schema:
        """One object with the fields of all; needed is what all need."""
        base = {key: value for key, value in self._flat.schema.items() if key not in (*CHOICES, "type", "nullable")}
        own, forms = properties_of(base), dict[str, list[Any]]()
        for variant in self._variants:
            for name, form in properties_of(variant.schema).items():
                known = forms.setdefault(name, [])
                if form not in known:
                    known.append(form)
        found = {name: form[0] if len(form) == 1 else {"anyOf": form} for name, form in forms.items()}
        # A field of the base that the choices only narrow is told by its own words.
        found = {name: both(form, _words(own[name])) if name in own else form for name, form in found.items()}
        fields = {**own, **found}
        needed = [set(required_of(variant.schema)) for variant in self._variants]
        shared = set[str].intersection(*needed) if needed else set[str]()
        required = dict.fromkeys([*required_of(base), *(name for name in fields if name in shared)])
        closed = all(variant.schema.get("additionalProperties") is False for variant in self._variants)
        base |= {"type": "object", "properties": fields, "required": list(required)}
        return base | ({"additionalProperties": False} if closed else {})

    def words(self) -> list[str]:
        """Which fields go together."""
        shared = set(required_of(self.merged()))
        told: list[str] = []
        for variant in self._variants:
            names = [name for name in required_of(variant.schema) if name not in shared]
            marks = [
                f"{name}={value}"
                for name, form in properties_of(variant.schema).items()
                for value in _constant(form)
                if name in shared
            ]
            told.append(f"{', '.join(marks)}: {', '.join(names) or 'nothing more'}" if marks else ", ".join(names))
        ways = [clean(way) for way in dict.fromkeys(filter(None, told))]
        if not ways or all(way.endswith(": nothing more") for way in ways):
            return []
        several = "one of these ways" if len(ways) > 1 else "besides what is required"
        return [f"give {several}: {' | '.join(ways)}"]

    def _opened(self, flat: Flat, depth: int) -> list[Flat]:
        """The choices of `flat`, and the choices that these are themselves."""
        found: list[Flat] = []
        key = next((key for key in CHOICES if isinstance(flat.schema.get(key), list) and flat.schema[key]), "")
        for choice in flat.schema[key][:MOST_VARIANTS] if key else ():
            inner = self._document.flat(choice, flat.seen)
            rest = {name: value for name, value in inner.schema.items() if name not in CHOICES}
            deeper = self._opened(inner, depth + 1) if depth < 3 else []
            found += [Flat(both(rest, each.schema), each.seen, each.repeats) for each in deeper] or [inner]
        return [variant for variant in found if not _is_null(variant)][:MOST_VARIANTS]


def _is_object(flat: Flat, beside_object: bool) -> bool:
    types, _ = types_of(flat.schema)
    if flat.repeats or values_of(flat.schema):
        return False
    return types == ["object"] or (not types and beside_object)


def _is_null(flat: Flat) -> bool:
    types, nullable = types_of(flat.schema)
    return nullable and not types


def _constant(form: Any) -> list[Any]:
    values = values_of(form) if isinstance(form, dict) else []
    return values if len(values) == 1 else []


def _words(form: Any) -> Schema:
    kept = ("description", "title", "default")
    return {key: form[key] for key in kept if key in form} if isinstance(form, dict) else {}
