"""What can be left out of a request, or put otherwise, for an endpoint that refuses it. Each has a name.

A name is that of a member of the body (`stream_options`), of an entry of `WAYS` (`strict`), or of one of `WAYS_OF` with
what it is about behind a colon (`schema:format`, `tool:big_query`). `Endpoint.omit` holds such names as well.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from agentnet.models.wire import turns

Json = dict[str, Any]

KEPT = frozenset({"model", "messages", "input", "tools", "stream"})
"""Members without which a request is another one."""
DEEP = 40
UNIONS = ("anyOf", "oneOf", "allOf")
DEFINITIONS = ("$defs", "definitions")


def leave_out(body: Json, name: str) -> bool:
    """Change `body` in place. Whether there was anything to change."""
    if way := WAYS.get(name):
        return way(body)
    kind, colon, what = name.partition(":")
    if colon and (way_of := WAYS_OF.get(kind)):
        return way_of(body, what)
    return name not in KEPT and body.pop(name, None) is not None


def schemas_of(body: Json) -> Iterator[Json]:
    """The schemas of a request: its tools' parameters, and that of its answer."""
    for function in functions_of(body):
        if isinstance(function.get("parameters"), dict):
            yield function["parameters"]
    for form in _forms_of(body):
        if isinstance(form.get("schema"), dict):
            yield form["schema"]


def functions_of(body: Json) -> Iterator[Json]:
    """The functions of its tools, in either API's form."""
    for tool in _objects(body.get("tools")):
        yield tool["function"] if isinstance(tool.get("function"), dict) else tool


def _forms_of(body: Json) -> Iterator[Json]:
    wanted, text = body.get("response_format"), body.get("text")
    if isinstance(wanted, dict) and isinstance(wanted.get("json_schema"), dict):
        yield wanted["json_schema"]
    if isinstance(text, dict) and isinstance(text.get("format"), dict):
        yield text["format"]


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _nodes(schema: Any, depth: int = DEEP) -> Iterator[Json]:
    """The schema and all schemas in it. What is below a member's name or an example is none by itself."""
    if depth and isinstance(schema, dict):
        yield cast("Json", schema)
        for key, value in list(cast("Json", schema).items()):
            if key in ("properties", "patternProperties", *DEFINITIONS) and isinstance(value, dict):
                for each in list(value.values()):
                    yield from _nodes(each, depth - 1)
            elif key in ("items", "additionalProperties", "not", "contains"):
                yield from _nodes(value, depth - 1)
            elif key in (*UNIONS, "prefixItems") and isinstance(value, list):
                for each in value:
                    yield from _nodes(each, depth - 1)


def _in_schemas(change: Callable[[Json], bool]) -> Callable[[Json], bool]:
    def way(body: Json) -> bool:
        return sum(change(node) for schema in schemas_of(body) for node in list(_nodes(schema))) > 0

    return way


def _keyword(body: Json, keyword: str) -> bool:
    return _in_schemas(lambda node: node.pop(keyword, None) is not None)(body)


def _strict(body: Json) -> bool:
    places = [*_objects(body.get("tools")), *functions_of(body), *_forms_of(body)]
    return sum(place.pop("strict", None) is not None for place in places) > 0


def _first_type(node: Json) -> bool:
    kinds = node.get("type")
    if not isinstance(kinds, list):
        return False
    node["type"] = next((kind for kind in kinds if kind != "null"), "string")
    return True


def _constant(node: Json) -> bool:
    if "const" not in node:
        return False
    node["enum"] = [node.pop("const")]
    return True


def _first_alternative(node: Json) -> bool:
    """An alternative in place of several: the first that is more than null, and of `allOf` all together."""
    key = next((key for key in UNIONS if isinstance(node.get(key), list)), None)
    if key is None:
        return False
    found = [each for each in _objects(node.pop(key)) if each.get("type") != "null"]
    for each in found if key == "allOf" else found[:1]:
        for name, value in each.items():
            if name == "properties" and isinstance(node.get(name), dict) and isinstance(value, dict):
                node[name] = {**value, **node[name]}
            else:
                node.setdefault(name, value)
    return True


def _root(body: Json) -> bool:
    """Roots that are no objects, or several of them: one object with the members of all."""
    changed = False
    for schema in schemas_of(body):
        found = [each for key in UNIONS for each in _objects(schema.pop(key, None))]
        if found or schema.get("type") != "object":
            members = {name: value for each in found for name, value in (each.get("properties") or {}).items()}
            schema["properties"] = {**members, **(schema.get("properties") or {})}
            schema["type"] = "object"
            changed = True
    return changed


def _references(body: Json) -> bool:
    changed = False
    for schema in schemas_of(body):
        named = {f"#/{key}/{name}": each for key in DEFINITIONS for name, each in (schema.get(key) or {}).items()}
        if _inlined(schema, named, ()) or any(key in schema for key in DEFINITIONS):
            changed = True
        for key in DEFINITIONS:
            schema.pop(key, None)
    return changed


