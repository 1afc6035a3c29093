"""Conditions: which rows of a table a step means, as a SQL condition on the columns and values that tools told."""

import re
from collections.abc import Sequence
from itertools import pairwise

from offline_model.arguments.known import Names
from offline_model.language import values, vocabulary
from offline_model.language.phrases import group_phrases, measure_phrases
from offline_model.language.words import likeness, nearest, stem, words

MAX_CANDIDATES = 24
MAX_VALUE_COLUMNS = 12
MAX_VALUES = 50
_AT_LEAST, _AT_MOST = r"at least|no less than|>=|≥|not under|mindestens", r"at most|no more than|up to|<=|≤|höchstens"
_LESS = (
    r"below|under|less than|lower than|smaller than|fewer than|shorter than|lighter than|younger than|earlier than"
    r"|cheaper than|<|unter|weniger als"
)
_MORE = r"above|over|more than|(?<!\w)\w+er than|exceed(?:s|ing)?|>|über|mehr als"
_OPERATORS = ((_AT_LEAST, ">="), (_AT_MOST, "<="), (_LESS, "<"), (_MORE, ">"), (r"equals?|equal to|=|exactly", "="))
_ANY = "|".join(pattern for pattern, _ in _OPERATORS)
_NUMBER = r"-?[\d,]*\d(?:\.\d+)?"
_COLUMN_FIRST = re.compile(
    rf"(?i)([^\W\d][\w -]{{0,60}}?)\s+(?:(?:is|are|was|were|of|that is"
    rf"|has been)\s+)?({_ANY})\s*[$€£]?({_NUMBER})(?![\w-])"
)
_NUMBER_FIRST = re.compile(rf"(?<!\w)({_ANY})\s*[$€£]?({_NUMBER})\s+([^\W\d][\w-]*(?: [^\W\d][\w-]*)?)", re.IGNORECASE)
_RANGE = re.compile(rf"\bbetween\s+({_NUMBER})\s+and\s+({_NUMBER})\s+([^\W\d]\w*)", re.IGNORECASE)
_BETWEEN = re.compile(rf"(?i)([^\W\d][\w -]{{0,60}}?)\s+between\s+[$€£]?({_NUMBER})\s+and\s+[$€£]?({_NUMBER})")
_MISSING = (
    re.compile(r"(?i)\b(?:no|without(?: an?| any)?|missing|lacks?(?: an?)?|lacking|empty|blank)\s+([\w -]{2,40})"),
    re.compile(
        r"(?i)(?<![\w-])([\w-]+(?: [\w-]+)?)\s+(?:is|are|was|were)\s+"
        r"(?:missing|empty|blank|unknown|null|not (?:set|known|given|filled|recorded))\b"
    ),
)
_YEAR = re.compile(r"(?i)(?<![\w.,/-])(?:(since|after|before|until|from)\s+)?((?:19|20)\d\d)(?![\w/-]|[.,]\d)")
_MONTH = re.compile(rf"\b({'|'.join(values.MONTHS)})\b(?!\s+\d{{1,2}}\b(?!\d))", re.IGNORECASE)
_QUARTER = re.compile(r"\bq([1-4])\b|\b(first|second|third|fourth) quarter\b", re.IGNORECASE)
_DAY = re.compile(r"\b(since|after|from|before|until|on)\s+(?=\d|[A-Z])", re.IGNORECASE)
_BOUNDS = {"since": ">=", "from": ">=", "after": ">", "before": "<", "until": "<=", "on": "="}
_NOT = re.compile(r"\b(?:not|except(?: for)?|excluding|without|other than|but)(?: in| from| the)?\s*$", re.IGNORECASE)
_STATED = re.compile(
    r"(?i)\b(?:where|whose|with|and)\s+(?:the\s+)?([\w -]{1,40}?)\s+(?:is|=|equals)\s+([^\W\d][\w'-]*)"
)
_HINTS = re.compile(
    rf"(?i)\b(?:only|just|where|whose|with|without|no|missing|empty|except|excluding|since|after|before|between)\b"
    rf"|{_ANY}"
    r"|(?<!\w)(?:19|20)\d\d(?![\w/-])|\bq[1-4]\b"
)
_TABLE_WORDS = vocabulary.word_set(
    """row rows record records entry entries line lines value values table data file only just where whose bar line pie
    area scatter total average mean median sum count number highest lowest most least top bottom first last year
    month task tasks log per share percent percentage correlation order sort"""
)
_LONG_NAME = re.compile(r"[A-Z][\w'’.-]*(?:\s+(?:(?:&|and|of|de|van|von|der)\s+)*[A-Z][\w'’.-]*)+")
_NAMED = re.compile(r"(?<=\w )(?!I\b)[A-Z][\w-]+")
"""A capitalised word inside a sentence."""
_MAY = 5
"""The month whose name is also a verb: it counts with a capital only."""
_ORDINALS = ("first", "second", "third", "fourth")
_EMPTY = vocabulary.word_set(
    "missing empty blank unknown null not above below over under more less greater at between the"
)
_COMMON = frozenset(word for group in vocabulary.GROUPS for word in group.split())


