"""A part of a schema in the form that every host takes, with what it says beside it in words."""

import json
from dataclasses import dataclass, field

from agentnet.arguments.document import Schema
from agentnet.arguments.texts import MAX_FIELD_TEXT, shortened

MOST_CHOICES = 20
"""Forms that one field may have."""
SCALARS = ("string", "number", "integer", "boolean")


@dataclass(slots=True)
class Node:
    """What becomes of a part. An empty schema: null alone."""

    schema: Schema
    said: str = ""
    """Its own description."""
    words: list[str] = field(default_factory=list[str])
    """What its keywords said."""
    nullable: bool = False
    has_default: bool = False

    @property
    def text(self) -> str:
        """Its description with all that is told in words."""
        words = "; ".join(dict.fromkeys(self.words))
        text = f"{self.said} ({words})" if self.said and words else self.said or words
        return text if len(text) <= MAX_FIELD_TEXT else f"{text[: MAX_FIELD_TEXT - 1]}…"

    def told(self) -> Schema:
        """The schema with its description."""
        return described(self.schema, self.text)


def described(schema: Schema, text: str) -> Schema:
    """`schema` with a description. Beside `anyOf` Vertex takes nothing: there it stands at the first choice."""
    if not text:
        return schema
    if "anyOf" in schema:
        first, *others = schema["anyOf"]
        own = first.get("description", "")
        return {"anyOf": [described(first, f"{text} {own}".strip()), *others]}
    rest = {key: value for key, value in schema.items() if key not in ("type", "description")}
    return {"type": schema["type"], "description": text, **rest}


def anything() -> Schema:
    """Any JSON value: Gemini takes no schema without a type."""
    return {
        "anyOf": [
            {"type": "string"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "object", "properties": {}},
            {"type": "array", "items": {"type": "string"}},
        ]
    }


def one_of(nodes: list[Node]) -> Node:
    """The choice between `nodes` as one: as a single type where they are alike, else as `anyOf`."""
    nullable = any(node.nullable for node in nodes)
    choices: dict[str, Node] = {}
    for node in nodes:
        for choice in _choices(node):
            key = _key(choice, choices)
            choices[key] = _together(choices[key], choice) if key in choices else choice
    found = [*choices.values()]
    if any(node.schema["type"] == "number" for node in found):  # which an integer is
        found = [node for node in found if node.schema["type"] != "integer"]
    if not found:
        return Node({}, nullable=True)
    if len(found) == 1:
        return Node(found[0].schema, found[0].said, found[0].words, nullable)
    left_out = len(found) - MOST_CHOICES
    words = [f"and {left_out} other forms"] if left_out > 0 else []
    return Node({"anyOf": [node.told() for node in found[:MOST_CHOICES]]}, words=words, nullable=nullable)


def _choices(node: Node) -> list[Node]:
    """The node, or what it is a choice of."""
    if not node.schema:
        return []
    if "anyOf" not in node.schema:
        return [node]
    inner = [
        Node({key: value for key, value in each.items() if key != "description"}, each.get("description", ""))
        for each in node.schema["anyOf"]
    ]
    if node.text:
        inner[0].said = f"{node.text} {inner[0].said}".strip()
    return inner


def _key(node: Node, known: dict[str, Node]) -> str:
    """Scalars of one type are one choice; of objects and lists those of the same form."""
    kind = str(node.schema["type"])
    return kind if kind in SCALARS else json.dumps(node.schema, sort_keys=True, default=str)


def _together(one: Node, other: Node) -> Node:
    mine, theirs = one.schema.get("enum"), other.schema.get("enum")
    schema = dict(one.schema) if one.schema == other.schema else {"type": one.schema["type"]}
    said = one.said if other.said in one.said else " or: ".join(filter(None, (one.said, other.said)))
    words = [] if one.words == other.words else ["; ".join(words) for words in (one.words, other.words) if words]
    merged = Node(schema, said, one.words if one.words == other.words else [" or ".join(words)] if words else [])
    if mine and theirs:
        # A text at a constant is what that value means.
        schema["enum"] = list(dict.fromkeys([*mine, *theirs]))
        meanings = [*_meanings(one, mine), *_meanings(other, theirs)]
        merged.said, merged.words = ("", meanings) if meanings else (said, merged.words)
    elif mine or theirs:
        merged.words = [*merged.words, f"such as {', '.join(mine or theirs or ())}"]
    return merged


def _meanings(node: Node, values: list[str]) -> list[str]:
    if len(values) == 1:
        return [f"{values[0]}: {shortened(node.said, 200)}"] if node.said else []
    return node.words
