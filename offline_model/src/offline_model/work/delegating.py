"""Delegating: a step given to the agent of the network that fits it best."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from offline_model.answers.rendering import NOTHING
from offline_model.answers.smalltalk import REFUSAL
from offline_model.arguments.filling import IT, Task
from offline_model.arguments.known import error_of, parsed
from offline_model.arguments.naming import DATA_FILE
from offline_model.language.phrases import counts, group_phrases, measure_phrases, over_time
from offline_model.language.quantities import expression_in, quantity_in
from offline_model.language.values import Quantity, clocks_in, file_uris_in, spans, sql_in, urls_in
from offline_model.language.vocabulary import COMMENTING, QUESTION_WORDS, WRITING
from offline_model.language.words import likeness, shorten, stem, terms, words
from offline_model.language.zones import zones_in
from offline_model.request.clauses import BACKGROUND
from offline_model.request.conversation import QUESTION, Material, material_section
from offline_model.request.ledger import Ledger
from offline_model.request.outcome import FAILURE, File, Outcome, files_named
from offline_model.request.tools import DELEGATE, FIND_AGENTS, HANDOFF, Toolbox, ToolSpec
from offline_model.work.choice import lexical

TRUSTED_SCORE = 0.5
"""A registry's score, of 1, that is believed even when agent and step share no word."""
CANNOT = " was asked and cannot do it."
MAX_PEERS = 2
_OWN_WEIGHT = 0.4
"""How much likeness in words counts beside the registry's own score."""
_FEW_WORDS = 20
_GIST_WORDS = 4
_LEAST_LIKENESS = 0.4


@dataclass(frozen=True)
class Peer:
    """An agent that was found."""

    name: str
    about: str
    score: float


@dataclass(frozen=True, eq=False)
class Delegating:
    """Finds peers and gives them work; methods return None while a call is under way."""

    box: Toolbox
    ledger: Ledger

    def find(self, need: str) -> list[Peer] | None:
        """Peers for `need`, best first."""
        tool = self.box.runtime.get(FIND_AGENTS)
        if tool is None:
            return []
        output = self.ledger.call(tool, _call(tool, {"need": need}))
        return None if output is None else _peers(output)

    def give(self, task: Task) -> Outcome | None:
        """The step of `task` done by the best peer, or the next where one declines; refused where nobody fits."""
        declined: dict[str, Outcome] = {}
        for need in needs_of(task):
            peers = self.find(need)
            if peers is None:
                return None
            for peer in [peer for peer in fitting(need, peers) if peer.name not in declined][:MAX_PEERS]:
                tried = self._ask(peer, task)
                if tried is None or tried.ok or not (tried.declined or declined):
                    return tried
                declined[peer.name] = tried
        if declined:
            # Who has a reason is told first: the last who was asked seldom has the one that counts.
            told = sorted({outcome.text: None for outcome in declined.values()}, key=lambda text: text.endswith(CANNOT))
            return replace(next(iter(declined.values())), text="\n\n".join(told))
        said = f"Nobody in the network can do this step: “{shorten(task.step.text, 160)}”."
        return Outcome(task.step, self.unasked or said, ok=False, refused=not self.unasked)

    @property
    def unasked(self) -> str:
        """Why nobody could be looked for last; empty where those that were found are all."""
        error = error_of((self.ledger.outputs() or [""])[-1])
        return f"Nobody could be looked for: {error}" if error else ""

    def _ask(self, peer: Peer, task: Task) -> Outcome | None:
        tool = self.box.runtime[DELEGATE]
        message = message_for(task, peer)
        files = list(dict.fromkeys(file_uris_in(message)))
        output = self.ledger.call(tool, _call(tool, {"agent": peer.name, "message": message, "files": files or None}))
        return None if output is None else _outcome(task, peer, output)

    def hand_over(self, request: str, message: str) -> bool | None:
        """Transfer the whole task; None while it is under way, False when nobody fits."""
        peers = self.find(request)
        if peers is None:
            return None
        peer = next(iter(fitting(request, peers)), None)
        if peer is None:
            return False
        tool = self.box.runtime[HANDOFF]
        output = self.ledger.call(tool, _call(tool, {"agent": peer.name, "message": message}))
        return None if output is None else error_of(output) is None


def fitting(need: str, peers: Sequence[Peer]) -> list[Peer]:
    """The peers to ask, in order: the one that is named, then those that fit, best first."""
    spoken = " ".join(words(need))
    named = [peer for peer in peers if re.search(rf"\b{re.escape(' '.join(words(peer.name)))}\b", spoken)]
    alike = dict(zip(peers, lexical(need, [(peer.name, peer.about) for peer in peers]), strict=True))
    likely = [peer for peer in peers if peer.score >= TRUSTED_SCORE or alike[peer] >= _LEAST_LIKENESS]
    top_score = max((peer.score for peer in likely), default=0.0) or 1.0
    top_likeness = max(alike.values(), default=0.0) or 1.0
    likely.sort(key=lambda peer: -(peer.score / top_score + _OWN_WEIGHT * alike[peer] / top_likeness))
    return list(dict.fromkeys([*named, *likely]))


def needs_of(task: Task) -> list[str]:
    """What to look for, in turn: all of the step; what its first words order; for a question, one who looks it up."""
    step = task.step.text
    first = words(step)[:1]
    asks = step.endswith("?") or bool(first and first[0] in QUESTION_WORDS)
    needs = [need_of(task)]
    if first and likeness(stem(first[0]), [stem("write")]):
        needs.append(f"{' '.join(step.split()[:_GIST_WORDS])} (write a text)")
    if asks:
        needs.append("answer a question from the documents")
    return needs