def may_narrow(step: str) -> bool:
    """Whether `step` may mean some of the rows only, for all that its words tell."""
    return bool(_HINTS.search(step) or _NAMED.search(step) or values.quoted_in(step))


def condition(step: str, names: Names) -> str | None:
    """The condition for the rows that `step` means; None when it means all, or names nothing that is known."""
    plain = re.sub(r"agentnet-file:\S+", " ", step)
    timed = (
        _NUMBER_FIRST.sub(" ", _COLUMN_FIRST.sub(" ", _BETWEEN.sub(" ", plain)))
        if _comparisons(plain, names)
        else plain
    )
    found = [*_comparisons(plain, names), *_missing(plain, names), *_times(timed, names), *_chosen(plain, names)]
    found += _happened(plain, names)
    return " AND ".join(dict.fromkeys(found)) or None


def _happened(step: str, names: Names) -> list[str]:
    """What "how many did each finish" leaves out: rows that never did, where a column says when."""
    did = re.search(r"\bhow many\b.*\b(?:did|have|has|were|was)\b(.*)", step, re.IGNORECASE)
    said = set(map(stem, words(did[1]))) if did else set[str]()
    moments = [name for name, kind in names.types.items() if kind.upper().startswith(("DATE", "TIMESTAMP"))]
    return [f"{identifier(name)} IS NOT NULL" for name in moments if words(name) and stem(words(name)[0]) in said]


def value_candidates(step: str, names: Names) -> list[str]:
    """Words and pairs of words, in lower case, that may be values of a column."""
    plain = re.sub(r"agentnet-file:\S+", " ", step)
    for path in values.paths_in(plain):
        plain = plain.replace(path, " ")
    known = {stem(word) for name in names.columns for word in words(name)}
    # Of "the most failed tasks" the first word may be a value, of "the most tasks" it is what is counted.
    measures = [phrase for phrase in measure_phrases(plain) if " " not in phrase]
    asked = {word for phrase in [*measures, *group_phrases(plain)[:1]] for word in words(phrase)[:1]}
    named = {word.casefold() for word in re.findall(r"[A-Z][\w-]+", plain)}
    dull = (
        vocabulary.STOP_WORDS
        | vocabulary.DETERMINERS
        | vocabulary.QUESTION_WORDS
        | vocabulary.PLAIN_VERBS
        | vocabulary.NOUN_VERBS
        | _TABLE_WORDS
        | asked
    )
    tokens = [token.casefold() for token in re.findall(r"[^\W_][\w'-]*", plain)]
    pairs = [f"{one} {two}" for one, two in pairwise(tokens) if {one, two} - dull]
    single = [
        token
        for token in tokens
        if token not in dull and stem(token) not in known and (token not in _COMMON or token in named)
    ]
    if not single and not values.quoted_in(plain):
        return []
    pairs += [name.casefold() for name in _LONG_NAME.findall(plain)]
    forms = [form for token in single for form in dict.fromkeys((token, token.removesuffix("s")))]
    return list(dict.fromkeys([*map(str.casefold, values.quoted_in(plain)), *forms, *pairs]))[:MAX_CANDIDATES]


def named_in(step: str, names: Names) -> list[str]:
    """Proper names and quotations in `step` that look like values and are no column's name."""
    plain = re.sub(r"agentnet-file:\S+|[\w./-]+\.\w{2,5}\b", " ", step)
    known = {stem(word) for name in names.columns for word in words(name)} | set(map(stem, values.MONTHS))
    proper = [
        name for name in _NAMED.findall(plain) if name.casefold() not in _COMMON | _TABLE_WORDS | vocabulary.STOP_WORDS
    ]
    found = [name for name in proper if not name.isupper() and not {stem(word) for word in words(name)} & known]
    return list(dict.fromkeys(found))


