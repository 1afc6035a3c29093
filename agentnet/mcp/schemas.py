"""Checks values against JSON Schemas of others, such as those of tools, in a time that the others do not set.

Their regular expressions are matched by RE2, whose time is linear in the text; what it does not know, such as looking
ahead, is not checked. All else is counted in steps: a schema of thirty lines may refer to itself a billion times. What
is not checked here is checked by whoever takes the value.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from itertools import islice
from typing import Any

import jsonschema
from jsonschema.validators import extend
from referencing import Registry

logger = logging.getLogger(__name__)

MAX_STEPS = 50_000
"""About a quarter of a second, in a thread; a large value has more."""
MAX_PATTERN = 2000
"""Characters of an expression."""
MAX_TEXT = 16_384
"""Characters of a text that an expression is looked for in."""
MAX_MEMORY = 256 * 1024
"""Bytes of a compiled expression; what needs more is not checked."""
TEXT_STEP = 1024
ITEMS_STEP = 8
"""So many characters, or members, are one step."""

NO_OTHERS: Registry[Any] = Registry()
"""Of schemas: what is not in a document is not fetched either."""

Schema = dict[str, Any]
Problem = jsonschema.ValidationError
Keyword = Callable[[Any, Any, Any, Any], Any]
Errors = Iterator[jsonschema.ValidationError]

_re2: Any = import_module("re2")  # it says nothing of its types
_CODE_UNIT = re.compile(r"\\u([0-9A-Fa-f]{4})")
_left: ContextVar[list[int]] = ContextVar("steps that are left")


class _TooMuchError(Exception):
    """The steps are used up."""


def mismatch(schema: Schema, value: Any, steps: int = MAX_STEPS) -> Problem | None:
    """What of `value` the schema forbids, as far as `steps` lead; nothing where the schema is none. Blocks.

    Raises `RecursionError`.
    """
    return next(iter(mismatches(schema, value, 1, steps)), None)


def mismatches(schema: Schema, value: Any, most: int, steps: int = MAX_STEPS) -> list[Problem]:
    """All that it forbids, so many at most. Raises `RecursionError`."""
    found: list[Problem] = []
    _left.set([steps])
    try:
        for problem in islice(_validator(schema, registry=NO_OTHERS).iter_errors(value), most):
            found.append(problem)  # noqa: PERF402 - what was found before the steps are used up counts
    except _TooMuchError:
        logger.info("a value was not checked to its end: its schema takes more than %d steps", steps)
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001 - a schema may be wrong in any way; who gets the value checks it too
        logger.warning("a schema cannot be applied: %s", type(error).__name__)
    return found


@lru_cache(maxsize=4096)
def linear(pattern: str) -> Any:
    """The expression (ECMA-262, as JSON Schema has them) for RE2; None for one that is not matched."""
    if len(pattern) > MAX_PATTERN:
        return None
    options = _re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        return _re2.compile(_CODE_UNIT.sub(r"\\x{\1}", pattern), options=options)
    except (_re2.error, UnicodeError):
        return None


def holds(pattern: Any, text: str) -> bool | None:
    """Whether `pattern` is found in `text`; None where nobody looked."""
    expression = linear(pattern) if isinstance(pattern, str) and len(text) <= MAX_TEXT else None
    try:
        return None if expression is None else expression.search(text) is not None
    except UnicodeError:  # half a character
        return None


def _pattern(validator: Any, pattern: Any, instance: Any, _: Any) -> Errors:
    if validator.is_type(instance, "string") and holds(pattern, instance) is False:
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            _take(1)
            if holds(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, subschema: Any, instance: Any, schema: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    _take(len(instance) * (1 + len(patterns)))
    extras = [
        name
        for name in instance
        # What nobody looked for may be named by its pattern.
        if name not in known and all(holds(pattern, name) is False for pattern in patterns)
    ]
    if validator.is_type(subschema, "object"):
        for name in extras:
            yield from validator.descend(instance[name], subschema, path=name)
    elif not subschema and extras:
        shown = ", ".join(map(repr, sorted(extras, key=str)[:5]))
        yield jsonschema.ValidationError(f"Additional properties are not allowed ({shown})")


def _unevaluated_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    # The library looks for patterns itself, with expressions that have no bound.
    if "patternProperties" not in json.dumps(validator.schema, default=str):
        yield from jsonschema.Draft202012Validator.VALIDATORS["unevaluatedProperties"](
            validator, value, instance, schema
        )


def _unique_items(validator: Any, wanted: Any, instance: Any, _: Any) -> Errors:
    """By what they look like as JSON: the library compares each with each."""
    if not wanted or not validator.is_type(instance, "array"):
        return
    _take(len(instance))
    if len({json.dumps(item, sort_keys=True, default=str) for item in instance}) < len(instance):
        yield jsonschema.ValidationError("the items are not unique")


def _take(steps: int) -> None:
    left = _left.get()
    left[0] -= steps
    if left[0] < 0:
        raise _TooMuchError


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // TEXT_STEP
    return len(value) // ITEMS_STEP if isinstance(value, dict | list) else 0


def _counted(keyword: Keyword) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        _take(1 + _size(value) + _size(instance))
        return keyword(validator, value, instance, schema)

    return check


_OWN: dict[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated_properties,
    "uniqueItems": _unique_items,
}
_KEYWORDS: dict[str, Any] = {**jsonschema.Draft202012Validator.VALIDATORS, **_OWN}
_extend: Any = extend
_validator: Any = _extend(
    jsonschema.Draft202012Validator, {name: _counted(keyword) for name, keyword in _KEYWORDS.items()}
)


def unproven(schema: Schema, value: Any, most: int, steps: int) -> list[jsonschema.ValidationError]:
    """What of `value` the schema forbids, so many things at most; that it takes more steps to find out is one. Blocks.

    Raises `RecursionError`. The schema must be one.
    """
    found: list[jsonschema.ValidationError] = []
    _left.set([steps])
    try:
        for problem in _validator(schema, registry=NO_OTHERS).iter_errors(value):
            found.append(problem)
            if len(found) == most:
                break
    except _TooMuchError:
        found.append(jsonschema.ValidationError("it takes too long to be checked against its schema"))
    return found
