"""Querying: steps that want rows, shares or correlations of a table, done with SQL written from described columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from offline_model.answers.rendering import render, tables_in
from offline_model.arguments import conditions
from offline_model.arguments.conditions import identifier
from offline_model.arguments.filling import Task
from offline_model.arguments.kinds import Kind, kind_of
from offline_model.arguments.known import COUNTED, Names, error_of, names_in
from offline_model.arguments.naming import columns_spoken, source_for
from offline_model.arguments.unused import unused
from offline_model.language.phrases import counts, group_phrases, measure_phrases, over_time
from offline_model.language.values import NUMBER_WORDS, file_uris_in, paths_in, sql_in
from offline_model.language.vocabulary import COMMENTING, WRITING, word_set
from offline_model.language.words import likeness, nearest, stem, terms, words
from offline_model.request.ledger import Ledger
from offline_model.request.outcome import FAILURE, Outcome, files_named
from offline_model.request.tools import ToolSpec
from offline_model.work.choice import FITS, SHAPE, Candidate

MAX_LEFT = 5
MAX_LISTED = 100
"""Rows that are listed when the step names no number."""
_DRAWING = re.compile(r"\b(?:chart|plot|graph|draw|diagram|visuali[sz]e|histogram|pie|scatter)\b", re.IGNORECASE)
_AGGREGATE = re.compile(
    r"(?i)\b(?:average|mean|median|avg|sum|total|count|how many|how much|how often|number of|per|for each)\b"
)
_LISTS = word_set("show list display give find get filter which who whose what sort order rank print select return")
_LISTING = word_set("show list display give get print select return")
_HIGH = "most|highest|largest|biggest|longest|greatest|best|top|maximum|newest|latest|youngest|most recent|last"
_LOW = "least|lowest|smallest|shortest|fewest|worst|bottom|minimum|oldest|earliest|cheapest|first"
_EXTREME = re.compile(rf"\b(?:({_HIGH})|({_LOW}))\b(?:\s+(\d+))?\s*([\w -]{{0,40}})", re.IGNORECASE)
_COUNTED = re.compile(
    rf"(?i)\b(\d{{1,3}}|{'|'.join(NUMBER_WORDS)})\s+(?:\w+\s+){{0,2}}?(?:{_HIGH}|{_LOW}|with|had|have)\b"
)
_WANTED = re.compile(rf"(?i)\b(?:which|what|the|list|show|find|give|me)\s+(\d{{1,3}}|{'|'.join(NUMBER_WORDS)})\s+[a-z]")
_BY = re.compile(r"\b(?:by|in|with|had|has|have|on)\s+(?:the\s+)?([\w -]+)", re.IGNORECASE)
_IN_TIME = re.compile(r"newest|latest|youngest|recent|last|oldest|earliest|first", re.IGNORECASE)
_SORTED = re.compile(r"(?i)\b(?:sort(?:ed)?|order(?:ed)?|rank(?:ed)?)\s+(?:\w+\s+){0,3}?by\s+(?:the\s+)?([\w -]+)")
_SHARE = re.compile(r"\b(?:share|percentage|proportion|fraction|what percent|how many percent)\b", re.IGNORECASE)
_FUNCTIONS = {"total": "sum", "average": "avg", "mean": "avg", "minimum": "min", "maximum": "max"}
_AGGREGATED = re.compile(
    r"(?i)\b(sum|total|average|avg|mean|median|min|max|minimum|maximum|number of|count of|how many)"
    r"\s+(?:of\s+)?(?:the\s+)?([\w-]+)"
)
_EACH = re.compile(r"\b(?:each|every|which)\s+([\w-]+)", re.IGNORECASE)
_GAPS = re.compile(r"\b(?:missing|empty|blank|null)\s+(?:values?|cells?|entries|data)\b|\bgaps\b", re.IGNORECASE)
_EXISTS = re.compile(r"(?:is|are|was|were) there\b", re.IGNORECASE)
_PRODUCT = re.compile(r"(?i)\b(\w+)\s*(?:\btimes\b|\bmultiplied by\b|(?<= )x(?= )|[*×])\s*(?:the\s+)?([\w]+)")
_SHEETS = re.compile(r"This is its sheet [^;\n]+; others (are .+)\. Name one as ([^\n]+)\.")
"""How the description of a workbook tells of its other sheets."""
_CORRELATION = re.compile(r"\bcorrelat\w*", re.IGNORECASE)

_NAMED = "is there as a column, and I know no query that does with it what is asked"
_AT_ONCE = "is one calculation too many for one answer: ask for it by itself"
_NO_VALUE = "is no column's name, nor a value that I found in a column, and I do not leave it out"


@dataclass(frozen=True, eq=False)
class Querying:
    """Works with a tool that takes SQL and one that describes a source; waiting methods return None meanwhile."""

    tools: Sequence[ToolSpec]
    ledger: Ledger

    def suits(self, task: Task, best: Candidate | None) -> bool:
        """Whether the step is to be tried with SQL: it wants rows of a table that is given, or no tool fits it."""
        step = task.step.text
        verb = words(step)[:1]
        if not (self._sql and self._describing) or _DRAWING.search(step) or sql_in(step):
            return False
        ranks = self._listing and wants_rows(step) and _EXTREME.search(step)
        if not (file_uris_in(task.everything) or paths_in(step) or ranks) or set(verb) & (WRITING | COMMENTING):
            return False
        return best is None or best.score < FITS or wants_rows(step)

    def do(self, task: Task) -> Outcome | bool | None:
        """The outcome of the step; False when no statement can be made of it."""
        source = source_for(task.step.text, task.text, task.everything, task.names)
        if source is None and self._listing:
            listed = self.ledger.call(self._listing, {})
            if listed is None:
                return None
            source = nearest(task.step.text, names_in([listed]).sources)
        if source is None or not self._sql or not self._describing:
            return False
        told = self.ledger.call(self._describing, {self._describing.required[0].name: source})
        if told is None:
            return None
        first = self._on(task, source, told)
        sheets = _SHEETS.search(told)
        if first is None or not sheets or (isinstance(first, Outcome) and first.ok):
            return first
        book = sheets[2].rpartition("#")[0]
        for sheet in re.findall(r"(?:are |, )(.+?) \(\w+ in SQL\)", sheets[1]):
            other = f"{source if file_uris_in(source) else book}#{quote(sheet)}"
            told = self.ledger.call(self._describing, {self._describing.required[0].name: other})
            found = None if told is None else self._on(task, other, told)
            if found is None:
                return None
            if isinstance(found, Outcome) and found.ok:
                return replace(found, text=f"{found.text}\n\n(This is of the sheet {sheet}.)")
        return replace(first, text=f"{first.text} {sheets[0]}") if isinstance(first, Outcome) else first

    def _on(self, task: Task, source: str, told: str) -> Outcome | bool | None:
        if self._describing is None:
            return False
        names = names_in([told]) if error_of(told) is None else Names()
        informed = self.with_values(task, replace(names, sources=(source,)))
        if informed is None:
            return None
        unclear = conditions.unresolved(task.step.text, informed.names)
        if unclear:
            known = ", ".join(informed.names.columns[:40])
            said = f"{FAILURE}I cannot tell which column “{unclear}” means. The columns are {known}."
            return Outcome(task.step, said, ok=False, by=self._describing.name)
        sql = statement(task.step.text, source, informed.names) if informed.names.columns else None
        if sql is None and informed.names.unknown:
            return Outcome(task.step, told_unknown(informed.names).strip(), ok=False, by=self._describing.name)
        if sql is None:
            return False
        shown = informed.names.columns if sql.startswith("SELECT * ") else ()
        shares = ("share percentage proportion fraction",) if "percent of" in sql else ()
        left = unused(task.step.text, {"sql": sql}, informed.names, [source, *shown, *shares])
        if left:
            return Outcome(task.step, left_unused(left, informed.names), ok=False, by=self._describing.name)
        table, whole = identifier(source), conditions.without_total(informed.names)
        sql = sql.replace(f"FROM {table}", f"FROM (SELECT * FROM {table} WHERE {whole})") if whole else sql  # noqa: S608
        return self._answer(sql, source, informed)

    def with_values(self, task: Task, names: Names) -> Task | None:
        """`task` with those of its words that are values in text columns of the one known source."""
        said = ". ".join(filter(None, (task.step.background, task.step.text)))
        asked = conditions.value_candidates(said, names)
        sql = conditions.value_query(names.sources[0], asked, names) if len(names.sources) == 1 else None
        if sql is None or self._sql is None:
            return replace(task, names=names)
        output = self._call(sql, names.sources[0])
        if output is None:
            return None
        rows = [row for found in tables_in(output) for row in found] if error_of(output) is None else []
        held = tuple((row["column"], row["value"]) for row in rows if row.get("column") in names.columns)
        found = {word for _, value in held for word in words(value)}
        unknown = tuple(name for name in conditions.named_in(task.step.text, names) if not set(words(name)) & found)
        return replace(task, names=replace(names, values=held, unknown=unknown))

    def _answer(self, sql: str, source: str, task: Task) -> Outcome | bool | None:
        output = self._call(sql, source)
        if output is None:
            return None
        if error_of(output) is not None:
            return False
        text = left_out_total(render(output, task.step.text, {}), task.names) + told_unknown(task.names)
        return Outcome(task.step, text, files=files_named(output), by=self._sql.name if self._sql else "")

    def _call(self, sql: str, source: str) -> str | None:
        if self._sql is None:
            return ""
        arguments: dict[str, object] = {}
        for parameter in self._sql.parameters:
            if kind_of(parameter) is Kind.SQL:
                arguments[parameter.name] = sql
            elif kind_of(parameter) in {Kind.SOURCE, Kind.FILES}:
                arguments[parameter.name] = [source] if parameter.type == "array" else source
        return self.ledger.call(self._sql, arguments)

    @property
    def ready(self) -> bool:
        """Whether there are tools that query tables."""
        return self._sql is not None

    @property
    def _sql(self) -> ToolSpec | None:
        taken = {Kind.SQL, Kind.SOURCE, Kind.FILES}
        fits = (
            t for t in self.tools if Kind.SQL in map(kind_of, t.required) and taken >= set(map(kind_of, t.required))
        )
        return next(fits, None)

    @property
    def _listing(self) -> ToolSpec | None:
        return next((t for t in self.tools if not t.required and {"list", "sourc"} <= set(terms(t.name))), None)

    @property
    def _describing(self) -> ToolSpec | None:
        wanted = set(terms("describe columns schema"))
        fits = (
            t for t in self.tools if [kind_of(p) for p in t.required] == [Kind.SOURCE] and wanted & set(terms(t.name))
        )
        return next(fits, None)


def left_unused(left: Sequence[str], names: Names) -> str:
    """Says which words no answer on this table would do justice to, and why."""
    if not names.columns:
        return f"{FAILURE}I cannot tell which table this asks of: name the file or the source."
    columns = f" Its columns are {', '.join(names.columns[:40])}."
    known = {stem(word) for name in names.columns for word in words(name)}
    kinds: dict[str, list[str]] = {}
    for word in left[:MAX_LEFT]:
        named, does = stem(word) in known, _AGGREGATE.fullmatch(word) or _SHARE.fullmatch(word)
        kinds.setdefault(_NAMED if named else _AT_ONCE if does else _NO_VALUE, []).append(f"“{word}”")
    told = "; ".join(f"{', '.join(listed)} {why}" for why, listed in kinds.items())
    return f"{FAILURE}I cannot tell what to do with all of this request: {told}.{columns}{told_unknown(names)}"


def left_out_total(text: str, names: Names) -> str:
    """`text` with what its note on a last row that sums up the others says of this answer."""
    return text.replace(COUNTED, "it is left out here") if names.total else text


def told_unknown(names: Names) -> str:
    """A note on names that no column holds, which therefore narrowed nothing; empty where there is none."""
    listed = ", ".join(f"“{name}”" for name in names.unknown)
    return f"\n\nNote: no column holds {listed}, so that no rows were chosen by it." if listed else ""


def wants_rows(step: str) -> bool:
    """Whether `step` asks for rows, a share or a correlation, and not for groups."""
    if any(pattern.search(step) for pattern in (_SHARE, _CORRELATION, _GAPS, _PRODUCT)):
        return True
    if over_time(step):
        return False
    if len(_AGGREGATED.findall(step)) > 1:
        return True
    lists = bool(set(words(step)[:3]) & _LISTS) or bool(_EXISTS.match(step)) or bool(_EXTREME.search(step))
    return lists and not _AGGREGATE.search(step) and not counts(step)


def statement(step: str, source: str, names: Names) -> str | None:
    """The SELECT that answers `step` from `source`; None when its words do not make one."""
    where = conditions.condition(step, names)
    table = identifier(source)
    if _GAPS.search(step):
        gaps = ", ".join(f"count(*) - count({identifier(name)}) AS {identifier(name)}" for name in names.columns)
        return f"SELECT {gaps} FROM {table}"  # noqa: S608
    if _CORRELATION.search(step):
        return _correlation(step, table, names, where)
    if _SHARE.search(step):
        return _share(step, table, names, where)
    if _PRODUCT.search(step):
        return _product(step, table, names, where)
    if len(_AGGREGATED.findall(step)) > 1:
        return _several(step, table, names, where)
    if not wants_rows(step) or over_time(step) or _groups(step, source, names):
        return None
    order, spoken = _order(step, names), columns_spoken(step, names)
    lists = spoken and words(step)[0] in _LISTING
    if not (where or order or lists):
        return None
    shown = ", ".join(map(identifier, spoken)) if lists and not (where or order) else "*"
    shown = f"DISTINCT {shown}" if len(spoken) == 1 and shown != "*" else shown
    parts = [f"SELECT {shown} FROM {table}", f"WHERE {where}" if where else "", order or f"LIMIT {MAX_LISTED}"]  # noqa: S608
    return " ".join(filter(None, parts))


def _groups(step: str, source: str, names: Names) -> bool:
    """Whether the step asks for groups: "which region has the highest sales". What the source is of is its rows."""
    own = {*terms(source), "id"}
    plain = [name for name in names.columns if not names.is_numeric(name) and not _is_moment(names.types.get(name, ""))]
    plain = [name for name in plain if not set(terms(name)) <= own]
    ranked = [match[4] for match in _EXTREME.finditer(step)]
    nouns = [name for phrase in ranked for name in plain if _ends_with(phrase, name)]
    return bool(nouns) or any(conditions.column_named(phrase, plain) for phrase in group_phrases(step))


def _ends_with(phrase: str, name: str) -> bool:
    said = [stem(word) for word in words(re.split(r"\b(?:in|of|by|for|with|from)\b", phrase)[0])]
    own = [stem(word) for word in words(name)]
    return bool(own) and said[-len(own) :] == own


def _is_moment(kind: str) -> bool:
    return kind.upper().startswith(("DATE", "TIMESTAMP"))


def _order(step: str, names: Names) -> str | None:
    by = _SORTED.search(step)
    column = _column(by[1], names) if by else None
    if column:
        falls = re.search(r"\b(?:desc\w*|falling|highest|largest|most)\b", step, re.IGNORECASE)
        return f"ORDER BY {identifier(column)}{' DESC' if falls else ''} LIMIT {MAX_LISTED}"
    extreme = _EXTREME.search(step)
    column = _extreme_column(step, extreme, names) if extreme else None
    if not extreme or not column:
        return None
    cheap = extreme[0].lower().startswith("cheap")
    direction = "DESC" if extreme[1] and not cheap else "ASC"
    return f"ORDER BY {identifier(column)} {direction} NULLS LAST LIMIT {_wanted(step, extreme)}"


def _wanted(step: str, extreme: re.Match[str]) -> int:
    counted = _COUNTED.search(step) or _WANTED.search(step)
    said = extreme[3] or (counted[1] if counted else "1")
    wanted = int(said) if said.isdecimal() else NUMBER_WORDS.get(said.lower(), 1)
    return max(1, min(wanted, MAX_LISTED))


def _extreme_column(step: str, extreme: re.Match[str], names: Names) -> str | None:
    moments = [name for name, kind in names.types.items() if _is_moment(kind)]
    timed = bool(_IN_TIME.search(extreme[0].split(None, 1)[0]) and moments)
    phrases = [*_BY.findall(step[extreme.start() :]), *([] if timed else [extreme[4], *measure_phrases(step)])]
    for phrase in phrases:
        column = _column(phrase, names)
        if column and (names.is_numeric(column) or column in moments):
            return column
    if timed:
        return moments[0]
    spoken = [name for name in columns_spoken(step, names) if names.is_numeric(name)]
    numeric = [name for name in names.columns if names.is_numeric(name)]
    alike = [name for name in numeric if any(likeness(stem(word), terms(step)) for word in words(name))]
    return next(iter([*spoken, *alike]), None)


def _column(phrase: str, names: Names) -> str | None:
    said = words(phrase)[:3]
    for size in (3, 2, 1):
        column = conditions.column_named(" ".join(said[:size]), names.columns)
        if column:
            return column
    return None


def _correlation(step: str, table: str, names: Names, where: str | None) -> str | None:
    pair = [name for name in columns_spoken(step, names) if names.is_numeric(name)][:2]
    if len(pair) < 2:
        return None
    label = identifier(f"correlation of {pair[0]} and {pair[1]}")
    sql = f"SELECT corr({identifier(pair[0])}, {identifier(pair[1])}) AS {label} FROM {table}"  # noqa: S608
    return f"{sql} WHERE {where}" if where else sql


def _share(step: str, table: str, names: Names, where: str | None) -> str | None:
    spoken = [name for name in columns_spoken(step, names) if names.is_numeric(name)]
    part = f"sum({identifier(spoken[0])})" if spoken else "count(*)"
    label = identifier(f"percent of {spoken[0] if spoken else 'rows'}")
    others = [name for name in names.columns if name not in spoken]
    said = [*group_phrases(step), *_EACH.findall(step)]
    group = next((name for phrase in said if (name := conditions.column_named(phrase, others))), None)
    if group and not where:
        own = f"round(100.0 * {part} / sum({part}) OVER (), 2) AS {label}"
        return f"SELECT {identifier(group)}, {own} FROM {table} GROUP BY 1 ORDER BY 2 DESC LIMIT {MAX_LISTED}"  # noqa: S608
    if not where:
        return None
    return f"SELECT round(100.0 * {part} FILTER (WHERE {where}) / {part}, 2) AS {label} FROM {table}"  # noqa: S608


def _product(step: str, table: str, names: Names, where: str | None) -> str | None:
    numeric = [name for name in names.columns if names.is_numeric(name)]
    factors = [nearest(said, numeric) for match in _PRODUCT.findall(step)[:1] for said in match]
    if None in factors or len(factors) < 2:
        return None
    group = next(
        (name for phrase in group_phrases(step) if (name := conditions.column_named(phrase, names.columns))), None
    )
    total = f"sum({' * '.join(identifier(str(name)) for name in factors)})"
    label = identifier(f"sum of {' × '.join(map(str, factors))}")
    own = f"{identifier(group)}, " if group else ""
    sql = f"SELECT {own}{total} AS {label} FROM {table}{f' WHERE {where}' if where else ''}"  # noqa: S608
    return f"{sql} GROUP BY {identifier(group)} ORDER BY 2 DESC LIMIT {MAX_LISTED}" if group else sql


def _several(step: str, table: str, names: Names, where: str | None) -> str | None:
    shown: list[str] = []
    for said, of in _AGGREGATED.findall(step):
        function = _FUNCTIONS.get(said.lower(), said.lower())
        column = (
            None
            if " " in said
            else conditions.column_named(of, [name for name in names.columns if names.is_numeric(name)])
        )
        if column is None and (" " not in said or of.lower() not in SHAPE):
            return None
        amount = f"{function}({identifier(column)})" if column else "count(*)"
        shown.append(f"{amount} AS {identifier(f'{said} {of}'.lower())}")
    if group_phrases(step):
        return None
    return f"SELECT {', '.join(shown)} FROM {table}{f' WHERE {where}' if where else ''}"  # noqa: S608
