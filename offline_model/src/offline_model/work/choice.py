"""Choice: which tool fits a step, by its words and by the values that the step holds for its arguments."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from offline_model.arguments.filling import MISSING, Filled, Task, fill
from offline_model.arguments.kinds import Kind, kind_of, takes
from offline_model.arguments.unused import uncovered
from offline_model.language import phrases
from offline_model.language.values import file_uris_in, numbers_in, spans
from offline_model.language.vocabulary import NOUN_VERBS, PLAIN_VERBS, QUESTION_WORDS, word_set
from offline_model.language.words import likeness, stem, terms, words
from offline_model.language.zones import zones_in
from offline_model.request.tools import ToolSpec

FITS = 1.5
"""Least score at which a tool is used."""
MARGIN = 1.5
"""Lead that a tool which lacks an argument needs over one that lacks nothing."""
CLEARLY = 3.0
"""Least score at which one who could delegate does the step itself."""
VERBS = PLAIN_VERBS | NOUN_VERBS
_GENERAL_VERBS = word_set("show give make get tell find do create use take have see let prepare produce put run")
SHAPE = word_set("rows columns records lines entries fields")
_SOME_TEXT = 2_000
_BEST_TERMS = 4
_BARE_TERMS = 2
_IDIOM = re.compile(r"\bover time\b|\btime series\b", re.IGNORECASE)
_SEARCHING = frozenset(map(stem, word_set("search find look lookup retrieve answer knowledge question ask")))
_WANTS_KNOWLEDGE = re.compile(r"(?i)^(?:explain|describe|tell|find|look|search|learn|research|investigate|know)\b")
_VALUES = re.compile(r"https?://\S+|agentnet-file:\S+|\"[^\"]*\"|“[^”]*”|`[^`]*`")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A tool with its arguments and how well it fits."""

    tool: ToolSpec
    filled: Filled
    score: float

    @property
    def lacks(self) -> float:
        """How much is missing that no other tool is likely to know."""
        return _lacking(self.filled)

    @property
    def searches(self) -> bool:
        """Whether it looks something up by words."""
        return takes(self.tool.parameters, Kind.QUERY)

    @property
    def complete(self) -> bool:
        """Whether it can be called now."""
        return not self.filled.missing


def candidates(tools: Sequence[ToolSpec], task: Task) -> list[Candidate]:
    """The tools with their scores, best first; the order of `tools` decides between equals."""
    index = _Index(tools)
    tabular = any(takes(tool.parameters, Kind.COLUMN) or takes(tool.parameters, Kind.SQL) for tool in tools)
    found = [_candidate(tool, task, index.score(tool, task.step.text), tabular=tabular) for tool in tools]
    found.sort(key=lambda candidate: -candidate.score)
    return _complete_first(found)


def _complete_first(found: list[Candidate]) -> list[Candidate]:
    if not found or found[0].lacks < 1:
        return found
    near = [item for item in found if not item.lacks and item.score >= max(FITS, found[0].score - MARGIN)]
    return [*near[:1], *(item for item in found if item not in near[:1])]


def lexical(text: str, documents: Sequence[tuple[str, str]]) -> list[float]:
    """Score of each of `documents`, names with descriptions, for `text` by words alone."""
    tools = [ToolSpec(name, about) for name, about in documents]
    index = _Index(tools)
    return [index.score(tool, text) for tool in tools]


def _candidate(tool: ToolSpec, task: Task, spoken: float, *, tabular: bool) -> Candidate:
    filled = fill(tool, task)
    spoken += (
        0.0
        if _sums_up(task)
        else _knowledge_bonus(tool, task.step.text, tabular=tabular or bool(file_uris_in(task.everything)))
    )
    score = spoken + filled.strong + (filled.weak if spoken > 0 else 0.0) - MISSING * _lacking(filled)
    score = min(score, 0.0) if _is_elsewhere(tool, filled, task) or _ignores_material(filled, task) else score
    return Candidate(tool, filled, score if spoken > 0 or filled.strong > 0 else min(score, 0.0))


def _is_elsewhere(tool: ToolSpec, filled: Filled, task: Task) -> bool:
    """Whether all that the tool got are times and places, and the step speaks of a thing that it knows nothing of."""
    kinds = set(map(kind_of, tool.parameters))
    tells_time = kinds <= {Kind.ZONE, Kind.CLOCK, Kind.DATE} if kinds else likeness("time", terms(tool.name))
    return bool(tells_time and uncovered(task.step.text, tool, filled.arguments))


