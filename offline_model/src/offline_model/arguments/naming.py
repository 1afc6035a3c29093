"""Naming: which source and which column a step means, out of those that are known."""

import difflib
import re
from dataclasses import replace

from offline_model.arguments.kinds import Kind, kind_of
from offline_model.arguments.known import Names
from offline_model.language import values
from offline_model.language.phrases import (
    counted_phrases,
    counts,
    group_phrases,
    measure_phrases,
    over_time,
    source_phrases,
)
from offline_model.language.vocabulary import word_set
from offline_model.language.words import likeness, nearest, stem, words
from offline_model.request.tools import Parameter

_GROUPING = word_set("group by x dimension category label key")
_MEASURING = word_set("value y measure metric aggregate of")
DATA_FILE = re.compile(r"\.(?:csv|tsv|json|jsonl|ndjson|parquet|xlsx)(?:#.*)?$", re.IGNORECASE)
_TIME_LIKE = word_set("day date week month quarter year hour time moment timestamp created at started")
_PERIODS = word_set("day week month quarter year")
_PAIRED = re.compile(r"\bscatter|\bversus\b|\bvs\b|\bcorrelat|\bagainst\b", re.IGNORECASE)
"""How two columns of numbers are set against each other."""
_UNITS = word_set("mm cm m km kg g t l ml ms sec min h eur usd gbp chf jpy pct percent c f k kwh mb gb")
"""Units that the names of columns end in."""
_PIECES = word_set("units unit quantity quantities qty pieces pcs items crates boxes sold")
_TRADED = re.compile(
    r"(?i)\b(?:sold|sell|sells|bought|buy|buys|order(?:ed|s)?|shipp?(?:ed|s)?|deliver(?:ed|s)?|purchased?)\b"
)
"""Verbs that mean pieces and not rows: "how many chairs were sold"."""
_SHORTEST = 3
"""Least letters of an abbreviation."""
_GROUPS = re.compile(r"\b(?:per|by|each|every|which|who|most|least|highest|lowest)\b", re.IGNORECASE)
"""Words of steps that want groups; who only speaks of a column wants none."""
_ATTACHED = re.compile(r"\b(?:attached|attachment|enclosed|uploaded)\b", re.IGNORECASE)
_LOG = re.compile(r"\btask[ _-]?log\b", re.IGNORECASE)
_IDENTIFIER = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b", re.IGNORECASE)


def source_for(step: str, text: str, everything: str, names: Names) -> str | None:
    """The source that a step works on: a file's link or name in the text, else the known one that its words mean."""
    if said := [*values.file_uris_in(step), *values.paths_in(step), *values.urls_in(step)]:
        return said[0]
    own = values.file_uris_in(everything)
    if own and _LOG.search(step):
        return "task_log"
    # Files of other tasks are none of a request that brought its own, or that speaks of one it did not bring.
    brought = bool(own or _ATTACHED.search(step))
    known = [name for name in names.sources if name in own or not (brought and values.is_file_uri(name))]
    for phrase in [*source_phrases(step), step, text]:
        if found := nearest(phrase, known):
            return found
    data = filter(DATA_FILE.search, [*own, *values.paths_in(text), *values.urls_in(text)])
    if given := next(data, own[0] if own else None):
        return given
    return known[0] if len(set(known)) == 1 and not brought else None


def spoken_source(step: str) -> str | None:
    """The words that name a source, when nothing is known: the tool's error will say which there are."""
    phrases = [phrase for phrase in source_phrases(step) if phrase.split()[0].lower() not in {"each", "every", "all"}]
    return re.sub(r"^(?:the|my|our|this|a|an)\s+", "", phrases[0], flags=re.IGNORECASE) if phrases else None