def _inlined(schema: Json, named: Mapping[str, Any], within: tuple[str, ...]) -> bool:
    """Put the definitions in the place of what refers to them; one that holds itself becomes any object."""
    changed = False
    for node in list(_nodes(schema)):
        target = node.pop("$ref", None)
        if target is None:
            continue
        changed = True
        if target in within or len(within) > 8 or not isinstance(named.get(target), dict):
            node.setdefault("type", "object")
            continue
        copied = _copied(named[target])
        _inlined(copied, named, (*within, str(target)))
        for key, value in copied.items():
            node.setdefault(key, value)
    return changed


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in cast("Json", value).items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def _empty_parameters(body: Json) -> bool:
    empty = [
        function
        for function in functions_of(body)
        if isinstance(function.get("parameters"), dict) and not function["parameters"].get("properties")
    ]
    return sum(function.pop("parameters") is not None for function in empty) > 0


def _filled_parameters(body: Json) -> bool:
    """A member that says to be left out, for hosts that take no function without one."""
    empty = [each for each in functions_of(body) if not (each.get("parameters") or {}).get("properties")]
    for function in empty:
        nothing = {"type": "string", "description": "Leave this out."}
        function["parameters"] = {"type": "object", "properties": {"nothing": nothing}}
    return bool(empty)


def _tools_over(body: Json, most: str) -> bool:
    """The first so many tools; those that were called already are kept before others."""
    tools = body.get("tools")
    if not most.isdigit() or not isinstance(tools, list) or len(tools) <= int(most) or not int(most):
        return False
    called = _called(body)
    kept = sorted(range(len(tools)), key=lambda at: (_name_of(tools[at]) not in called, at))[: int(most)]
    body["tools"] = [tools[at] for at in sorted(kept)]
    return True


def _called(body: Json) -> set[str]:
    messages = _objects(body.get("messages"))
    calls = [call.get("function") for message in messages for call in _objects(message.get("tool_calls"))]
    return {str(each.get("name")) for each in [*calls, *_objects(body.get("input"))] if isinstance(each, dict)}


def _tool(body: Json, mark: str) -> bool:
    """Leave one tool out, as long as it is the one that was refused: a changed one is asked again."""
    return _without_tools(body, lambda tool, _: mark_of(tool) == mark)


def _tool_named(body: Json, name: str) -> bool:
    return _without_tools(body, lambda tool, _: _name_of(tool) == name)


def _tool_at(body: Json, index: str) -> bool:
    return _without_tools(body, lambda _, at: str(at) == index)


def _without_tools(body: Json, is_refused: Callable[[Any, int], bool]) -> bool:
    tools = body.get("tools")
    tools = tools if isinstance(tools, list) else []
    kept = [tool for at, tool in enumerate(tools) if not is_refused(tool, at)]
    if len(kept) == len(tools):
        return False
    body["tools"] = kept
    if not kept:
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            body.pop(name, None)
    return True


def lasting(body: Json, name: str) -> list[str]:
    """The names under which `name` is remembered: tools are, each as what it is, and not by their place in a list."""
    kind, _, what = name.partition(":")
    if kind not in ("tool_at", "tool_named"):
        return [name]
    tools = body.get("tools") or []
    found = [tool for at, tool in enumerate(tools) if (str(at) if kind == "tool_at" else _name_of(tool)) == what]
    return [f"tool:{mark_of(tool)}" for tool in found]


def mark_of(tool: Any) -> str:
    """What a tool is remembered by: its name, and what it is."""
    return f"{_name_of(tool)}#{hashlib.sha256(repr(tool).encode('utf-8', 'replace')).hexdigest()[:16]}"


def _name_of(tool: Any) -> str:
    function = tool.get("function", tool) if isinstance(tool, dict) else {}
    return str(function.get("name")) if isinstance(function, dict) else ""


def _renamed(old: str, new: str) -> Callable[[Json], bool]:
    def way(body: Json) -> bool:
        value = body.pop(old, None)
        if value is not None:
            body.setdefault(new, value)
        return value is not None

    return way


def _output_limit(body: Json) -> bool:
    return (
        sum(body.pop(name, None) is not None for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
        > 0
    )


def _stream(body: Json) -> bool:
    body.pop("stream_options", None)
    return body.pop("stream", None) is True


WAYS: Mapping[str, Callable[[Json], bool]] = {
    "strict": _strict,
    "additionalProperties": lambda body: _keyword(body, "additionalProperties"),
    "type_lists": _in_schemas(_first_type),
    "const": _in_schemas(_constant),
    "anyOf": _root,
    "unions": _in_schemas(_first_alternative),
    "$ref": _references,
    "empty_parameters": _empty_parameters,
    "filled_parameters": _filled_parameters,
    "max_tokens": _renamed("max_tokens", "max_completion_tokens"),
    "max_completion_tokens": _renamed("max_completion_tokens", "max_tokens"),
    "output_limit": _output_limit,
    "any_output_limit": _output_limit,
    "stream": _stream,
    **turns.WAYS,
}
WAYS_OF: Mapping[str, Callable[[Json, str], bool]] = {
    "schema": _keyword,
    "tools_over": _tools_over,
    "tool": _tool,
    "tool_at": _tool_at,
    "tool_named": _tool_named,
    "message": turns.without_member,
    "call": turns.without_call_member,
}