def _sums_up(task: Task) -> bool:
    """Whether the step asks for an amount that follows from amounts told before: no document knows it."""
    asks = re.match(r"how (?:much|many)\b", task.step.text, re.IGNORECASE)
    return (bool(asks) or len(terms(task.step.text)) <= _BARE_TERMS) and len(numbers_in(task.step.background)) > 1


def _ignores_material(filled: Filled, task: Task) -> bool:
    about_it = task.step.points_back and len(terms(task.step.text)) <= 3
    if not about_it or not task.materials:
        return False
    given = "\n".join(str(value) for value in filled.arguments.values() if value != task.step.text)
    data = "\n".join(item.text for item in task.materials)
    pieces = [piece for piece in given.splitlines() if len(piece.strip()) > 1]
    same_numbers = set(numbers_in(given[:_SOME_TEXT])) & set(numbers_in(data[:_SOME_TEXT]))
    return not same_numbers and not any(piece in data for piece in pieces)


def _lacking(filled: Filled) -> float:
    kinds = [kind_of(parameter) for parameter in filled.missing]
    return sum(0.2 if kind in {Kind.COLUMN, Kind.SOURCE} else 0.6 if kind is Kind.TEXT else 1.0 for kind in kinds)


def _knowledge_bonus(tool: ToolSpec, step: str, *, tabular: bool) -> float:
    """A search answers a question even when they share no word."""
    first = words(step)[:1]
    asks = bool(first) and (first[0] in QUESTION_WORDS or bool(_WANTS_KNOWLEDGE.match(step)) or step.endswith("?"))
    implied = _implied(step)
    elsewhere = implied and (
        tabular
        or implied[0] != "aggregat"
        or phrases.extreme_groups(step)
        or (phrases.counts(step) and not phrases.counted_phrases(step))
    )
    searches = _SEARCHING & set(terms(f"{tool.name} {tool.description}"))
    return 1.6 if asks and searches and takes(tool.parameters, Kind.QUERY) and not elsewhere else 0.0


class _Index:
    """Weights of words in the names, descriptions and parameters of tools."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._fields = {id(tool): _fields(tool) for tool in tools}
        counted = Counter(term for fields in self._fields.values() for term in set().union(*(own for _, own in fields)))
        self._rarity = {term: 1.0 + math.log(len(tools) / count) for term, count in counted.items()}

    def score(self, tool: ToolSpec, text: str) -> float:
        """Sum of the best few matches between `text` and `tool`."""
        asked = list(dict.fromkeys([*terms(_VALUES.sub(" ", _IDIOM.sub("trend", text))), *_implied(text)]))[:80]
        lead = words(text)[0] if words(text) else ""
        parts = [self._match(tool, term) * (1.5 if term == stem(lead) else 1.0) for term in asked]
        return sum(sorted(parts, reverse=True)[:_BEST_TERMS]) * _agreement(lead, tool)

    def _match(self, tool: ToolSpec, term: str) -> float:
        best = max((weight * likeness(term, own) for weight, own in self._fields[id(tool)]), default=0.0)
        return best * min(self._rarity.get(term, 1.0), 2.0)


def _implied(text: str) -> list[str]:
    """Terms that a step means without saying them: who groups, averages or counts wants data aggregated."""
    if phrases.over_time(text):
        return ["chart", "line"]
    if spans(text):
        return ["date", "differenc"]
    if (zones_in(text) or " time is it" in text.lower()) and likeness(stem("time"), terms(text)):
        return ["time", "zone", "now"]
    if set(map(str.lower, phrases.counted_phrases(text))) & SHAPE:
        return ["row", "column", "describ"]
    asks = words(text)[:1] and words(text)[0] in QUESTION_WORDS
    groups = phrases.group_phrases(text) and (
        not asks or re.search(r"\b(?:per|each|every|group)\b", text, re.IGNORECASE)
    )
    return ["aggregat", "group"] if groups or phrases.counts(text) or phrases.measure_phrases(text) else []


def _agreement(lead: str, tool: ToolSpec) -> float:
    verbs = [word for word in words(tool.name) if word in VERBS]
    if lead not in VERBS - _GENERAL_VERBS or not verbs:
        return 1.0
    return 1.2 if likeness(stem(lead), map(stem, verbs)) else 0.75


def _fields(tool: ToolSpec) -> list[tuple[float, set[str]]]:
    names = " ".join(parameter.name for parameter in tool.parameters)
    said = " ".join(parameter.description for parameter in tool.parameters)
    choices = " ".join(str(choice) for parameter in tool.parameters for choice in parameter.choices)
    return [
        (1.6, set(terms(tool.name))),
        (0.8, set(terms(tool.description))),
        (0.6, set(terms(f"{names} {choices}"))),
        (0.3, set(terms(said))),
    ]
