"""The writer's tools: put material into the form of a report, and apply a review to it. Both keep every fact."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agents import function_tool

# As the knowledge server gives them, [source:line], and as file URIs are made: both pass to the letter.
CITATION = re.compile(r"\[[^\[\]\n]{1,200}:\d+(?:-\d+)?\]")
FILE = re.compile(r"agentnet-file:[0-9a-f]{32}/[^\s)\]]+")
PICTURE = re.compile(r"\.(?:png|jpe?g|svg|gif|webp)$", re.IGNORECASE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
CLAUSE = re.compile(r"(?:;|, and(?= (?:it|this|that|they) ))\s+(\w)")
LONG_SENTENCE_WORDS = 28
SUMMARY_SENTENCES = 3


@dataclass
class Section:
    """A heading with its text."""

    title: str
    body: str


@function_tool
def assemble_report(title: str, findings: str) -> str:
    """Put findings into the form of a short Markdown report: title, summary, a section each, figures and sources.

    Args:
        title: What the report is about, in a few words.
        findings: The material, word for word, with its citations and file URIs; headings become sections.
    """
    sections = [section for section in _sections(findings) if section.body]
    parts = [f"# {_headline(title)}"]
    summary = _summary(sections)
    if summary:
        parts.append(f"## Summary\n\n{summary}")
    parts += [f"## {section.title}\n\n{section.body}" for section in sections]
    figures = _unique(uri for uri in FILE.findall(findings) if PICTURE.search(uri))
    if figures:
        parts.append("## Figures\n\n" + "\n".join(f"![{_name(uri)}]({uri})" for uri in figures))
    sources = _unique(CITATION.findall(findings))
    if sources:
        parts.append("## Sources\n\n" + "\n".join(f"- {source}" for source in sources))
    return "\n\n".join(parts)


@function_tool
def revise_report(report: str, suggestions: str) -> str:
    """Apply the suggestions of a review to a report: summary, shorter sentences, sources, figures, headings.

    Args:
        report: The report as it is, in Markdown.
        suggestions: The review with its suggestions.
    """
    wanted = suggestions.lower()
    sections = _sections(report)
    title = next((section.title for section in sections if not section.body), None) or _first_title(report)
    body = [section for section in sections if section.body]
    names = {section.title.lower() for section in body}
    if "sentence" in wanted or "long" in wanted or "split" in wanted:
        body = [_with_short_sentences(section) for section in body]
    if "summary" in wanted and "summary" not in names:
        summary = _summary(body)
        body = [Section("Summary", summary), *body] if summary else body
    if "source" in wanted and "sources" not in names:
        sources = _unique(CITATION.findall(report))
        body += [Section("Sources", "\n".join(f"- {source}" for source in sources))] if sources else []
    if "conclusion" in wanted and "conclusion" not in names:
        body = _with_conclusion(body)
    return "\n\n".join([f"# {title}", *(f"## {section.title}\n\n{section.body}" for section in body)])


def _sections(text: str) -> list[Section]:
    """The text by its Markdown headings; what stands before the first is called Findings."""
    sections = [Section("Findings", "")]
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            sections.append(Section(_headline(heading[1]), ""))
        else:
            sections[-1].body += line + "\n"
    for section in sections:
        section.body = section.body.strip()
    # Before the first heading there may be nothing.
    return sections if sections[0].body else sections[1:]


def _summary(sections: list[Section]) -> str:
    """The first plain sentence of each section, citations left out."""
    firsts: list[str] = []
    for section in sections:
        if section.title.lower() in {"sources", "figures", "summary"}:
            continue
        prose = [line for line in section.body.splitlines() if line.strip() and line.lstrip()[0] not in "|#!>`"]
        sentences = SENTENCE.split(" ".join(" ".join(prose).split()).lstrip("-* "))
        first = CITATION.sub("", sentences[0]).strip() if sentences else ""
        if len(first.split()) >= 3:
            firsts.append(first if first[-1] in ".!?" else first + ".")
    return " ".join(firsts[:SUMMARY_SENTENCES])


def _with_conclusion(body: list[Section]) -> list[Section]:
    summary = _summary(body)
    ending = {"sources", "figures"}
    head = [section for section in body if section.title.lower() not in ending]
    tail = [section for section in body if section.title.lower() in ending]
    return [*head, Section("Conclusion", summary), *tail] if summary else body


def _with_short_sentences(section: Section) -> Section:
    lines = [
        # Tables, pictures, headings and code are no sentences.
        line if line.lstrip()[:1] in {"|", "!", "#", "`", ">"} else _shorter(line)
        for line in section.body.split("\n")
    ]
    return Section(section.title, "\n".join(lines))


def _shorter(line: str) -> str:
    """A long sentence falls into two at its semicolon, or where a new clause begins."""
    return " ".join(_split(sentence) for sentence in SENTENCE.split(line))


def _split(sentence: str) -> str:
    if len(sentence.split()) <= LONG_SENTENCE_WORDS:
        return sentence
    return CLAUSE.sub(lambda match: f". {match[1].upper()}", sentence, count=1)


def _first_title(report: str) -> str:
    for line in report.splitlines():
        if heading := HEADING.match(line):
            return heading[1]
    return "Report"


def _headline(text: str) -> str:
    line = " ".join(text.split()).strip(" .:#") or "Report"
    return line[0].upper() + line[1:119]


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
