"""The form of a specialist's answers: asked of the model, found in what it says, and checked.

A model's server may be asked for it natively, may refuse that, or may take no notice: what the model says is looked
through all the same, and nothing that does not fit passes for an answer.
"""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from agents import Agent, AgentOutputSchemaBase
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from agentnet.errors import ManifestError

ANSWER = "answer"
"""What holds a value that is no object: servers take a schema of an object alone."""
MAX_PROBLEMS = 5
PROBLEM_CHARACTERS = 200
MAX_STEPS = 400_000
"""Of a check: two seconds, if it ever comes to that."""
MAX_DIGITS = 300
"""Of a whole number: A2A has numbers as floating point."""
MAX_BEGINNINGS = 200
"""Places in a text at which a value is looked for."""
_FENCED = re.compile(r"```[\w+-]*[ \t]*\n(.*?)```", re.DOTALL)
_BEGINS = re.compile(r"[\[{]")
_STRICT = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs"}
    | {"title", "description"}
)
"""Keywords that servers take which promise that an answer fits (OpenAI, structured outputs)."""

Schema = dict[str, Any]


def mending(agent: Agent[Any]) -> Agent[Any]:
    """The agent as it mends an answer: it calls no tool, so that any server may be asked for the form."""
    made = copy.copy(agent)
    made.model_settings = replace(agent.model_settings, tool_choice="none" if agent.tools else None)
    return made


@dataclass(frozen=True, slots=True)
class Fit:
    """An answer in its form."""

    value: Any

    def part(self) -> Value:
        """As A2A has it."""
        return ParseDict(self.value, Value())


@dataclass(frozen=True, slots=True)
class Unfit:
    """An answer that is not in its form, and why."""

    problems: str

    @property
    def request(self) -> str:
        """What the model is asked for then."""
        return (
            f"Your answer does not fit its form. {self.problems} Answer once more, with the whole JSON value and "
            "nothing else: no fence and no words around it."
        )


class AnswerForm(AgentOutputSchemaBase):
    """Of one specialist, by a checked JSON Schema."""

    def __init__(self, schema: Schema) -> None:
        from agentnet.mcp.schemas import linear  # 60 ms, for the few that have a form

        for pattern in _patterns(schema):
            if linear(pattern) is None:
                raise ManifestError(
                    f"output_schema: pattern: {pattern!r} is not checked here.",
                    hint="RE2 matches expressions: it neither looks ahead nor behind, and knows no back references.",
                )
        self._schema = schema
        self._is_wrapped = schema.get("type") != "object"
        self._asked = _wrapped(schema) if self._is_wrapped else schema
        self._is_strict = _is_strict(self._asked)

    @property
    def instructions(self) -> str:
        """For models whose server does not see to the form."""
        schema = json.dumps(self._schema, ensure_ascii=False)
        return (
            "Your final answer is read by a program. Answer with one JSON value that fits this JSON Schema, and with "
            f"nothing else: no fence and no words around it.\n{schema}"
        )

    def is_plain_text(self) -> bool:
        """It is not."""
        return False

    def name(self) -> str:
        """How servers call it."""
        return ANSWER

    def json_schema(self) -> Schema:
        """The schema as servers are asked for it: of an object."""
        return self._asked

    def is_strict_json_schema(self) -> bool:
        """Whether it may be asked for with the promise that the answer fits."""
        return self._is_strict

    def validate_json(self, json_str: str) -> Fit | Unfit:
        """What the SDK makes the run's output: no error, for the model is asked once more."""
        return self.found(json_str)

    def of_run(self, output: Any, handed_off: str | None) -> "Fit | Unfit":
        """What a run ended with, or the agent that took the task over."""
        if handed_off is not None:
            return self.found(handed_off)
        return output if isinstance(output, Fit | Unfit) else self.found(str(output or ""))

    def found(self, text: str) -> Fit | Unfit:
        """The answer in `text`: all of it, or of what stands in fences and amid words the longest that fits."""
        text = text.strip()
        problems: list[list[str]] = []
        for values in (_whole(text), _within(text), [text] if self._is_wrapped else []):
            fitting = [fit for value in values if (fit := self._checked(value, problems)) is not None]
            if fitting:
                return max(fitting, key=lambda fit: _length(fit.value))
        least: list[str] = min(problems, key=_count) if problems else ["There is no JSON value in it."]
        return Unfit(" ".join(least))

    def _checked(self, value: Any, problems: list[list[str]]) -> Fit | None:
        """The value if it fits; why not is added to `problems`."""
        holds_it = self._is_wrapped and isinstance(value, dict) and value.keys() == {ANSWER}
        for candidate in (value[ANSWER], value) if holds_it else (value,):
            found = self._problems(candidate)
            if not found:
                return Fit(candidate)
            problems.append(found)
        return None

    def _problems(self, value: Any) -> list[str]:
        from agentnet.mcp.schemas import unproven

        try:
            _length(value)
            found = unproven(self._schema, value, MAX_PROBLEMS, MAX_STEPS)
        except RecursionError:
            return ["It is nested too deeply."]
        except UnicodeError:
            return ["It holds half a character: a surrogate without the other one."]
        return [_told(error.absolute_path, error.message) for error in found]


