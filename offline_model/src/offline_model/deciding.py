"""Deciding: the one function behind the offline model, from a request to calls or an answer. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from offline_model.answers import smalltalk
from offline_model.answers.answering import compose
from offline_model.answers.textwork import work_on
from offline_model.arguments.filling import Task
from offline_model.language.words import first_sentence, overlap, shorten
from offline_model.request.conversation import REQUEST_CHARACTERS, Conversation, Material, Request, read
from offline_model.request.ledger import Decision, Ledger
from offline_model.request.outcome import FAILURE, Outcome
from offline_model.request.plan import Step, plan
from offline_model.request.tools import ASK_USER, FIND_AGENTS, GIVE_UP, HANDOFF, Toolbox, toolbox
from offline_model.work.choice import CLEARLY, FITS
from offline_model.work.delegating import Delegating, fitting, material_of
from offline_model.work.questions import Questions
from offline_model.work.tooling import Tooling

NOBODY = "Nobody in the network can do that."
EMPTY = "There is no request in this message. Tell me what you would like to have done."
TOO_LONG = (
    FAILURE
    + "The request has {:,} characters, and may have {:,}. Attach a text to work on as a file, or put it below a "
    "line `Material:`."
)
UNCLEAR = FAILURE + "I cannot tell what “{}” means after “{}”. Please say it as one whole request."
_HANDS_OVER = re.compile(
    r"^(?:please )?(?:hand|transfer|pass|forward|escalate|redirect)\b.{0,80}\b(?:off|over|to|on)\b",
    re.IGNORECASE | re.DOTALL,
)
MAX_REASON = 4000
MAX_STEPS = 16
_UNREAD = re.compile(r"^\[(.+ was not read.*)\]$", re.MULTILINE)
_SPEAKS_OF_IT = 0.5
"""Share of a question's words above which a text is read for the answer before anything is searched."""


def decide(request: Request) -> Decision:
    """What to do next. Depends on nothing but `request`; ends every run after a bounded number of calls."""
    talk = read(request.items)
    box = toolbox(request.tools)
    if len(talk.request) > REQUEST_CHARACTERS:
        return _refused(TOO_LONG.format(len(talk.request), REQUEST_CHARACTERS), box, Ledger(talk.results))
    if talk.unclear:
        return _refused(
            UNCLEAR.format(shorten(talk.request, 80), shorten(talk.earlier, 160)), box, Ledger(talk.results)
        )
    if not re.search(r"\w", talk.request):
        return Decision(text=EMPTY if not talk.materials else smalltalk.abilities(box))
    return _small_talk(request, talk, box) or _work(request, talk, box)


def _small_talk(request: Request, talk: Conversation, box: Toolbox) -> Decision | None:
    if smalltalk.is_greeting(talk.request):
        return Decision(text=smalltalk.greeting(talk.request, request.instructions, box))
    if (
        smalltalk.asks_for_agent(talk.request)
        and not smalltalk.asks_abilities(talk.request)
        and FIND_AGENTS in box.runtime
    ):
        return _who(talk, box)
    if not smalltalk.asks_abilities(talk.request):
        return None
    ledger = Ledger(talk.results)
    peers = Delegating(box, ledger)
    found = peers.find("*") if FIND_AGENTS in box.runtime else []
    if found is None:
        return Decision(calls=tuple(ledger.pending))
    told = smalltalk.abilities(box, [(peer.name, peer.about) for peer in found])
    return Decision(text="\n\n".join(filter(None, (smalltalk.introduction(request.instructions), told, peers.unasked))))


def _who(talk: Conversation, box: Toolbox) -> Decision:
    ledger = Ledger(talk.results)
    who = Delegating(box, ledger)
    found = who.find(talk.request)
    if found is None:
        return Decision(calls=tuple(ledger.pending))
    lines = [f"- **{peer.name}**: {first_sentence(peer.about)}" for peer in fitting(talk.request, found)]
    return Decision(text="\n".join(["These agents fit, the best first:", *lines]) if lines else who.unasked or NOBODY)


