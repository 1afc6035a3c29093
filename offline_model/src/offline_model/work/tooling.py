"""Tooling: a step done with the specialist's own tools. What a call lacks is looked up, then asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from offline_model.answers.rendering import NO_RESULTS, NOTHING, render, tables_in
from offline_model.answers.textwork import wants_summary, work_on
from offline_model.arguments.conditions import may_narrow, value_candidates
from offline_model.arguments.filling import Filled, Task, fill
from offline_model.arguments.kinds import Kind, kind_of, takes
from offline_model.arguments.known import Names, correction, error_of, names_in
from offline_model.arguments.naming import columns_spoken, spoken_source
from offline_model.arguments.unused import uncovered, unused, unused_numbers
from offline_model.language.phrases import group_phrases, measure_phrases, over_time
from offline_model.language.values import file_uris_in, numbers_in, paths_in
from offline_model.language.words import terms
from offline_model.request.conversation import Material
from offline_model.request.ledger import Ledger
from offline_model.request.outcome import FAILURE, Outcome, files_named
from offline_model.request.tools import ToolSpec
from offline_model.work.choice import Candidate, candidates
from offline_model.work.querying import Querying, left_out_total, left_unused, told_unknown
from offline_model.work.questions import Questions

_LISTING = frozenset(terms("list describe show sources available catalog schema columns tables files inspect"))
_NAMEABLE = frozenset({Kind.SOURCE, Kind.COLUMN, Kind.ZONE, Kind.UNIT, Kind.OTHER, Kind.CHOICE, Kind.PLACE, Kind.AGENT})
_CLOSED = frozenset({
    Kind.AGENT, Kind.AMOUNT, Kind.BOOLEAN, Kind.CHOICE, Kind.DATE, Kind.CLOCK, Kind.EMAIL, Kind.LIMIT, Kind.OTHER,
    Kind.PLACE, Kind.ZONE,
})  # fmt: skip
"""Kinds of single values: a tool that takes no others does nothing with any other word."""
_EXISTS = re.compile(r"(?:is|are|was|were) there\b|do(?:es)?\b.*\b(?:have|exist)\b", re.IGNORECASE)
MAX_QUESTIONS = 3
MAX_DESCRIBED = 5
LONG_TEXT = 300
"""Characters from which a text that was got is worth summing up."""


@dataclass(frozen=True, eq=False)
class Tooling:
    """Works through `tools`; every method that may have to wait returns None while a call is under way."""

    tools: Sequence[ToolSpec]
    ledger: Ledger
    questions: Questions

    def best(self, task: Task) -> Candidate | None:
        """The tool that fits the step best."""
        # Whether there is a chart is no order to draw one, for which much would have to be asked.
        asks = _EXISTS.match(task.step.text) and not file_uris_in(task.everything)
        found = (item for item in candidates(self.tools, task) if not (asks and item.filled.missing))
        # Who has nothing of the several things that a tool takes speaks of something else: the unit price is no unit.
        return next((item for item in found if item.filled.arguments or len(item.filled.missing) < 2), None)

    def query(self, task: Task, best: Candidate | None) -> Outcome | bool | None:
        """The step done with SQL; False when it is no step for that."""
        querying = Querying(self.tools, self.ledger)
        return querying.do(task) if querying.suits(task, best) else False

    def use(self, candidate: Candidate, task: Task) -> Outcome | None:
        """Do the step of `task` with the tool of `candidate`."""
        informed = self._informed(candidate.tool, task)
        if not isinstance(informed, Task):
            return informed
        filled = fill(candidate.tool, informed)
        for _ in range(MAX_QUESTIONS):
            if not filled.missing:
                return self._run(candidate.tool, filled, informed)
            missing = filled.missing[0]
            guess = spoken_source(task.step.text) if kind_of(missing) is Kind.SOURCE else None
            question = self.questions.wording(missing, task.step, informed.names)
            answer = guess or self.questions.ask(question)
            if answer is None:
                waits = self.ledger.pending or self.questions.asks_by_tool
                return None if waits else Outcome(task.step, question, ok=False, question=question)
            informed = replace(informed, answers={**informed.answers, missing.name: answer})
            filled = fill(candidate.tool, informed)
        lacks = ", ".join(f"`{parameter.name}`" for parameter in filled.missing)
        return Outcome(task.step, f"I still lack {lacks} for this.", ok=False, by=candidate.tool.name)

    def _informed(self, tool: ToolSpec, task: Task) -> Task | Outcome | None:
        """`task` with the names of sources and columns that the tool's arguments need, from tools that tell them.

        A failure where the source that the step names cannot be read.
        """
        outputs: list[str] = []
        for kind in (Kind.SOURCE, Kind.COLUMN):
            if not _lacks(tool, kind, task):
                continue
            for teller in self._tellers(tool, kind):
                filled = fill(teller, task)
                arguments = dict(filled.arguments)
                for missing in filled.missing:
                    guess = spoken_source(task.step.text) if kind_of(missing) is Kind.SOURCE else None
                    arguments |= {missing.name: guess} if guess else {}
                if any(parameter.name not in arguments for parameter in filled.missing):
                    continue
                output = self._told(teller, arguments)
                if output is None:
                    return None
                error = error_of(output) if kind is Kind.COLUMN else None
                if error and set(arguments.values()) & {*paths_in(task.step.text), *file_uris_in(task.everything)}:
                    return Outcome(task.step, f"{FAILURE}{error} (`{teller.name}`)", ok=False, by=teller.name)
                outputs.append(output)
                task = replace(task, names=_joined(task.names, names_in(outputs), arguments))
                break
            if kind is Kind.SOURCE and _lacks(tool, kind, task):
                chosen = self._by_columns(tool, task)
                if chosen is None:
                    return None
                task = chosen
        narrows = takes(tool.parameters, Kind.CONDITION) and task.names.types
        return Querying(self.tools, self.ledger).with_values(task, task.names) if narrows else task

    def _by_columns(self, tool: ToolSpec, task: Task) -> Task | None:
        teller = next((t for t in self._tellers(tool, Kind.COLUMN) if len(t.required) == 1), None)
        sources = task.names.sources
        if teller is None or not 1 < len(sources) <= MAX_DESCRIBED:
            return task
        told = [self._told(teller, {teller.required[0].name: source}) for source in sources]
        outputs = [output for output in told if output is not None]
        if len(outputs) < len(told):
            return None
        found = [names_in([output]) for output in outputs]
        spoken = [len(columns_spoken(task.step.text, names)) for names in found]
        best = spoken.index(max(spoken))
        if not spoken[best] or spoken.count(spoken[best]) > 1:
            return task
        names = replace(found[best], sources=(sources[best],))
        return replace(task, names=names)

    def _told(self, teller: ToolSpec, arguments: Mapping[str, Any]) -> str | None:
        output = self.ledger.call(teller, arguments)
        error = error_of(output) if output is not None else None
        mended = _mended(teller, arguments, error) if error else None
        return self.ledger.call(teller, mended) if mended else output

    def _tellers(self, tool: ToolSpec, kind: Kind) -> list[ToolSpec]:
        wanted = {Kind.SOURCE: terms("list sources files"), Kind.COLUMN: terms("describe columns schema")}[kind]

        def rank(other: ToolSpec) -> tuple[int, int]:
            needs = len(other.required) if kind is Kind.SOURCE else 0
            return needs, -len(set(wanted) & set(terms(f"{other.name} {other.description}")))

        found = [other for other in self.tools if other is not tool and _LISTING & set(terms(other.name))]
        return sorted((o for o in found if all(kind_of(p) is Kind.SOURCE for p in o.required)), key=rank)

    def _run(self, tool: ToolSpec, filled: Filled, task: Task) -> Outcome | None:
        sets = filled.fan or (filled.arguments,)
        done = [self._once(tool, arguments, task) for arguments in sets]
        ready = [outcome for outcome in done if outcome is not None]
        if len(ready) < len(done):
            return None
        if len(ready) == 1:
            return ready[0]
        text = "\n\n".join(f"**{_difference(sets, place)}**\n\n{item.text}" for place, item in enumerate(ready))
        return Outcome(task.step, text, ok=any(item.ok for item in ready), files=files_named(text), by=tool.name)

    def _once(self, tool: ToolSpec, arguments: Mapping[str, Any], task: Task) -> Outcome | None:
        left = self._left_out(tool, arguments, task)
        if left:
            said = left_unused(left, task.names) if self._reads_tables(tool) else _no_place(left, tool)
            return Outcome(task.step, said, ok=False, by=tool.name)
        output = self.ledger.call(tool, arguments)
        error = error_of(output) if output is not None else None
        mended = _mended(tool, arguments, error) if error else None
        if mended:
            output = self.ledger.call(tool, mended)
            error = error_of(output) if output is not None else None
        if output is None:
            return None
        if error:
            return Outcome(task.step, f"{FAILURE}{error} (`{tool.name}`)", ok=False, by=tool.name)
        text = left_out_total(_in_short(render(output, task.step.text, mended or arguments), task), task.names)
        text += told_unknown(task.names) if takes(tool.parameters, Kind.CONDITION) else ""
        missed = takes(tool.parameters, Kind.QUERY) and text.startswith((NOTHING, NO_RESULTS))
        return Outcome(task.step, text, ok=not missed, files=files_named(output), by=tool.name)

    def _left_out(self, tool: ToolSpec, arguments: Mapping[str, Any], task: Task) -> list[str]:
        """What of the step a call of `tool` takes no notice of, where it is a call on a table or on moments."""
        kinds = {kind_of(parameter) for parameter in tool.parameters}
        if kinds and kinds <= {Kind.ZONE, Kind.DATE, Kind.CLOCK}:
            return unused_numbers(task.step.text, arguments)
        if Kind.UNIT in kinds:
            # Feet and inches are one amount already, and neither of the two that were said.
            said = numbers_in(task.step.text)
            return unused_numbers(task.step.text, arguments) if set(said) & set(arguments.values()) else []
        if kinds and kinds <= _CLOSED:
            return [*unused_numbers(task.step.text, arguments), *uncovered(task.step.text, tool, arguments)]
        if not self._reads_tables(tool) or kinds & {Kind.SQL, Kind.TEXT}:
            return []
        aggregates = Kind.COLUMN in kinds
        shown = [] if aggregates else [f"{tool.name} {tool.description} fields structure schema look inside overview"]
        used = {key: value for key, value in arguments.items() if not (aggregates and key == "title")}
        return unused(task.step.text, used, task.names, shown)

    def _reads_tables(self, tool: ToolSpec) -> bool:
        return Querying(self.tools, self.ledger).ready and (takes(tool.parameters, Kind.SOURCE) or not tool.parameters)


def _no_place(left: Sequence[str], tool: ToolSpec) -> str:
    said = ", ".join(f"“{word}”" for word in left[:5])
    taken = ", ".join(parameter.name for parameter in tool.parameters)
    all_of_it = f"{FAILURE}I cannot tell what to do with all of this request"
    return f"{all_of_it}: `{tool.name}` takes {taken}, and {said} is none of it."


def _in_short(text: str, task: Task) -> str:
    if len(text) < LONG_TEXT or tables_in(text) or not wants_summary(task.step.text):
        return text
    return work_on(task.step.text, [Material("", text)]) or text


def _lacks(tool: ToolSpec, kind: Kind, task: Task) -> bool:
    if not takes(tool.parameters, kind) or (kind is Kind.COLUMN and task.names.columns):
        return False
    lacks, said = takes(fill(tool, task).missing, kind), task.step.text
    if kind is Kind.SOURCE or lacks:
        return lacks
    if takes(tool.parameters, Kind.CONDITION) and (may_narrow(said) or value_candidates(said, task.names)):
        return True
    return bool(group_phrases(said) or measure_phrases(said) or over_time(said))


def _joined(known: Names, found: Names, arguments: Mapping[str, Any]) -> Names:
    described = tuple(str(value) for value in arguments.values() if isinstance(value, str))
    sources = described if described and found.columns else (*known.sources, *found.sources)
    columns = tuple(dict.fromkeys((*known.columns, *found.columns)))
    types = {**known.types, **found.types}
    return Names(
        tuple(dict.fromkeys(sources)),
        columns,
        known.words | found.words,
        types,
        known.values,
        total=found.total or known.total,
    )


def _mended(tool: ToolSpec, arguments: Mapping[str, Any], error: str) -> dict[str, Any] | None:
    names = [p.name for p in tool.parameters if isinstance(arguments.get(p.name), str) and kind_of(p) in _NAMEABLE]
    blamed = [name for name in names if arguments[name] and re.search(re.escape(arguments[name]), error, re.IGNORECASE)]
    for name in blamed or names:
        better = correction(error, arguments[name])
        if better and better != arguments[name]:
            return {**arguments, name: better}
    return None


def _difference(sets: Sequence[Mapping[str, Any]], place: int) -> str:
    return ", ".join(str(value) for key, value in sets[place].items() if any(other[key] != value for other in sets))