def need_of(task: Task) -> str:
    """What to look for: the step, with a word for what its values ask for."""
    step = task.step
    text = IT.sub("1", step.text) if step.points_back else step.text
    about_text = step.points_back and any(
        item.is_text and len(words(item.text)) > _FEW_WORDS for item in task.materials
    )
    has_table = not step.depends and any(map(DATA_FILE.search, file_uris_in(task.everything)))
    hints: dict[str, object] = {
        "review and score": set(words(text)[:1]) & COMMENTING,
        "time zone": zones_in(text) and (clocks_in(text) or likeness(stem("time"), terms(text))),
        "days between dates": spans(text),
        "calculate": expression_in(text),
        "convert units": (quantity_in(text) or Quantity()).target,
        "fetch a web page": urls_in(text),
        "query data with SQL": sql_in(text),
        "a text": about_text,
        "write a report": bool(words(text)) and likeness(stem(words(text)[0]), [stem("write")]),
        "analyse data": over_time(text)
        or (group_phrases(text) and (counts(text) or measure_phrases(text)))
        or (has_table and not set(words(text)[:1]) & (WRITING | COMMENTING)),
    }
    told = ", ".join(hint for hint, value in hints.items() if value)
    return f"{step.text} ({told})" if told else step.text


def message_for(task: Task, peer: Peer) -> str:
    """The step with what was told besides and the material it needs."""
    addressed = rf"^(?:ask|tell|have|get|let)\s+(?:the\s+)?{re.escape(peer.name)}(?:\s+agent)?\s+(?:to\s+)?"
    step = re.sub(addressed, "", task.step.text, flags=re.IGNORECASE)
    told = f"{BACKGROUND} {' '.join(task.step.background.split())}" if task.step.background else ""
    said = "\n\n".join(filter(None, (step[:1].upper() + step[1:], told)))
    section = material_section(task.materials)
    return f"{said}\n\n{section}" if section else said


def material_of(outcome: Outcome) -> Material:
    """A result as material for the next step; files that its text does not name are listed."""
    unnamed = [uri for uri in outcome.uris if uri not in outcome.text]
    files = f"\n\nFiles: {', '.join(unnamed)}" if unnamed else ""
    return Material(outcome.step.text, outcome.text + files)


def _peers(output: str) -> list[Peer]:
    value = parsed(output)
    lists = value.values() if isinstance(value, dict) else [value]
    rows = next((each for each in lists if isinstance(each, list)), [])
    peers = [_peer(row) for row in rows if isinstance(row, Mapping) and row.get("name")]
    scale = 100.0 if any(peer.score > 1 for peer in peers) else 1.0
    return sorted((Peer(p.name, p.about, p.score / scale) for p in peers), key=lambda peer: -peer.score)


def _peer(row: Mapping[str, Any]) -> Peer:
    skills = row.get("skills") if isinstance(row.get("skills"), list) else []
    told = [str(row.get("description") or "")]
    for skill in skills or []:
        fields = [skill.get(key) for key in ("id", "name", "description")] if isinstance(skill, Mapping) else [skill]
        told += [str(field or "") for field in fields]
    score = row.get("score")
    return Peer(str(row["name"]), " ".join(told), float(score) if isinstance(score, int | float) else 0.0)


def _outcome(task: Task, peer: Peer, output: str) -> Outcome:
    value = parsed(output)
    if not isinstance(value, Mapping) or "state" not in value:
        reason = error_of(output) or shorten(output, 400) or "no answer"
        return Outcome(task.step, f"{peer.name} could not do it: {reason}", ok=False, by=peer.name)
    answer = value.get("answer")
    text = answer if isinstance(answer, str) else json.dumps(answer) if answer else ""
    declined = value["state"] == "rejected" or text.startswith((REFUSAL, NOTHING, QUESTION, FAILURE))
    if declined and not text.startswith(QUESTION):
        said = text.removeprefix(FAILURE) if text and not text.startswith(REFUSAL) else ""
        said = f"{peer.name}{CANNOT[:-1]}: {said}" if said else f"{peer.name}{CANNOT}"
        return Outcome(task.step, said, ok=False, declined=True, by=peer.name)
    if value["state"] != "completed":
        reason = text or "no reason was given"
        return Outcome(task.step, f"{peer.name} could not do it ({value['state']}): {reason}", ok=False, by=peer.name)
    given = value.get("files") if isinstance(value.get("files"), list) else []
    files = tuple(
        File(str(item["uri"]), str(item.get("name") or item["uri"]), str(item.get("media_type") or ""))
        for item in given or []
        if isinstance(item, Mapping) and item.get("uri")
    )
    asks, said = text.startswith(QUESTION), text or "(done, without a text)"
    files = files or files_named(text)
    return Outcome(task.step, said, ok=not asks, declined=asks, files=files, by=peer.name)


def _call(tool: ToolSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments in the tool's own schema: keys that it does not know are left out, strict ones are set."""
    known = {parameter.name: parameter for parameter in tool.parameters}
    arguments = {
        name: value for name, value in values.items() if name in known and (value is not None or known[name].listed)
    }
    for name, parameter in known.items():
        if parameter.listed and name not in arguments:
            arguments[name] = parameter.schema.get("default")
    return arguments
