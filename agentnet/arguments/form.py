"""A tool as models are told of it, and what they give it, read."""

import json
import logging
import re
from dataclasses import dataclass
from typing import Any

from agentnet.arguments.checking import Check
from agentnet.arguments.document import Schema, TooLargeError, as_schema
from agentnet.arguments.errors import BadArgumentsError, UnfitError
from agentnet.arguments.fitting import WRAPPED, Fitter, OpenError
from agentnet.arguments.mending import mended
from agentnet.arguments.node import Node
from agentnet.arguments.problems import not_an_object, told
from agentnet.arguments.texts import MAX_DESCRIPTION, MAX_NAME, clean, halves, is_name, shortened

logger = logging.getLogger(__name__)

DEPTHS = (8, 5, 3, 2, 1)
"""Levels of a schema that models are told of: the most that do not make it too long."""
TEXTS = (200, 80, 0)
"""Characters of the descriptions in a schema that is too long all the same."""
MAX_SCHEMA = 24_000
"""Characters of a schema as JSON: each turn of the model reads it."""
MAX_NOTES = 500
"""Characters of what is said of all arguments together, at the end of the description."""
NOTES = "\nArguments: "
MAX_MORE = 7000
"""Characters of a description's rest, which is told elsewhere."""
MAX_ARGUMENTS = 2_000_000
"""Characters of a call's arguments."""
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Form:
    """One tool. `schema` and `description` fit every host; `more` is what the description had no room for."""

    name: str
    description: str
    more: str
    schema: Schema
    strict: bool
    check: Check
    is_wrapped: bool
    has_names: bool
    """Whether some fields are told by other names than their own."""

    def read(self, text: str) -> tuple[str, Schema]:
        """A call's arguments, as JSON and as values, put right where that is unmistakable.

        Raises `BadArgumentsError`, which names the fields that are not right.
        """
        given = values = self._parsed(text)
        if self.has_names:
            values = mended(self.check.root, values)
        if problems := self._problems(values):
            values = mended(self.check.root, values)
            problems = self._problems(values)
        if problems:
            raise BadArgumentsError(told(self.name, self.check.root, problems))
        if not self.is_wrapped and values is given and text.lstrip().startswith("{") and not _HALF.search(text):
            return text, values
        return json.dumps(values[WRAPPED] if self.is_wrapped else values, ensure_ascii=False), values

    def _problems(self, values: Schema) -> list[Any]:
        try:
            return self.check.problems(values)
        except RecursionError:
            logger.warning("the arguments of %s are nested too deep to be checked", self.name)
            return []

    def _parsed(self, text: str) -> Schema:
        if len(text) > MAX_ARGUMENTS:
            raise BadArgumentsError(
                f"{self.name} was not called: its arguments have {len(text)} characters; at most {MAX_ARGUMENTS} are "
                "taken. Pass large texts as files."
            )
        try:
            values = json.loads(text, parse_constant=_no_number) if text.strip() else {}
            if isinstance(values, str):  # JSON within JSON
                values = json.loads(values, parse_constant=_no_number) if values.strip() else {}
        except (ValueError, RecursionError) as error:
            raise BadArgumentsError(not_an_object(self.name, self.check.root, _reason(error))) from None
        if values is None:
            values = {}
        if self.is_wrapped and not (isinstance(values, dict) and WRAPPED in values):
            values = {WRAPPED: values}
        if not isinstance(values, dict):
            raise BadArgumentsError(not_an_object(self.name, self.check.root, f"but {type(values).__name__}"))
        return _whole(values) if _HALF.search(text) else values


def form_of_tool(name: str, description: str, schema: Any, own: Any = None, strict: bool = False) -> Form:
    """The form of a tool with the arguments `schema`; held against `own` where that is another schema of the same.

    Raises `UnfitError`.
    """
    if not is_name(name):
        raise UnfitError(
            f"its name is not one that models take: 1 to {MAX_NAME} letters, digits, _ and -, no digit first"
        )
    try:
        fitter, node, is_strict = _fitted(schema, strict)
        check = Check(as_schema(schema if own is None else own))
        if fitter.is_wrapped:
            named: Schema = {key: check.root[key] for key in ("$defs", "definitions") if key in check.root}
            check = Check({"type": "object", "properties": {WRAPPED: check.root}, "required": [WRAPPED], **named})
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        logger.info("%s cannot be made fit", name, exc_info=error)
        raise UnfitError(f"the schema of its arguments is none ({type(error).__name__})") from None
    except RecursionError:
        raise UnfitError("the schema of its arguments is nested too deep") from None
    said = clean(description) or name.replace("_", " ")
    notes = node.text if node.words else ""
    room = halves(said)[0] if not notes else halves(said, MAX_DESCRIPTION - min(len(notes), MAX_NOTES) - len(NOTES))[0]
    shown = f"{room}{NOTES}{notes[:MAX_NOTES]}" if notes else room
    rest = said[len(room.removesuffix("…")) :].lstrip() if room != said else ""
    return Form(
        name=name,
        description=shown,
        more=rest[:MAX_MORE],
        schema=node.schema,
        strict=is_strict,
        check=check,
        is_wrapped=fitter.is_wrapped,
        has_names=_has_names(node.schema),
    )


def _fitted(schema: Any, strict: bool) -> tuple[Fitter, Node, bool]:
    if strict:
        try:
            fitter = Fitter(schema, DEPTHS[0], strict=True)
            node = fitter.fitted(schema)
            if _length(node.schema) <= MAX_SCHEMA:
                return fitter, node, True
        except (OpenError, TooLargeError):
            pass
    for depth in DEPTHS:
        fitter = Fitter(schema, depth)
        try:
            node = fitter.fitted(schema)
        except TooLargeError:
            continue
        if _length(node.schema) <= MAX_SCHEMA:
            return fitter, node, False
        for limit in TEXTS if depth == DEPTHS[-2] else ():
            node.schema = _with_texts(node.schema, limit)
            if _length(node.schema) <= MAX_SCHEMA:
                return fitter, node, False
    raise UnfitError(f"the schema of its arguments is larger than {MAX_SCHEMA} characters, even cut short")


def _with_texts(schema: Any, limit: int) -> Any:
    """A fitted schema whose descriptions have so many characters at most."""
    if isinstance(schema, list):
        return [_with_texts(item, limit) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: value if key == "enum" else _with_texts(value, limit) for key, value in schema.items()}
    if isinstance(text := made.get("description"), str):
        made |= {"description": shortened(text, limit)} if limit else {}
        if not limit:
            del made["description"]
    return made


def _length(schema: Schema) -> int:
    return len(json.dumps(schema, ensure_ascii=False, allow_nan=False))


def _has_names(schema: Any) -> bool:
    return "its own name is " in json.dumps(schema)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        near = error.doc[max(0, error.pos - 15) : error.pos + 15]
        return f"{error.msg} at character {error.pos}, near {clean(near)!r}"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def _whole(value: Any) -> Any:
    """`value` without halves of characters, which nobody downstream can write."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value
