"""What the model knows of its tools: names, descriptions and flattened JSON schemas."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

FIND_AGENTS, DELEGATE, HANDOFF, ASK_USER = "find_agents", "delegate", "handoff", "ask_user"
GIVE_UP = "give_up"
RUNTIME_TOOLS: dict[str, frozenset[str]] = {
    FIND_AGENTS: frozenset({"need"}),
    **dict.fromkeys((DELEGATE, HANDOFF), frozenset({"agent", "message"})),
    ASK_USER: frozenset({"question"}),
    GIVE_UP: frozenset({"reason"}),
}
"""The runtime's own tools, each with the parameters by which it is recognised."""


@dataclass(frozen=True, eq=False)
class Parameter:
    """One argument of a tool."""

    name: str
    schema: Mapping[str, Any]
    """With references resolved and `null` taken out of unions."""
    required: bool
    """Listed as required, without default and without `null` as a choice."""
    nullable: bool = False
    listed: bool = False
    """Listed as required: strict schemas want every key, even optional ones."""

    @property
    def type(self) -> str:
        """JSON type; `string` where the schema does not say."""
        kind = self.schema.get("type")
        return kind if isinstance(kind, str) else "string"

    @property
    def description(self) -> str:
        """What the schema says of it."""
        return str(self.schema.get("description") or self.schema.get("title") or "")

    @property
    def choices(self) -> tuple[Any, ...]:
        """Allowed values, empty when not an enumeration."""
        if "const" in self.schema:
            return (self.schema["const"],)
        values = self.schema.get("enum")
        return tuple(values) if isinstance(values, list) else ()

    @property
    def item(self) -> "Parameter":
        """An element of this list parameter, as a parameter of the same name."""
        schema = self.schema.get("items")
        return Parameter(self.name, schema if isinstance(schema, Mapping) else {}, self.required)


@dataclass(frozen=True, eq=False)
class ToolSpec:
    """A callable tool. `handoff` marks the SDK's own handoffs."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    handoff: bool = False

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its arguments in the schema's order."""
        return parameters_of(self.schema, self.schema)

    @property
    def required(self) -> tuple[Parameter, ...]:
        """The arguments that it cannot be called without."""
        return tuple(parameter for parameter in self.parameters if parameter.required)


@dataclass(frozen=True, eq=False)
class Toolbox:
    """The tools of one request: the specialist's own ones, and the runtime's."""

    own: tuple[ToolSpec, ...] = ()
    runtime: Mapping[str, ToolSpec] = field(default_factory=dict[str, ToolSpec])

    @property
    def coordinates(self) -> bool:
        """Whether work can be passed to other agents."""
        return DELEGATE in self.runtime


def toolbox(tools: Iterable[ToolSpec]) -> Toolbox:
    """Sort `tools` into the runtime's, recognised by name and parameters, and the others."""
    own: list[ToolSpec] = []
    runtime: dict[str, ToolSpec] = {}
    for tool in tools:
        known = RUNTIME_TOOLS.get(tool.name)
        if known is not None and known <= {parameter.name for parameter in tool.parameters}:
            runtime[tool.name] = tool
        else:
            own.append(tool)
    return Toolbox(tuple(own), runtime)


def parameters_of(schema: Mapping[str, Any], root: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The properties of an object schema; `root` holds the definitions that it refers to."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return ()
    listed = schema.get("required")
    names = set(listed) if isinstance(listed, list) else set[str]()
    return tuple(_parameter(str(name), value, str(name) in names, root) for name, value in properties.items())


def canonical(arguments: Mapping[str, Any]) -> str:
    """JSON by which two calls with the same arguments are equal."""
    return json.dumps(arguments, sort_keys=True, ensure_ascii=False, default=str)


def _parameter(name: str, value: Any, listed: bool, root: Mapping[str, Any]) -> Parameter:
    schema, nullable = _flat(value, root, depth=0)
    required = listed and "default" not in schema and not nullable
    return Parameter(name, schema, required, nullable, listed)


def _flat(value: Any, root: Mapping[str, Any], depth: int) -> tuple[dict[str, Any], bool]:
    if not isinstance(value, Mapping) or depth > 8:
        return {}, False
    schema = {key: item for key, item in value.items() if key not in {"$ref", "anyOf", "oneOf", "allOf"}}
    nullable = False
    if isinstance(value.get("$ref"), str):
        referred, nullable = _flat(_definition(value["$ref"], root), root, depth + 1)
        schema = referred | schema
    for union in ("anyOf", "oneOf", "allOf"):
        choices = value.get(union)
        if isinstance(choices, list):
            flat = [_flat(choice, root, depth + 1) for choice in choices]
            nullable = nullable or any(choice.get("type") == "null" or null for choice, null in flat)
            real = [choice for choice, _ in flat if choice.get("type") != "null"]
            schema = (real[0] if real else {}) | schema
    if isinstance(schema.get("type"), list):
        nullable = nullable or "null" in schema["type"]
        schema["type"] = next((kind for kind in schema["type"] if kind != "null"), "string")
    if isinstance(schema.get("items"), Mapping):
        schema["items"] = _flat(schema["items"], root, depth + 1)[0]
    return schema, nullable


def _definition(reference: str, root: Mapping[str, Any]) -> Any:
    node: Any = root
    for key in reference.removeprefix("#/").split("/"):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