def column_for(parameter: Parameter, step: str, names: Names) -> str | None:
    """The known column that a step means for `parameter`, by whether it groups or measures."""
    own = set(words(parameter.name))
    if own & _GROUPING and over_time(step):
        period = next((word for phrase in group_phrases(step) if (word := phrase.lower().rstrip("s")) in _PERIODS), "")
        if period in parameter.description and period and period not in map(str.lower, names.columns):
            return period
        spans = (name for name in names.columns if set(words(name)) & _TIME_LIKE)
        return _column(group_phrases(step), names) or next(spans, None)
    if own & _GROUPING and _PAIRED.search(step):
        return next((name for name in _all_mentioned(step, names) if names.is_numeric(name)), None)
    if own & _GROUPING:
        if not (parameter.required or group_phrases(step) or _GROUPS.search(step)):
            return None
        skipped = [*measure_phrases(step), *counted_phrases(step)]
        wordy = replace(names, columns=tuple(name for name in names.columns if not names.is_numeric(name)))
        return (
            _column(group_phrases(step), names)
            or next((name for name, _ in names.values if [own for own, _ in names.values].count(name) > 1), None)
            or _mentioned(step, wordy, skip=skipped)
            or (_mentioned(step, names, skip=skipped) if parameter.required or not names.types else None)
        )
    if own & _MEASURING:
        found = counted_column(step, names) or _column(measure_phrases(step), names)
        if found or counts(step):
            return found if names.is_numeric(found) else None
        groups = _column(group_phrases(step), names)
        numeric = replace(
            names, columns=tuple(name for name in names.columns if names.types and names.is_numeric(name))
        )
        mentioned = [name for name in _all_mentioned(step, names) if name != groups and names.is_numeric(name)]
        mentioned = mentioned or [name for name in [_abbreviated(step, numeric)] if name]
        paired = len(mentioned) > 1 and _PAIRED.search(step)
        return mentioned[1 if paired else 0] if mentioned else None
    return _column([*group_phrases(step), *measure_phrases(step)], names) or _mentioned(step, names)


def columns_spoken(step: str, names: Names) -> list[str]:
    """The known columns that a step speaks of, whole or as its group or measure."""
    phrases = [*group_phrases(step), *measure_phrases(step)]
    meant = [column for phrase in phrases if (column := _column([phrase], names))]
    return list(dict.fromkeys([*meant, *_all_mentioned(step, names)]))


def counted_column(step: str, names: Names) -> str | None:
    """The column of numbers that a step counts: how many units, or chairs sold, is the sum of `units`."""
    numeric = [name for name in names.columns if names.types and names.is_numeric(name)]
    counted = {stem(word) for word in counted_phrases(step)}
    exact = next((name for name in numeric if [stem(word) for word in words(name)] == sorted(counted)), None)
    pieces = [name for name in numeric if set(words(name)) & _PIECES]
    goods = counted & {stem(word) for _, value in names.values for word in words(value)}
    return exact or (pieces[0] if goods and len(pieces) == 1 and _TRADED.search(step) else None)


def measuring(parameter: Parameter) -> bool:
    """Whether `parameter` names a column to aggregate."""
    return kind_of(parameter) is Kind.COLUMN and bool(set(words(parameter.name)) & _MEASURING)


def _column(phrases: list[str], names: Names) -> str | None:
    for phrase in phrases:
        exact = next((name for name in names.columns if name.casefold() == phrase.casefold().replace(" ", "_")), None)
        known = exact or nearest(phrase, names.columns)
        if known:
            return known
        short = _abbreviated(phrase, names)
        if short:
            return short
        close = difflib.get_close_matches(phrase.casefold(), names.columns, n=1, cutoff=0.75)
        if close:
            return close[0]
        spelled = _IDENTIFIER.search(phrase)
        if spelled and not names.columns:
            return spelled[0]
    return None


def _abbreviated(phrase: str, names: Names) -> str | None:
    spoken = words(phrase)
    stems = list(map(stem, spoken))
    for name in names.columns:
        own = _meant(name)
        begun = [any(_shortens(word, other) for other in spoken) for word in own]
        if own and all(start or likeness(stem(word), stems) for start, word in zip(begun, own, strict=True)):
            return name
    return None


def _shortens(word: str, other: str) -> bool:
    if len(word) < _SHORTEST or word[0] != other[0]:
        return False
    letters = iter(other)
    return other.startswith(word) or (word[-1] == other[-1] and all(letter in letters for letter in word))


def _mentioned(step: str, names: Names, skip: list[str] | None = None) -> str | None:
    skipped = {_column([phrase], names) for phrase in skip or []}
    return next((name for name in _all_mentioned(step, names) if name not in skipped), None)


def _all_mentioned(step: str, names: Names) -> list[str]:
    spoken = words(step)
    stems = [word.rstrip("s") for word in spoken]
    found = [
        (stems.index(own[0]), name)
        for name in names.columns
        if (own := _meant(name)) and all(word in stems for word in own)
    ]
    return [name for _, name in sorted(found) if not _within_another(name, [other for _, other in found], stems)]


def _meant(name: str) -> list[str]:
    own = [word.rstrip("s") for word in words(name.partition("(")[0]) or words(name)]
    return own[:-1] if len(own) > 1 and own[-1] in _UNITS else own


def _within_another(name: str, others: list[str], spoken: list[str]) -> bool:
    own = {word.rstrip("s") for word in words(name)}
    longer = any(own < {word.rstrip("s") for word in words(other)} for other in others)
    return longer and all(spoken.count(word) < 2 for word in own)