def _work(request: Request, talk: Conversation, box: Toolbox) -> Decision:
    ledger = Ledger(talk.results)
    worker = _Worker(talk, box, ledger)
    steps = plan(talk.request)
    if HANDOFF in box.runtime and _HANDS_OVER.match(talk.request):
        handed = worker.delegating.hand_over(talk.request, talk.request)
        if handed is not False:
            return Decision(tuple(ledger.pending), "" if ledger.pending else "The task has been handed over.")
    outcomes = worker.run(steps)
    if ledger.pending:
        transfers = tuple(call for call in ledger.pending if call.handoff)
        return Decision(calls=transfers[:1] or tuple(ledger.pending))
    text = compose(steps, outcomes, box)
    unread = [note for item in talk.materials for note in _UNREAD.findall(item.text) if note not in text]
    text = "\n\n".join([text, *unread])
    done = any(outcome.ok or outcome.question for outcome in outcomes.values())
    return Decision(text=text) if done else _refused(text, box, ledger)


def _refused(reason: str, box: Toolbox, ledger: Ledger) -> Decision:
    if GIVE_UP in box.runtime:
        ledger.call(box.runtime[GIVE_UP], {"reason": reason[:MAX_REASON]})
    return Decision(tuple(ledger.pending), "" if ledger.pending else reason)


@dataclass(frozen=True, eq=False)
class _Worker:
    """Does the steps whose dependencies are done, as far as results are there."""

    talk: Conversation
    box: Toolbox
    ledger: Ledger

    @property
    def delegating(self) -> Delegating:
        """Work given to others."""
        return Delegating(self.box, self.ledger)

    @property
    def tooling(self) -> Tooling:
        """Work with own tools."""
        return Tooling(
            self.box.own, self.ledger, Questions(self.ledger, self.box.runtime.get(ASK_USER), self.talk.answers)
        )

    def run(self, steps: tuple[Step, ...]) -> dict[int, Outcome]:
        """The outcomes that are known by now."""
        outcomes: dict[int, Outcome] = {}
        for step in steps:
            if any(index not in outcomes for index in step.depends):
                continue
            outcome = self._do(step, outcomes)
            if outcome is not None:
                outcomes[step.index] = outcome
        return outcomes

    def _do(self, step: Step, outcomes: Mapping[int, Outcome]) -> Outcome | None:
        needed = [outcomes[index] for index in step.depends]
        if step.index >= MAX_STEPS:
            return Outcome(step, f"One request has {MAX_STEPS} steps at most.", ok=False, left_out=True)
        failed = [outcome.step for outcome in needed if not outcome.ok]
        if failed and not step.only_after and not (step.gathers and len(failed) < len(needed)):
            return Outcome(step, f"It builds upon “{shorten(failed[0].text, 100)}”.", ok=False, left_out=True)
        return self._perform(Task(step, self._materials(step, needed)))

    def _materials(self, step: Step, needed: list[Outcome]) -> tuple[Material, ...]:
        before = [material_of(outcome) for outcome in needed if outcome.ok]
        given = self.talk.materials
        if not before and not given and step.points_back and self.talk.last_answer:
            given = (Material("Previous answer", self.talk.last_answer),)
        return (*given, *before)

    def _read(self, task: Task) -> str | None:
        """The answer to a question from the text that came with it, where that text speaks of most of it."""
        given = [item for item in task.materials if item.is_text]
        spoken = overlap(task.step.text, "\n".join(item.text for item in given))
        return work_on(task.step.text, given) if spoken > _SPEAKS_OF_IT and not task.step.depends else None

    def _perform(self, task: Task) -> Outcome | None:
        best = self.tooling.best(task)
        told = self._read(task) if best is None or best.searches else None
        if told:
            return Outcome(task.step, told, by="text")
        queried = self.tooling.query(task, best)
        if not isinstance(queried, bool):
            return queried
        least = CLEARLY if self.box.coordinates else FITS
        if best and best.score >= least and (best.complete or not self.box.coordinates):
            return self.tooling.use(best, task)
        given = self.delegating.give(task) if self.box.coordinates else None
        if self.box.coordinates and (given is None or not given.refused):
            return given
        if best and best.score >= FITS:
            return self.tooling.use(best, task)
        text = work_on(task.step.text, task.materials)
        if text:
            return Outcome(task.step, text, by="text")
        return given or Outcome(replace(task.step), "", ok=False, refused=True)