def _count(problems: list[str]) -> int:
    return len(problems)


def _told(path: Any, message: str) -> str:
    where = ".".join(str(step) for step in path)
    said = message if len(message) <= PROBLEM_CHARACTERS else f"{message[:PROBLEM_CHARACTERS]}…"
    return f"{where}: {said}." if where else f"{said[:1].upper()}{said[1:]}."


def _whole(text: str) -> list[Any]:
    """The text as JSON, if it is."""
    try:
        return [_decoder.decode(text)]
    except (ValueError, RecursionError):
        return []


def _within(text: str) -> list[Any]:
    """The JSON values that stand in fences, or else amid words."""
    fenced = [value for match in _FENCED.finditer(text) for value in _whole(match[1].strip())]
    return fenced or [*_amid(text)]


def _amid(text: str) -> Iterator[Any]:
    end = tries = 0
    for begin in _BEGINS.finditer(text):
        if begin.start() < end:  # within one that was read
            continue
        tries += 1
        if tries > MAX_BEGINNINGS:
            return
        try:
            value, end = _decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            continue
        yield value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _real(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


def _whole_number(text: str) -> int:
    return int(text) if len(text) <= MAX_DIGITS else _no_number(text)


_decoder = json.JSONDecoder(parse_constant=_no_number, parse_float=_real, parse_int=_whole_number)


def _length(value: Any) -> int:
    """Bytes of it as JSON. Raises `UnicodeError`, `RecursionError`."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def _wrapped(schema: Schema) -> Schema:
    inner = {key: value for key, value in schema.items() if key not in ("$defs", "$schema", "$id")}
    made: Schema = {
        "type": "object",
        "properties": {ANSWER: inner},
        "required": [ANSWER],
        "additionalProperties": False,
    }
    return made | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


def _is_strict(schema: Any) -> bool:
    """Whether a schema has only what servers promise: each property required, no other, no further bounds."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if not schema.keys() <= _STRICT:
        return False
    named = schema.get("properties", {})
    is_object = schema.get("type") == "object" or bool(named)
    is_closed = schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(named)
    if is_object and not is_closed:
        return False
    below = [*named.values(), *schema.get("$defs", {}).values(), schema.get("items"), schema.get("anyOf")]
    return all(map(_is_strict, below))


def _patterns(schema: Any, *, named: bool = False) -> Iterator[str]:
    """The regular expressions in a schema; `named` members are those of an author, not keywords."""
    if isinstance(schema, list):
        for item in schema:
            yield from _patterns(item)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if not named and key == "pattern" and isinstance(value, str):
                yield value
            if not named and key == "patternProperties" and isinstance(value, dict):
                yield from value
            if named or key not in ("const", "enum", "default", "examples"):
                yield from _patterns(value, named=not named and key in ("properties", "patternProperties", "$defs"))
