"""Filling: a tool's arguments taken from what was said, by the kinds of its parameters. Nothing is invented."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from offline_model.arguments.aggregating import averages, function_named, ranks_groups
from offline_model.arguments.conditions import condition, without_total
from offline_model.arguments.kinds import Kind, kind_of, proportion, role_of
from offline_model.arguments.known import Names
from offline_model.arguments.naming import column_for, counted_column, measuring, source_for
from offline_model.arguments.texts import list_items, text_for
from offline_model.language import values
from offline_model.language.phrases import counts, object_of, over_time, topic
from offline_model.language.quantities import expression_in, quantity_in
from offline_model.language.values import Quantity
from offline_model.language.words import likeness, nearest, stem, terms, words
from offline_model.language.zones import zones_in
from offline_model.request.conversation import Material
from offline_model.request.plan import Step
from offline_model.request.tools import Parameter, ToolSpec, parameters_of

STRONG: Mapping[Kind, float] = {
    Kind.EXPRESSION: 3.0, Kind.URL: 2.5, Kind.SQL: 3.5, Kind.UNIT: 1.2, Kind.SOURCE: 1.0, Kind.EMAIL: 1.0,
}  # fmt: skip
"""What a value of that kind in the text says for a tool, even when no word of the tool is spoken."""
WEAK: Mapping[Kind, float] = {
    Kind.ZONE: 1.2, Kind.CLOCK: 1.0, Kind.PLACE: 0.8, Kind.DATE: 0.6, Kind.TEXT: 0.9, Kind.COLUMN: 0.4,
}  # fmt: skip
MISSING = 2.5
DEFAULT_LIMIT = 5
_LINKING = r"(?:as|in|into|to|and|or|for|from|with|by|on|at|that|which|this|these|the|a|an|are|was|were|below)\b"
_TO_TODAY = re.compile(r"\b(?:today|now|since|ago|until|till|to|left|old|age|away|remain\w*)\b", re.IGNORECASE)
IT = re.compile(r"\b(?:it|that|this|(?:the|that|this) (?:result|number|value|answer|sum|total))\b", re.IGNORECASE)
_ROUNDED = re.compile(r"\brounded? (?:it )?(?:off )?to (\d+) (?:decimals?|digits?|places?)", re.IGNORECASE)
_PERCENT = re.compile(r"(?<![\d.,])(-?\d++(?:[.,]\d++)*+)\s*(?:%|per ?cent\b|prozent\b)", re.IGNORECASE)
_NAME = r"(?-i:[A-Z][\w'’-]*(?:\s+(?:(?:de|da|van|von|der|of|&)\s+)*[A-Z][\w'’-]*)+)"
"""A name of several words: "Ann Smith"."""
_SHORT_MATERIAL = 2_000
_LIMIT = re.compile(
    r"(?i)\b(?:top|first|last|limit(?:ed)?(?: to| of)?|up to|at most|no more than|maximum(?: of)?|best)\s+(\d+)\b"
)


@dataclass(frozen=True, eq=False)
class Task:
    """A step with everything its arguments may come from."""

    step: Step
    materials: tuple[Material, ...] = ()
    names: Names = field(default_factory=Names)
    answers: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the person said when asked, by name of the parameter."""

    @cached_property
    def text(self) -> str:
        """The step and what the request told besides."""
        said = [self.step.text, self.step.background]
        if self.step.points_back or self.step.depends:
            said += [item.text for item in self.materials if item.is_text and len(item.text) <= _SHORT_MATERIAL]
        return "\n".join(filter(None, said))

    @cached_property
    def everything(self) -> str:
        """The text with all of the material: links to files may stand anywhere."""
        return "\n".join([self.text, *(item.text for item in self.materials)])


@dataclass(frozen=True, eq=False)
class Filled:
    """Arguments for a tool, as far as the text gives them."""

    arguments: Mapping[str, Any]
    missing: tuple[Parameter, ...]
    strong: float
    """Weight of the values that speak for this tool by themselves."""
    weak: float
    """Weight of the values that speak for it only along with its words."""
    fan: tuple[Mapping[str, Any], ...] = ()
    """One set of arguments for each of several values that the text names for the one thing the tool takes."""


