"""Documents into passages: split at headings and paragraphs, each with the number of its first line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

PASSAGE_CHARACTERS = 800
"""A passage grows until the next paragraph would take it over this."""
LONGEST_CHARACTERS = 1200
"""A paragraph over this is cut between lines, and a line between words."""
HEADING_CHARACTERS = 200
PAGE_BREAK = "\f"

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that an answer can cite."""

    heading: str
    """The headings above it, outermost first, with " > " between."""
    first_line: int
    """From 1."""
    text: str


@dataclass(frozen=True, slots=True)
class _Paragraph:
    heading: str
    first_line: int
    text: str


def title_of(text: str, name: str) -> str:
    """The first heading, else the file's name."""
    for line in text.splitlines()[:50]:
        if match := _HEADING.match(line):
            return match[2][:HEADING_CHARACTERS]
    return name


def split(text: str, *, markdown: bool) -> list[Passage]:
    """The passages of a document. Text pages (PDF) end with a form feed and are headed by their number."""
    passages: list[Passage] = []
    for paragraph in _paragraphs(text, markdown):
        for piece in _pieces(paragraph):
            last = passages[-1] if passages else None
            if last and last.heading == piece.heading and len(last.text) + len(piece.text) < PASSAGE_CHARACTERS:
                passages[-1] = Passage(last.heading, last.first_line, f"{last.text}\n\n{piece.text}")
            else:
                passages.append(Passage(piece.heading, piece.first_line, piece.text))
    return passages


def _paragraphs(text: str, markdown: bool) -> Iterator[_Paragraph]:
    outline: list[tuple[int, str]] = []
    heading = "Page 1" if PAGE_BREAK in text else ""
    page, begin, fenced = 1, 1, False
    lines: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        # In a listing a # is a comment, and a blank line no end.
        fenced ^= markdown and bool(_FENCE.match(line))
        match = _HEADING.match(line) if markdown and not fenced else None
        if match or PAGE_BREAK in line or (not line.strip() and not fenced):
            if lines:
                yield _Paragraph(heading, begin, "\n".join(lines))
            lines = []
            if match:
                heading = _outlined(outline, len(match[1]), match[2])
            elif PAGE_BREAK in line:
                page += 1
                heading = f"Page {page}"
            continue
        if not lines:
            begin = number
        lines.append(line.rstrip())
    if lines:
        yield _Paragraph(heading, begin, "\n".join(lines))


def _outlined(outline: list[tuple[int, str]], level: int, heading: str) -> str:
    while outline and outline[-1][0] >= level:
        outline.pop()
    outline.append((level, heading))
    return " > ".join(text for _, text in outline)[-HEADING_CHARACTERS:]


def _pieces(paragraph: _Paragraph) -> Iterator[_Paragraph]:
    if len(paragraph.text) <= LONGEST_CHARACTERS:
        yield paragraph
        return
    taken: list[str] = []
    begin = paragraph.first_line
    for number, line in enumerate(paragraph.text.split("\n"), start=paragraph.first_line):
        for part in _parts(line):
            if taken and sum(map(len, taken)) + len(part) > PASSAGE_CHARACTERS:
                yield _Paragraph(paragraph.heading, begin, "\n".join(taken))
                taken = []
            if not taken:
                begin = number
            taken.append(part)
    if taken:
        yield _Paragraph(paragraph.heading, begin, "\n".join(taken))


def _parts(line: str) -> Iterator[str]:
    while len(line) > LONGEST_CHARACTERS:
        cut = line.rfind(". ", 0, PASSAGE_CHARACTERS) + 1 or line.rfind(" ", 0, PASSAGE_CHARACTERS)
        cut = cut if cut > 0 else PASSAGE_CHARACTERS
        yield line[:cut].strip()
        line = line[cut:].lstrip()
    yield line
