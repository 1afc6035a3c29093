"""The reviewer's tool: measures a text and says what to improve."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from agents import function_tool

# Bounded: the text is what another agent or a user wrote.
CITATION = re.compile(r"\[[^\[\]\n]{1,200}:\d+(?:-\d+)?\]|\]\(https?://")
SENTENCE = re.compile(r"(?<=[.!?])\s+")
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
LONG_SENTENCE_WORDS = 28
SHORT_WORDS = 60
LONG_WORDS = 1500
VAGUE = ("very", "really", "quite", "basically", "actually", "obviously", "clearly", "somewhat", "various", "etc")


@dataclass(frozen=True)
class Text:
    """A text and what is measured of it."""

    raw: str

    @property
    def prose(self) -> str:
        """Without tables, code, headings and pictures."""
        # A table or a listing is not a long sentence.
        lines = [line for line in self.raw.splitlines() if line.strip() and line.lstrip()[0] not in "|#!`>"]
        return "\n".join(lines)

    @property
    def words(self) -> list[str]:
        """The words of the prose."""
        return WORD.findall(self.prose)

    @property
    def headings(self) -> list[str]:
        """The headings, lower case."""
        return [match[1].strip().lower() for match in re.finditer(r"^#{1,6}\s+(.+)$", self.raw, re.MULTILINE)]

    @property
    def long_sentences(self) -> list[str]:
        """Sentences that a reader has to read twice."""
        sentences = SENTENCE.split(" ".join(self.prose.split()))
        return [sentence for sentence in sentences if len(sentence.split()) > LONG_SENTENCE_WORDS]

    @property
    def vague_words(self) -> list[str]:
        """Words that say nothing."""
        return sorted({word.lower() for word in self.words} & set(VAGUE))


@dataclass(frozen=True)
class Criterion:
    """Something a good report has: its weight in points, the measure, and what to do where it is missing."""

    name: str
    points: int
    share: Callable[[Text], float]
    """0 to 1."""
    advice: Callable[[Text], str]


CRITERIA = (
    Criterion(
        "title", 10, lambda text: float(text.raw.lstrip().startswith("# ")), lambda _: "Begin with a title (`# …`)."
    ),
    Criterion(
        "summary",
        15,
        lambda text: float("summary" in text.headings),
        lambda _: "Add a summary of two or three sentences at the top.",
    ),
    Criterion(
        "structure",
        15,
        lambda text: min(1.0, max(0, len(text.headings) - 1) / 3),
        lambda _: "Give each finding a section with a heading.",
    ),
    Criterion(
        "sources",
        20,
        lambda text: min(1.0, len(CITATION.findall(text.raw)) / 2),
        lambda _: "Name the sources of the statements.",
    ),
    Criterion(
        "sentences",
        15,
        lambda text: max(0.0, 1 - len(text.long_sentences) / 4),
        lambda text: (
            f"Split sentences of over {LONG_SENTENCE_WORDS} words ({len(text.long_sentences)}): "
            f"“{' '.join(text.long_sentences[0].split()[:8])} …”."
        ),
    ),
    Criterion(
        "length",
        10,
        lambda text: 1.0 if SHORT_WORDS <= len(text.words) <= LONG_WORDS else 0.4,
        lambda text: f"A short report has {SHORT_WORDS} to {LONG_WORDS} words; this one has {len(text.words)}.",
    ),
    Criterion(
        "conclusion",
        10,
        lambda text: float(any("conclusion" in heading or "next step" in heading for heading in text.headings)),
        lambda _: "Add a conclusion: what follows from this?",
    ),
    Criterion(
        "words",
        5,
        lambda text: max(0.0, 1 - len(text.vague_words) / 3),
        lambda text: f"Drop words that say nothing: {', '.join(text.vague_words)}.",
    ),
)


@function_tool
def score_report(report: str) -> str:
    """Score a report or text from 0 to 100 for what a busy reader needs, and say what to improve.

    Args:
        report: The text to review, in full.
    """
    text = Text(report)
    shares = {criterion: criterion.share(text) for criterion in CRITERIA}
    score = round(sum(criterion.points * share for criterion, share in shares.items()))
    good = [criterion.name for criterion, share in shares.items() if share >= 0.99]
    advice = [criterion.advice(text) for criterion, share in shares.items() if share < 0.99]
    lines = [f"Score: {score} of 100"]
    if good:
        lines.append(f"Good: {', '.join(good)}.")
    lines += ["", "Suggestions:", *(f"- {item}" for item in advice)] if advice else ["", "No suggestions."]
    return "\n".join(lines)
