"""Answering: the outcomes of all steps as one answer."""

from collections.abc import Mapping, Sequence

from offline_model.answers.smalltalk import OFFLINE, refusal
from offline_model.language.words import shorten
from offline_model.request.outcome import Outcome
from offline_model.request.plan import Step, leaves
from offline_model.request.tools import Toolbox

MAX_ANSWER = 60_000


def compose(steps: Sequence[Step], outcomes: Mapping[int, Outcome], box: Toolbox) -> str:
    """The answer: of steps that build upon each other the last one done, of independent ones all under headings."""
    done = [outcomes[step.index] for step in steps if step.index in outcomes]
    asked = [outcome for outcome in done if outcome.question]
    last = leaves([outcome.step for outcome in done if outcome.ok])
    ends = [outcome for outcome in done if not outcome.left_out and (not outcome.ok or outcome.step.index in last)]
    left_out = [outcome for outcome in done if outcome.left_out]
    if asked:
        rest = [outcome for outcome in done if outcome.ok]
        return "\n\n".join([asked[0].question, *(f"So far: {_section(outcome, many=True)}" for outcome in rest)])
    if all(outcome.refused or outcome.left_out for outcome in done):
        told = [*(_note(outcome) if outcome.left_out else outcome.text for outcome in done), OFFLINE]
        return "\n\n".join(told) if box.coordinates else refusal([outcome.step.text for outcome in done], box)
    parts = [_section(outcome, many=len(ends) > 1 or bool(left_out)) for outcome in ends]
    parts += [_note(outcome) for outcome in left_out]
    parts += _files(ends, done, "\n".join(parts))
    parts += [OFFLINE] if box.coordinates and not any(outcome.ok for outcome in done) else []
    text = "\n\n".join(parts)
    cut = f"\n\n(Cut here: the whole has {len(text)} characters.)"
    return text if len(text) <= MAX_ANSWER else text[:MAX_ANSWER].rsplit(None, 1)[0] + cut


def _section(outcome: Outcome, *, many: bool) -> str:
    text = outcome.text if not outcome.refused or outcome.text else f"No tool here can do this. {OFFLINE}"
    return f"### {shorten(outcome.step.text.rstrip('?.'), 100)}\n\n{text}" if many else text


def _note(outcome: Outcome) -> str:
    return f"Note: “{shorten(outcome.step.text, 100)}” was left out. {outcome.text}"


def _files(ends: Sequence[Outcome], done: Sequence[Outcome], text: str) -> list[str]:
    own = [file for outcome in ends for file in outcome.files]
    made = [file for outcome in done for file in outcome.files if not file.media_type.startswith("text/")]
    earlier = [file for file in made if not file.name.endswith((".md", ".txt"))]
    files = [file for file in dict.fromkeys([*own, *earlier]) if file.uri not in text]
    lines = [f"- [{file.name}]({file.uri})" for file in files]
    return ["\n".join(["Files:", *lines])] if lines else []
