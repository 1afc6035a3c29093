"""Unused: what a step says and a call takes no notice of. Who answers all the same answers something else."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from offline_model.arguments.known import Names
from offline_model.language import values
from offline_model.language.phrases import counts
from offline_model.language.vocabulary import DETERMINERS, NOUN_VERBS, PLAIN_VERBS, QUESTION_WORDS, STOP_WORDS, word_set
from offline_model.language.words import likeness, stem, words
from offline_model.language.zones import zones_in
from offline_model.request.tools import ToolSpec

_PLAIN = (
    STOP_WORDS
    | DETERMINERS
    | QUESTION_WORDS
    | word_set(
        """row rows record records entry entries line lines value values table tables data file files attached dataset
    column columns only just where whose according overall altogether there those ones chart graph plot draw diagram
    picture bar pie area scatter line title called report answer question short brief currently respectively many much
    often more less fewer over under above below least most than equal exactly between since after before until during
    within across versus list show sort order ordered rank ranked name names group grouped breakdown number numbers
    count counts task tasks log work works working time times first last top bottom best worst one ones thing things
    people person have had every with onwards upwards compare compared including csv tsv json parquet xlsx year month
    day week quarter years months weeks days quarters date amongst among trend not no without except excluding other
    comes come came"""
    )
)
_OF_TIME = (
    STOP_WORDS
    | DETERMINERS
    | QUESTION_WORDS
    | frozenset(values.SPOKEN)
    | frozenset(values.MONTHS)
    | word_set(
        """today now ago long far left many much until since between before after day days date exactly right am pm noon
        midnight someone somebody person percent per cent late early quelle quel il à qué jetzt welche there"""
    )
)
"""Words that say of a time or a place nothing that a clock would not tell."""
_EXTREME = re.compile(
    r"(?i)\b(?:most|least|highest|lowest|largest|smallest|biggest|best|worst|maximum|minimum|(?!west|east|rest"
    r"|test)[a-z]{2,}est)\b"
)
_OF_COUNTS = re.compile("most|least|fewest|top|bottom", re.IGNORECASE)
_RANKED = re.compile(r"order by|\bmax\b|\bmin\b|group_by|\bx\b|group by|\bbounds\b", re.IGNORECASE)
_NEGATES = re.compile(r"\b(?:not|no|without|except|excluding|but|other than)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\bnot\b|<>|null", re.IGNORECASE)
_DID = re.compile(r"\b(?:did|does|do)\s+(?:(?:the|each|every|all|our)\s+)?\w+\s+([a-z]+)\b", re.IGNORECASE)
"""The verb of "how many tasks did each agent finish"."""
_BEFORE_VERBS = word_set("and or to then please me")
_CUTOFF = 0.8
_NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?\w*%?")
_CITED = re.compile(r"(?i)agentnet-file:\S+|https?://\S+|\b(?:network(?:['’]?s)?\s+)?(?:own\s+)?task[ _-]?log\b")
"""What names a source, and says nothing of what is asked of it."""


def unused(step: str, arguments: Mapping[str, Any], names: Names, told: Iterable[str] = ()) -> list[str]:
    """The words of `step` that neither `arguments` nor `told`, words that the answer shows anyhow, account for."""
    used = " ".join([*(f"{key} {value}" for key, value in arguments.items() if value is not None), *told])
    plain = _CITED.sub(" ", step)
    for path in values.paths_in(plain):
        plain = plain.replace(path, " ")
    return list(dict.fromkeys([*_numbers(plain, used), *_words(plain, used, names), *_operations(plain, used)]))


def uncovered(step: str, tool: ToolSpec, arguments: Mapping[str, Any]) -> list[str]:
    """The words of `step` that neither `tool` nor its `arguments` account for: what it answers is not what is asked."""
    told = [tool.name, tool.description, *(f"{item.name} {item.description}" for item in tool.parameters)]
    known = {stem(word) for said in (*told, *map(str, arguments.values())) for word in words(said)}
    named = zones_in(step)
    if {zone for _, _, zone in named} & {*map(str, arguments.values())}:
        known |= {stem(word) for _, written, _ in named for word in words(written)}
    said = words(step)
    lead = {said[0]} & (PLAIN_VERBS | NOUN_VERBS) if said else set[str]()
    lost = (word for word in said if word not in _OF_TIME | lead and not word[0].isdigit())
    return list(dict.fromkeys(word for word in lost if not likeness(stem(word), known)))


def unused_numbers(step: str, arguments: Mapping[str, Any]) -> list[str]:
    """The amounts and dates of `step` that are in no argument; clock times are read in other words."""
    used = " ".join(map(str, arguments.values()))
    days = values.dates_in(step)
    parts = {int(part) for day in days for part in day.split("-")}
    lost = [
        str(number)
        for number in values.numbers_in(step)
        if number not in parts and str(number) not in used and str(number / 100) not in used
    ]
    return [*(day for day in days if day not in used), *lost]


def _numbers(step: str, used: str) -> list[str]:
    known = {values.number(found) for found in re.findall(r"\d+(?:\.\d+)?", used)}
    for found in re.findall(r"\d{4}-\d{2}-\d{2}", used):
        known |= {int(part) for part in found.split("-")}
    said = [number for number in _NUMBER.findall(step) if not re.search(r"\d(?:st|nd|rd|th)$", number)]
    plain = re.compile(r"\d[\d,]*(?:\.\d+)?")
    lost = [item for item in said if not (plain.fullmatch(own := item.rstrip(",")) and values.number(own) in known)]
    counted = [word for word in words(step) if values.NUMBER_WORDS.get(word, 1) not in {0, 1, *known}]
    return [*lost, *counted]


def _words(step: str, used: str, names: Names) -> list[str]:
    known = {stem(word): word for word in words(used)}
    shortened = {own for name in names.columns for own in words(name) if len(own) > 2 and stem(own) in known}
    did = _DID.search(step)
    plain = _PLAIN | set(values.NUMBER_WORDS) | ({did[1].lower()} if did else set())
    timed = re.search(r"month\(|date_trunc|strftime|\d{4}-\d{2}", used)
    plain |= {*values.MONTHS, "first", "second", "third", "fourth"} if timed or "quarter(" in used else set()
    said = words(step)
    orders = {word for before, word in zip(["and", *said], said, strict=False) if before in _BEFORE_VERBS}
    return [
        word
        for word in said
        if word not in plain | (orders & (PLAIN_VERBS | NOUN_VERBS))
        and len(word) > 1
        and not word[0].isdigit()
        and not _EXTREME.fullmatch(word)
        and not (word.endswith("er") and f"{word} than" in step.casefold())
        and not likeness(stem(word), known)
        and not any(word.startswith(own) for own in shortened)
        and not difflib.get_close_matches(word, known.values(), n=1, cutoff=_CUTOFF)
    ]


def _operations(step: str, used: str) -> list[str]:
    extreme, negates = _EXTREME.search(step), _NEGATES.search(step)
    lost = (
        [extreme[0]]
        if extreme and "at least" not in step and "at most" not in step and not _ranks(extreme[0], step, used)
        else []
    )
    asks = re.match(r"(?:is|are|was|were|does|do|did|has|have)\b", step, re.IGNORECASE)
    if asks and _NUMBER.search(step) and "function" in used:
        # Whether a sum is above a number is no question about the rows above it.
        lost.append(asks[0])
    return [*lost, *([negates[0]] if negates and not _NEGATED.search(used) else [])]


def _ranks(extreme: str, step: str, used: str) -> bool:
    """Whether a call tells the extreme: how many rows there are of each says nothing of which is the warmest."""
    counted = "group_by" in used and not re.search(r"\bvalue \S|\border by\b", used)
    return bool(_RANKED.search(used)) and not (counted and not _OF_COUNTS.fullmatch(extreme) and not counts(step))
