"""Text work: what the model can do with a text by itself, with no tool: pick out, never make up."""

import re
from collections.abc import Sequence

from offline_model.answers.passages import MAX_TEXT, Passage, best_sentences, central_sentences, cited, left_out
from offline_model.answers.rendering import extreme_of, tables_in
from offline_model.language.phrases import title_in, topic
from offline_model.language.values import NUMBER_WORDS
from offline_model.language.vocabulary import QUESTION_WORDS
from offline_model.language.words import words
from offline_model.request.conversation import Material

SUMMARY_SENTENCES = 5
MOST_SENTENCES = 30
_SUMMARY = re.compile(
    r"(?i)^(?:summari[sz]e|condense|shorten|recap|digest|tl;?dr|extract|list|give|get|outline|write|make|prepare"
    r"|create|dr"
    r"aft)?\b.*\b(?:zusammenfassung|fasse|résume|resume|resumen|summari[sz]e|summary|condense|shorten|recap|digest|key"
    r" points?|main points?|takeaways|overview|tl;?dr|gist|outline)\b"
)
_REPORT = re.compile(
    r"(?i)^(?:write|draft|compose|make|create|prepare|produce|assemble|combine|put|compile|build|merge"
    r"|schreibe?|verfasse|écris|rédige|escribe|redacta)\b"
)
_COUNT = re.compile(r"\b(?:how many|count(?: the)?|number of) words\b", re.IGNORECASE)
_WANTED = re.compile(r"(?i)\b(\d{1,2}|one|two|three|four|five|six)\s+(?:sentences?|points?|bullets?|lines?)\b")
_EXTREME = re.compile(
    r"(?i)\b(?:(least|lowest|smallest|shortest|fewest|worst|minimum|cheapest)"
    r"|most|highest|largest|biggest|longest|greatest|best|top|maximum)\b"
)


def wants_summary(step: str) -> bool:
    """Whether `step` asks for a text in short."""
    return bool(_SUMMARY.search(step))


def work_on(step: str, materials: Sequence[Material]) -> str | None:
    """`step` done on `materials` with their own sentences; None when that is not work of this sort."""
    given = [item for item in materials if item.is_text and item.text.strip()]
    if not given:
        return None
    text = "\n\n".join(item.text for item in given)
    if _COUNT.search(step):
        return f"The text has {(n := len(words(text)))} word{'s' * (n != 1)}."
    if _SUMMARY.search(step):
        match = _WANTED.search(step)
        count = NUMBER_WORDS.get(match[1].lower()) or int(match[1]) if match else SUMMARY_SENTENCES
        chosen = central_sentences(text, max(1, min(count, MOST_SENTENCES)))
        chosen += [f"(Of {len(text)} characters the first {MAX_TEXT} were read.)"] if len(text) > MAX_TEXT else []
        bullets = bool(re.search(r"points?|bullets?|takeaways|list", step, re.IGNORECASE))
        return "\n".join(f"- {line.lstrip('-* ')}" for line in chosen) if bullets else " ".join(chosen)
    extreme = _EXTREME.search(step)
    if extreme and not _REPORT.match(step):
        told = next((said for table in tables_in(text) if (said := extreme_of(table, lowest=bool(extreme[1])))), None)
        if told:
            return told
    if _REPORT.match(step):
        return _report(step, given)
    first = words(step)[:1]
    if first and (first[0] in QUESTION_WORDS or first[0] in {"find", "tell", "explain"} or step.endswith("?")):
        best = best_sentences(step, [Passage(item.text) for item in given])
        return cited(best) + left_out(step, best) if best else None
    return None


def _report(step: str, given: Sequence[Material]) -> str:
    sections = []
    for item in given:
        heading = title_in(item.label) or "Findings"
        sections.append(f"## {heading}\n\n{item.text.strip()}" if len(given) > 1 else item.text.strip())
    heading = topic(step, [item.label for item in given]) or "Report"
    return "\n\n".join([f"# {heading}", *sections])