def fill(tool: ToolSpec, task: Task) -> Filled:
    """Take the arguments of `tool` from `task`."""
    arguments: dict[str, Any] = {}
    missing: list[Parameter] = []
    strong = weak = 0.0
    filler = _Filler(tool, task)
    for parameter in tool.parameters:
        value = _conform(filler.value(parameter), parameter)
        if value is not None:
            arguments[parameter.name] = value
            kind = kind_of(parameter)
            strong += STRONG.get(kind, 0.0) if filler.said(parameter, value) else 0.0
            weak += WEAK.get(kind, 0.0)
        elif parameter.required or filler.lacks_measure(parameter):
            missing.append(parameter)
        elif parameter.listed:
            arguments[parameter.name] = parameter.schema.get("default")
    return Filled(arguments, tuple(missing), strong, weak, filler.fan(arguments))


class _Filler:
    """Values of one tool's parameters; amounts are handed out in the order of the parameters."""

    def __init__(self, tool: ToolSpec, task: Task) -> None:
        self._tool = tool
        self._task = task
        self._kinds = [kind_of(parameter) for parameter in tool.parameters]
        self._amounts = values.numbers_in(task.step.text) or values.numbers_in(task.text)
        self._quantity = quantity_in(task.text) or Quantity()

    def value(self, parameter: Parameter) -> Any:
        """The value for `parameter`; None where the text has none."""
        answer = self._task.answers.get(parameter.name)
        if answer is not None:
            return self._from_answer(parameter, answer)
        kind = kind_of(parameter)
        if parameter.type == "array" and kind not in {Kind.FILES, Kind.OBJECT, Kind.CHOICE, Kind.AMOUNT}:
            return self._list(parameter, kind)
        found = _SOURCES[kind](self, parameter)
        lone = found is None and kind in {Kind.OTHER, Kind.PLACE, Kind.DATE, Kind.CLOCK}
        return self._lone_text(parameter) if lone else found

    def said(self, parameter: Parameter, value: Any) -> bool:
        """Whether the step itself spells `value` out; a name that was only inferred proves nothing."""
        return kind_of(parameter) is not Kind.SOURCE or (isinstance(value, str) and value in self._task.everything)

    def lacks_measure(self, parameter: Parameter) -> bool:
        """Whether the step averages something, and `parameter` names what, but no known column is that."""
        names, step = self._task.names, self._task.step.text
        return bool(names.columns) and measuring(parameter) and (averages(step) or ranks_groups(step))

    def fan(self, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """Several calls, where the tool takes one thing and the step names several."""
        single = [(p, kind) for p, kind in zip(self._tool.parameters, self._kinds, strict=True) if p.name in arguments]
        for kind, found in (
            (Kind.ZONE, [zone for _, _, zone in zones_in(self._task.step.text)]),
            (Kind.URL, values.urls_in(self._task.step.text)),
            (Kind.SOURCE, values.file_uris_in(self._task.step.text) or values.paths_in(self._task.step.text)),
        ):
            same = [parameter for parameter, own in single if own is kind and parameter.type == "string"]
            unique = list(dict.fromkeys(found))
            targets = [parameter for parameter, own in single if own is kind and role_of(parameter) == "to"]
            if kind is Kind.ZONE and len(targets) == 1 and len(same) == 2:
                origins = {arguments[parameter.name] for parameter in same if parameter is not targets[0]}
                unique, same = [zone for zone in unique if zone not in origins], targets
            if len(same) == 1 and len(unique) > 1:
                return tuple({**arguments, same[0].name: value} for value in unique[:8])
        return ()

    def _from_answer(self, parameter: Parameter, answer: str) -> Any:
        step = Step(self._task.step.index, answer)
        kind = kind_of(parameter)
        if kind in {Kind.AMOUNT, Kind.LIMIT}:
            said = next(iter(values.numbers_in(answer)), None)
            return None if said is None else proportion(said, "%" in answer, parameter)
        if kind is Kind.ZONE:
            return next((zone for _, _, zone in zones_in(answer)), answer.strip())
        if kind is Kind.CHOICE:
            return _Filler(self._tool, Task(step)).value(parameter)
        if kind in {Kind.SOURCE, Kind.COLUMN}:
            known = self._task.names.sources if kind is Kind.SOURCE else self._task.names.columns
            return nearest(answer, known) or answer.strip()
        found = quantity_in(answer) if kind is Kind.UNIT else None
        return found.unit if found else answer.strip()

    def _list(self, parameter: Parameter, kind: Kind) -> list[Any] | None:
        if kind is Kind.ZONE:
            return list(dict.fromkeys(zone for _, _, zone in zones_in(self._task.text))) or None
        if kind in {Kind.URL, Kind.SOURCE}:
            found = values.urls_in if kind is Kind.URL else values.file_uris_in
            return found(self._task.everything) or None
        if kind in {Kind.TEXT, Kind.OTHER}:
            return list_items(parameter, self._task.materials) or values.quoted_in(self._task.step.text) or None
        value = _SOURCES[kind](self, parameter.item)
        return None if value is None else [value]

    def _expression(self, _: Parameter) -> str | None:
        spoken = self._task.step.text
        if self._task.step.points_back and self._task.materials:
            numbers = values.numbers_in(self._task.materials[-1].text.split("\n", 1)[0])
            spoken = IT.sub(str(numbers[-1]), spoken) if numbers else spoken
        found = expression_in(spoken) or expression_in(self._task.text)
        digits = _ROUNDED.search(spoken) if found else None
        return f"round({found}, {digits[1]})" if digits else found

    def _sql(self, _: Parameter) -> str | None:
        return values.sql_in(self._task.text)

    def _condition(self, _: Parameter) -> str | None:
        names = self._task.names
        found = condition(self._task.step.text, names) if names.columns else None
        return " AND ".join(filter(None, (found, without_total(names)))) or None

    def _url(self, _: Parameter) -> str | None:
        return next(iter(values.urls_in(self._task.text) or values.urls_in(self._task.everything)), None)

    def _email(self, _: Parameter) -> str | None:
        return next(iter(values.emails_in(self._task.text)), None)

    def _source(self, parameter: Parameter) -> str | None:
        if role_of(parameter) == "to":
            return None
        return source_for(self._task.step.text, self._task.text, self._task.everything, self._task.names)

    def _files(self, parameter: Parameter) -> list[Any] | None:
        found = values.file_uris_in(self._task.everything)
        return found or None if parameter.type == "array" else None

    def _zone(self, parameter: Parameter) -> str | None:
        found = zones_in(self._task.text)
        if not found:
            return None
        origin = self._origin(found)
        role = role_of(parameter)
        if role == "to" or (not role and self._kinds.count(Kind.ZONE) == 1):
            others = [zone for place in found if (zone := place[2]) != origin[2]]
            return others[0] if others else (None if role else origin[2])
        return origin[2] if role == "from" and (len(found) > 1 or self._kinds.count(Kind.ZONE) == 1) else None

    def _origin(self, found: list[tuple[int, str, str]]) -> tuple[int, str, str]:
        for place in found:
            if re.search(r"\b(?:from|von)\s+(?:the\s+)?$", self._task.text[: place[0]], re.IGNORECASE):
                return place
        clocks = values.clocks_in(self._task.text)
        later = [place for place in found if clocks and place[0] > clocks[0][0]]
        if self._kinds.count(Kind.ZONE) == 1 or not clocks:
            return found[0] if self._kinds.count(Kind.ZONE) > 1 else (0, "", found[0][2])
        return later[0] if later else found[0]

    def _place(self, _: Parameter) -> str | None:
        found = zones_in(self._task.text)
        if found:
            return found[0][1]
        match = re.search(r"\b(?:in|at|for|near|to)\s+((?:[A-Z][\w'-]+\s?){1,3})", self._task.step.text)
        return match[1].strip() if match else None

    def _unit(self, parameter: Parameter) -> str | None:
        return self._quantity.target if role_of(parameter) == "to" else self._quantity.unit

    def _amount(self, parameter: Parameter) -> Any:
        if parameter.type == "array":
            return values.numbers_in(self._task.step.text) or None
        if Kind.UNIT in self._kinds and self._quantity.value is not None:
            return self._quantity.value
        named = re.search(
            rf"\b{re.escape(parameter.name)}\b\s*(?:=|:|is|of)?\s*(-?\d(?:[\d.,]*\d)?)", self._task.text, re.IGNORECASE
        )
        if not named and not (self._amounts and parameter.required):
            return None
        amount = values.number(named[1]) if named else self._amounts.pop(0)
        self._amounts = [other for other in self._amounts if not named or other != amount]
        percents = {values.number(said) for said in _PERCENT.findall(self._task.text)}
        return proportion(amount, amount in percents, parameter)

    def _limit(self, parameter: Parameter) -> Any:
        match = _LIMIT.search(self._task.step.text)
        wanted = int(match[1]) if match else (DEFAULT_LIMIT if parameter.required else None)
        return None if wanted is None else max(int(parameter.schema.get("minimum", 1)), wanted)

    def _choice(self, parameter: Parameter) -> Any:
        if "sum" in parameter.choices and counted_column(self._task.step.text, self._task.names):
            return "sum"
        named = function_named(self._task.step.text, parameter.choices)
        if named:
            return named
        said = set(words(self._task.step.text))
        # The name of a column says nothing of what is done with it.
        columns = set(map(stem, words(" ".join(self._task.names.columns))))
        asked = [term for term in terms(self._task.step.text) if term not in columns]
        scored = [
            (_choice_score(choice, asked, said), -place, choice) for place, choice in enumerate(parameter.choices)
        ]
        best = max(scored, key=lambda item: item[:2])
        aggregates_nothing = "count" in parameter.choices and best[0] < 2 and not self._measures(parameter)
        if best[0] > 0 and not aggregates_nothing:
            return [best[2]] if parameter.type == "array" else best[2]
        preferred = self._preferred(parameter)
        if preferred is not None:
            return preferred
        return parameter.choices[0] if parameter.required else None

    def _measures(self, parameter: Parameter) -> bool:
        measured = [other for other in self._tool.parameters if other is not parameter and measuring(other)]
        return not self._task.names.columns or any(self.value(other) for other in measured)

    def _preferred(self, parameter: Parameter) -> str | None:
        measures = bool(self._task.names.columns) and self._measures(parameter)
        likely = ("sum",) if measures and not counts(self._task.step.text) else ("count",)
        wanted = (*likely, "line") if over_time(self._task.step.text) else likely
        return next((choice for choice in wanted if choice in parameter.choices), None)

    def _boolean(self, parameter: Parameter) -> bool | None:
        named = set(terms(parameter.name))
        if named and named <= set(terms(self._task.step.text)):
            return not re.search(r"\b(?:no|not|without|don't)\b", self._task.step.text, re.IGNORECASE)
        return False if parameter.required else None

    def _column(self, parameter: Parameter) -> str | None:
        said = [self._task.step.text, *([self._task.step.background] if self._task.step.background else [])]
        if self._task.step.points_back or self._task.step.depends:
            said += [item.label for item in reversed(self._task.materials)]
        return next((column for text in said if (column := column_for(parameter, text, self._task.names))), None)

    def _date(self, parameter: Parameter) -> str | None:
        found = values.dates_in(self._task.text)
        if len(found) == 1 and self._kinds.count(Kind.DATE) == 2:
            today = "today" if _TO_TODAY.search(self._task.text) and "today" in parameter.description.lower() else None
            open_end = bool(re.search(r"\b(?:since|ago|from|old)\b", self._task.text, re.IGNORECASE))
            return today if open_end == (role_of(parameter) == "to") else found[0]
        return found[-1 if role_of(parameter) == "to" else 0] if found else None

    def _clock(self, _: Parameter) -> str | None:
        found = values.clocks_in(self._task.text)
        return found[0][1] if found else None

    def _title(self, parameter: Parameter) -> str | None:
        return topic(self._task.step.text, [item.label for item in self._task.materials if item.is_text])

    def _query(self, _: Parameter) -> str | None:
        return self._task.step.text or None

    def _text(self, parameter: Parameter) -> str | None:
        others = [p for p, kind in zip(self._tool.parameters, self._kinds, strict=True) if kind is Kind.TEXT]
        return text_for(parameter, others, self._task.step.text, self._task.materials)

    def _object(self, parameter: Parameter) -> Any:
        if parameter.type == "array":
            schema = parameter.item.schema
            pieces = [Task(self._task.step, (item,), self._task.names) for item in self._task.materials]
            filled = [fill(ToolSpec(parameter.name, "", schema), piece) for piece in pieces]
            return [dict(item.arguments) for item in filled if not item.missing and item.arguments] or None
        if not parameters_of(parameter.schema, parameter.schema):
            return {} if parameter.required else None
        inner = fill(ToolSpec(parameter.name, "", parameter.schema), self._task)
        return dict(inner.arguments) if inner.arguments and not inner.missing else None

    def _other(self, parameter: Parameter) -> str | None:
        spoken = parameter.name.replace("_", " ")
        match = re.search(
            rf"\b{re.escape(spoken)}\b\s*(?:=|:|is|of)?\s*(?:\"([^\"]+)\"|(?!{_LINKING})({_NAME}|[\w./@-]+))",
            self._task.step.text,
            re.IGNORECASE,
        )
        if match:
            return str(match[1] or match[2])
        quoted = values.quoted_in(self._task.step.text)
        return quoted[0] if quoted else self._described(parameter)

    _agent = _other

    def _described(self, parameter: Parameter) -> str | None:
        listed = set(re.findall(r"[a-z_]+", parameter.description.casefold())) - {parameter.name}
        asked = set(terms(self._task.step.text))
        if not re.search(r"one of|either|, or |\w+, \w+", parameter.description):
            return None
        return next((word for word in sorted(listed) if any(likeness(term, asked) for term in terms(word))), None)

    def _lone_text(self, parameter: Parameter) -> str | None:
        """What the step is about, for a tool whose one argument could be anything."""
        lone = [p for p in self._tool.parameters if p.required] == [parameter] and kind_of(parameter) is Kind.OTHER
        step = self._task.step.text
        # What stands behind the name of the argument is only a part of the sentence.
        named = set(terms(parameter.name)) <= set(terms(step))
        asks = step.endswith("?") or words(step)[:1] in (["what"], ["which"], ["who"], ["when"])
        given = text_for(parameter, [parameter], step, self._task.materials) if lone else None
        return given or (object_of(step) if lone and not named and not asks else None)


_SOURCES: Mapping[Kind, Callable[[_Filler, Parameter], Any]] = {own: getattr(_Filler, f"_{own.value}") for own in Kind}


def _choice_score(choice: Any, asked: list[str], said: set[str]) -> float:
    if str(choice).casefold() in said:
        return 2.0
    own = terms(str(choice)) or words(str(choice))
    return sum(likeness(term, asked) for term in own) / len(own) if own else 0.0


def _conform(value: Any, parameter: Parameter) -> Any:
    if value is None:
        return None
    if parameter.type == "integer" and isinstance(value, float):
        return int(value) if value.is_integer() else None
    if parameter.type in {"integer", "number"}:
        return value if isinstance(value, int | float) else None
    if parameter.type == "array" and not isinstance(value, list):
        return [value]
    if parameter.type == "string":
        longest = parameter.schema.get("maxLength")
        text = value if isinstance(value, str) else str(value)
        return text[:longest] if isinstance(longest, int) else text
    return value