def value_query(source: str, candidates: Sequence[str], names: Names) -> str | None:
    """The SQL that tells which columns hold which of `candidates`; None when there is none to ask for."""
    texts = [name for name in names.columns if names.types.get(name, "").upper().startswith(("VARCHAR", "TEXT", "STR"))]
    if not texts or not candidates:
        return None
    listed = ", ".join(map(literal, candidates))
    parts = [
        f'SELECT DISTINCT {literal(name)} AS "column", {identifier(name)} AS "value" FROM {identifier(source)} '  # noqa: S608
        f"WHERE lower(trim({identifier(name)})) IN ({listed})"
        for name in texts[:MAX_VALUE_COLUMNS]
    ]
    # The first row tells whoever looks at the step what it is for, also where no column holds any.
    parts.insert(0, f'SELECT \'looked for\' AS "column", {literal(", ".join(candidates))} AS "value"')
    return f"{' UNION ALL '.join(parts)} LIMIT {MAX_VALUES}"


def without_total(names: Names) -> str | None:
    """The condition that leaves out a last row which sums up the others; None where there is none."""
    first = f"lower(trim({identifier(names.columns[0])}))" if names.total and names.columns else ""
    return f"{first} IS DISTINCT FROM {literal(names.total.casefold())}" if first else None


def identifier(name: str) -> str:
    """`name` as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as a string of SQL."""
    return "'" + text.replace("'", "''") + "'"


def column_named(phrase: str, columns: Sequence[str]) -> str | None:
    """The column that the last words of `phrase` name, the longest name first."""
    said = words(phrase)
    for size in (3, 2, 1):
        tail = " ".join(said[-size:])
        exact = [name for name in columns if [*map(stem, words(name))] == [*map(stem, words(tail))]]
        if exact:
            return exact[0]
    return nearest(" ".join(said[-2:]), columns)


def unresolved(step: str, names: Names) -> str | None:
    """A comparison of the step of which no known column is clear, as it stands there."""
    numeric = [name for name in names.columns if names.is_numeric(name)]
    for match in _COLUMN_FIRST.finditer(re.sub(r"agentnet-file:\S+", " ", step)):
        named = _NUMBER_FIRST.search(step[match.start(2) :])
        if not _measured(match[1], numeric) and not (named and column_named(named[3].split()[0], numeric)):
            return " ".join(match[0].split()[-4:])
    return None


def _measured(phrase: str, numeric: Sequence[str]) -> str | None:
    phrase = re.sub(r"^.*\bhow many\s+[\w-]+", "", phrase, flags=re.IGNORECASE)
    named = column_named(phrase, numeric)
    last = [stem(word) for word in words(phrase)[-2:]]
    alike = (name for name in numeric if any(likeness(term, map(stem, words(name))) for term in last))
    return named or next(alike, numeric[0] if len(numeric) == 1 else None)


def _comparisons(step: str, names: Names) -> list[str]:
    numeric = [name for name in names.columns if names.is_numeric(name)]
    found: list[str] = []
    for phrase, low, high in _BETWEEN.findall(step):
        column = column_named(phrase, numeric)
        found += [f"{identifier(column)} BETWEEN {values.number(low)} AND {values.number(high)}"] if column else []
    for low, high, unit in _RANGE.findall(step) if not found else ():
        column = column_named(unit, numeric)
        found += [f"{identifier(column)} BETWEEN {values.number(low)} AND {values.number(high)}"] if column else []
    said = [(_measured(phrase, numeric), sign, number) for phrase, sign, number in _COLUMN_FIRST.findall(step)]
    said += [
        (column_named(phrase.split()[0], numeric), sign, number) for sign, number, phrase in _NUMBER_FIRST.findall(step)
    ]
    taken: set[str] = set()
    for column, sign, number in said:
        if column and number not in taken:
            taken.add(number)
            operator = next(sql for said, sql in _OPERATORS if re.fullmatch(said, sign, re.IGNORECASE))
            found.append(f"{identifier(column)} {operator} {values.number(number)}")
    return found


