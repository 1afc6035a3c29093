"""The form of a specialist's answers: a JSON Schema in `agent.yaml`, or in a file beside it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from agentnet.errors import ManifestError

MAX_CHARACTERS = 32_000
"""As JSON: the model reads it in every turn."""
MAX_DEPTH = 32
"""An answer may not be deeper."""


def load_output_schema(directory: Path, path: Path, given: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """The schema that the manifest at `path` gives or names; None without one. Raises `ManifestError`."""
    if given is None:
        return None
    where = f"{path}: output_schema"
    schema = given
    if isinstance(given, str):
        file = directory / given
        if not file.resolve().is_relative_to(directory.resolve()):  # also by a link: the text goes to a model
            raise ManifestError(f"{where}: {given!r} lies outside the folder.")
        schema = _read(file, where)
        where = str(file)
    if not isinstance(schema, dict):
        raise ManifestError(f"{where}: a JSON Schema is an object, such as {{type: object, properties: …}}.")
    _check(schema, where)
    return schema


def _read(file: Path, where: str) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))  # JSON is YAML
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ManifestError(f"{where}: {file} cannot be read: {reason}.") from None
    except yaml.YAMLError as error:
        raise ManifestError(f"{file} is neither JSON nor YAML: {getattr(error, 'problem', error)}.") from None


def _check(schema: dict[str, Any], where: str) -> None:
    """Raises `ManifestError` for what is no schema, or none that can be used without looking elsewhere."""
    import jsonschema  # 60 ms, for the few that have a form

    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError) as error:  # a date of YAML, or a reference to itself
        raise ManifestError(f"{where}: it cannot be written as JSON: {error}.") from None
    if len(text) > MAX_CHARACTERS:
        raise ManifestError(f"{where}: it has {len(text)} characters as JSON; the limit is {MAX_CHARACTERS}.")
    if _depth(schema) > MAX_DEPTH:
        raise ManifestError(f"{where}: it is nested more than {MAX_DEPTH} levels deep.")
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        place = ".".join(str(step) for step in error.absolute_path)
        raise ManifestError(f"{where}: {f'{place}: ' if place else ''}{_said(error)}.") from None
    for reference in _references(schema):
        if not reference.startswith("#") or not _leads_somewhere(schema, reference):
            raise ManifestError(
                f"{where}: $ref: {reference!r} leads nowhere.", hint='Refer to a part of the schema: "#/$defs/name".'
            )


def _said(error: Any) -> str:
    """What is wrong, in words."""
    *above, last = [str(step) for step in error.absolute_path] or [""]
    if last == "type" and above[-1:] != ["properties"]:
        return f"{error.instance!r} is no type; there are: array, boolean, integer, null, number, object, string"
    return str(error.message)[:300]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(item, str):
                yield item
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _leads_somewhere(schema: dict[str, Any], reference: str) -> bool:
    """Whether a reference by a pointer (RFC 6901) has a target; those by a name are looked for as such."""
    pointer = reference[1:]
    if pointer and not pointer.startswith("/"):
        return f'"{pointer}"' in json.dumps(schema)
    found: Any = schema
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            return False
    return True


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [each for items in inner for each in items if isinstance(each, dict | list)]
        if depth > MAX_DEPTH:
            break
    return depth
