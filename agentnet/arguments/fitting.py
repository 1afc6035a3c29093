"""Makes a tool's schema fit: an object at its root, no references, one type a field, no keyword that a host refuses.

What is taken out is told in words, so that nothing of the meaning is lost; what a model gives is held against the
tool's own schema all the same.
"""

from collections.abc import Iterable
from typing import Any

from agentnet.arguments.document import (
    Document,
    Flat,
    Schema,
    as_schema,
    both,
    properties_of,
    required_of,
    types_of,
    values_of,
)
from agentnet.arguments.keywords import KEPT_FORMAT, MAX_VALUES, bounds_of, list_of_values, texts_of, words_of
from agentnet.arguments.names import names_of
from agentnet.arguments.node import Node, anything, one_of
from agentnet.arguments.texts import MAX_FIELD_TEXT, clean
from agentnet.arguments.variants import Variants

WRAPPED = "value"
"""The one field of a tool whose arguments are no object."""
NOWHERE = frozenset[str]()
ANNOTATIONS = ("title", "description", "default", "examples", "example", "deprecated", "$comment")


class OpenError(Exception):
    """The schema has a part of no fixed form, which `strict` does not take."""


class Fitter:
    """One walk through a schema, `depth` levels deep; with `strict` in the form that OpenAI's strict mode takes."""

    def __init__(self, root: Any, depth: int, strict: bool = False) -> None:
        self._document = Document(root)
        self._depth = depth
        self._strict = strict
        self.is_wrapped = False

    def fitted(self, root: Any) -> Node:
        """The whole. Raises `TooLargeError`, and `OpenError` where it is to be strict."""
        flat = self._document.flat(root)
        types, _ = types_of(flat.schema)
        variants = Variants(self._document, flat)
        if variants.some_objects:
            return self._object(variants.merged(), variants.seen, 0, variants.words())
        if "object" in types or "properties" in flat.schema or not (types or variants.choices):
            return self._object(flat.schema, flat.seen, 0, [])
        self.is_wrapped = True
        inner = self._node(root, NOWHERE, 1)
        return Node({"type": "object", "properties": {WRAPPED: inner.told()}, "required": [WRAPPED]})

    def _node(self, schema: Any, seen: frozenset[str], depth: int) -> Node:
        flat = self._document.flat(schema, seen)
        node = self._formed(flat, depth)
        node.said = node.said or _said(flat.schema)
        node.has_default = "default" in flat.schema
        return node

    def _formed(self, flat: Flat, depth: int) -> Node:
        schema = flat.schema
        types, nullable = types_of(schema)
        types = ["string"] if len(types) > 1 and values_of(schema) else types
        variants = Variants(self._document, flat)
        if flat.repeats:
            return self._repeated(flat, types, nullable)
        if variants.are_objects and (properties_of(schema) or not variants.differ):
            return self._object(variants.merged(), variants.seen, depth, variants.words())
        if variants.choices:
            return self._choice(flat, variants.choices, depth, nullable)
        if len(types) > 1:
            kinds = [self._typed(both(schema, {"type": kind}), kind, flat.seen, depth) for kind in types]
            node = one_of(kinds)
        elif types:
            node = self._typed(schema, types[0], flat.seen, depth)
        elif nullable:  # and nothing else
            return Node({}, nullable=True)
        else:
            self._is_open()
            node = Node(anything(), words=["any JSON value", *words_of(schema, "")])
        node.nullable = node.nullable or nullable
        return node

    def _typed(self, schema: Schema, kind: str, seen: frozenset[str], depth: int) -> Node:
        if kind == "object":
            return self._object(schema, seen, depth, [])
        if kind == "array":
            return self._list(schema, seen, depth)
        words, made = words_of(schema, kind), Schema(type=kind)
        if kind == "string":
            values = texts_of(schema)
            if len(values) > MAX_VALUES:
                words.append(f"one of {list_of_values(values)}")
            elif values:
                made["enum"] = values
                words += ['or ""'] if "" in values_of(schema) else []
            elif schema.get("format") == KEPT_FORMAT:
                made["format"] = KEPT_FORMAT
        elif kind == "boolean":
            words += [f"always {str(values_of(schema)[0]).lower()}"] if len(values_of(schema)) == 1 else []
        elif not values_of(schema):
            made |= bounds_of(schema)
        return Node(made, words=words)

    def _list(self, schema: Schema, seen: frozenset[str], depth: int) -> Node:
        words = words_of(schema, "array")
        items = schema.get("items")
        places = schema.get("prefixItems", items if isinstance(items, list) else None)
        if isinstance(places, list) and places:
            words.append(f"{len(places)} items, each in its place")
            inner = one_of([self._node(place, seen, depth + 1) for place in places])
        elif isinstance(items, dict) or as_schema(items):
            inner = self._node(items, seen, depth + 1)
        else:
            self._is_open()
            inner = Node(anything())
        if values := values_of(schema):
            words.append(f"one of {list_of_values(values)}")
        if not inner.schema:
            inner = Node({"type": "string"})
        if inner.nullable:
            inner.words.append("or null")
        return Node({"type": "array", "items": inner.told()}, words=words)

    def _object(self, schema: Schema, seen: frozenset[str], depth: int, words: list[str]) -> Node:
        words = [*words_of(schema, "object"), *words]
        fields, required = properties_of(schema), required_of(schema)
        closed = schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False
        if values := values_of(schema):
            words.append(f"one of {list_of_values(values)}")
        made = Schema(type="object", properties={})
        if depth >= self._depth and fields:
            self._is_open()
            return Node(made, _said(schema), [*words, f"with the fields {_listed(fields, required)}"])
        needed: list[str] = []
        for name, told in names_of(fields).items():
            node = self._node(fields[name], seen, depth + 1)
            if name != told:
                node.words.append(f"its own name is {clean(name)[:100]}")
            if not node.schema:
                node = Node({"type": "string"}, node.said, [*node.words, "always null: leave it out"], True)
            optional = node.nullable or (self._strict and node.has_default)
            made["properties"][told] = _or_null(node) if self._strict and optional else node.told()
            if name in required and not node.nullable:
                needed.append(told)
        if self._strict:
            closed, needed = True, list(made["properties"])
            if not fields and depth:
                self._is_open()
        made |= {"required": needed} if needed else {}
        made |= {"additionalProperties": False} if closed else {}
        return Node(made, _said(schema), words)

    def _choice(self, flat: Flat, choices: list[Any], depth: int, nullable: bool) -> Node:
        """A choice of forms; what stands beside it holds for each of them."""
        beside = {
            key: value for key, value in flat.schema.items() if key not in ("anyOf", "oneOf", "nullable", *ANNOTATIONS)
        }
        nodes = [
            self._node(both(beside, as_schema(choice)) if beside else choice, flat.seen, depth) for choice in choices
        ]
        node = one_of(nodes)
        if not node.schema and not node.nullable:
            node = Node(anything())
        said = _said(flat.schema)
        words = words_of({key: flat.schema[key] for key in ANNOTATIONS if key in flat.schema}, "")
        return Node(
            node.schema, " ".join(filter(None, (said, node.said))), [*node.words, *words], nullable or node.nullable
        )

    def _repeated(self, flat: Flat, types: list[str], nullable: bool) -> Node:
        self._is_open()
        kind = types[0] if types else "object"
        made = Schema(type=kind)
        if kind == "object":
            made["properties"] = {}
        elif kind == "array":
            made["items"] = {"type": "object", "properties": {}}
        return Node(made, _said(flat.schema), [f"of the same form as {clean(flat.repeats)[:80]} above"], nullable)

    def _is_open(self) -> None:
        if self._strict:
            raise OpenError


def _or_null(node: Node) -> Schema:
    """`node`, or null. Strict mode wants every field: null is how one is left out."""
    choices = node.schema.get("anyOf", [node.schema])
    return Node({"anyOf": [*choices, {"type": "null"}]}, node.said, node.words).told()


def _said(schema: Schema) -> str:
    text = clean(schema.get("description"))
    return text if len(text) <= MAX_FIELD_TEXT else f"{text[: MAX_FIELD_TEXT - 1]}…"


def _listed(fields: Iterable[str], required: list[str]) -> str:
    names = [f"{clean(name)[:60]}{' (required)' if name in required else ''}" for name in fields]
    return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