def _missing(step: str, names: Names) -> list[str]:
    found: list[str] = []
    for pattern in _MISSING:
        for phrase in pattern.findall(step):
            head = " ".join(words(phrase)[:2])
            column = column_named(head, names.columns)
            if column and not _is_flag(column, names):
                found.append(f"{identifier(column)} IS NULL")
    return [*found, *_flags(step, names)]


def _is_flag(column: str, names: Names) -> bool:
    return names.types.get(column, "").upper().startswith("BOOL")


def _flags(step: str, names: Names) -> list[str]:
    found: list[str] = []
    for column in (name for name in names.columns if _is_flag(name, names)):
        own = " ".join(map(stem, words(column)))
        said = next((m for m in re.finditer(r"\w+", step) if stem(m[0].casefold()) == own), None)
        if said and not re.search(r"\b(?:per|by)\s*$", step[: said.start()]):
            left_out = _NOT.search(step[: said.start()]) or re.search(r"\bno\s*$", step[: said.start()])
            found.append(f"{identifier(column)} IS {'NOT ' if left_out else ''}TRUE")
    return found


def _times(step: str, names: Names) -> list[str]:
    moments = [name for name, kind in names.types.items() if kind.upper().startswith(("DATE", "TIMESTAMP"))]
    column = next((name for name in moments if set(words(name)) & set(words(step))), next(iter(moments), None))
    if column is None:
        years = [name for name in names.columns if "year" in words(name) and names.is_numeric(name)]
        return _years(step, identifier(years[0])) if years else []
    name = identifier(column)
    days = values.dates_in(step)
    bounds = [match[1].lower() for match in _DAY.finditer(step)]
    if days and bounds:
        return [f"{name} {_BOUNDS[bound]} {literal(day)}" for bound, day in zip(bounds, days, strict=False)]
    if len(days) == 2 and re.search(r"\bbetween\b", step, re.IGNORECASE):
        return [f"{name} BETWEEN {literal(days[0])} AND {literal(days[1])}"]
    if days:
        return [f"CAST({name} AS DATE) = {literal(days[0])}"]
    months = [values.MONTHS.index(month.lower()) + 1 for month in _MONTH.findall(step)]
    months = [month for month in months if month != _MAY or re.search(r"\bMay\b", step)]
    found = [f"month({name}) IN ({', '.join(map(str, dict.fromkeys(months)))})"] if months else []
    quarter = _QUARTER.search(step)
    if quarter:
        found.append(f"quarter({name}) = {quarter[1] or _ORDINALS.index(quarter[2].lower()) + 1}")
    return [*found, *_years(step, f"year({name})")]


def _years(step: str, year: str) -> list[str]:
    between = re.search(
        r"\b(?:between|from)\s+((?:19|20)\d\d)\s+(?:and|to|until|-)\s+((?:19|20)\d\d)\b", step, re.IGNORECASE
    )
    if between:
        return [f"{year} BETWEEN {between[1]} AND {between[2]}"]
    said = _YEAR.findall(step)
    bounds = [
        f"{year} {_BOUNDS[bound.lower()]} {number}" for bound, number in said if bound and bound.lower() != "from"
    ]
    plain = list(dict.fromkeys(number for bound, number in said if not bound or bound.lower() == "from"))
    return [*bounds, *([f"{year} IN ({', '.join(plain)})"] if plain else [])]


def _chosen(step: str, names: Names) -> list[str]:
    chosen: dict[str, list[str]] = {}
    taken: set[str] = set()
    for column, value in names.values:
        if value.casefold() not in taken:
            taken.add(value.casefold())
            chosen.setdefault(column, []).append(value)
    found = [_among(step, column, held) for column, held in chosen.items()]
    for phrase, value in _STATED.findall(step):
        stated = column_named(phrase, [name for name in names.columns if not names.is_numeric(name)])
        if stated and stated not in chosen and value.casefold() not in vocabulary.DETERMINERS | _EMPTY:
            found.append(f"lower({identifier(stated)}) = {literal(value.casefold())}")
    return found


def _among(step: str, column: str, held: Sequence[str]) -> str:
    place = step.casefold().find(held[0].casefold())
    negated = place >= 0 and _NOT.search(step[:place])
    listed = ", ".join(map(literal, dict.fromkeys(held)))
    return f"{identifier(column)} {'NOT IN' if negated else 'IN'} ({listed})"
