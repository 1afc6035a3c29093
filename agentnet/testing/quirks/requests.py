"""What may be in a request that some host refuses: each is looked for in either API's form."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Body = Mapping[str, Any]
Found = Callable[[Body], bool]


def functions(body: Body) -> Iterator[Mapping[str, Any]]:
    """The functions of a request, in either API's form."""
    for tool in body.get("tools") or []:
        yield tool.get("function") or tool


def schemas(value: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and all objects in it."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from schemas(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas(inner)


def messages(body: Body) -> list[Mapping[str, Any]]:
    """What was said, in either API's form."""
    said = body.get("messages") or body.get("input") or []
    return [] if isinstance(said, str) else said


def has(*keys: str) -> Found:
    """Whether one of these is in the body itself."""
    return lambda body: any(key in body for key in keys)


def in_functions(*keys: str) -> Found:
    """Whether one of these is a key of a function."""
    return lambda body: any(key in function for function in functions(body) for key in keys)


def in_schemas(*keys: str) -> Found:
    """Whether one of these is a key of a function's schema."""
    return lambda body: any(
        key in schema for function in functions(body) for schema in schemas(function.get("parameters")) for key in keys
    )


def in_messages(*keys: str, role: str | None = None) -> Found:
    """Whether one of these is a key of a message, of that role where one is given."""
    return lambda body: any(
        key in message for message in messages(body) if role in (None, message.get("role")) for key in keys
    )


def said_by(*roles: str) -> Found:
    """Whether one of these speaks."""
    return lambda body: any(message.get("role") in roles for message in messages(body))


def many_tools(body: Body) -> bool:
    """Whether there are more tools than OpenAI takes."""
    return len(body.get("tools") or []) > 128


def type_lists(body: Body) -> bool:
    """Whether a schema has a list of types."""
    return any(isinstance(schema.get("type"), list) for f in functions(body) for schema in schemas(f.get("parameters")))


def root_unions(body: Body) -> bool:
    """Whether the root of a schema is no plain object."""
    unions = ("anyOf", "oneOf", "allOf", "$ref")
    return any(key in (function.get("parameters") or {}) for function in functions(body) for key in unions)


def empty_properties(body: Body) -> bool:
    """Whether an object in a schema has no properties."""
    return any(not (function.get("parameters") or {}).get("properties") for function in functions(body))


def listed_content(body: Body) -> bool:
    """Whether the content of a message is a list."""
    return any(isinstance(message.get("content"), list) for message in messages(body))


def null_content(body: Body) -> bool:
    """Whether the content of a message is null."""
    return any("content" in message and message["content"] is None for message in messages(body))


def late_system(body: Body) -> bool:
    """Whether a system message is not the first."""
    return any(message.get("role") in {"system", "developer"} for message in messages(body)[1:])
