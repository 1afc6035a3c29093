"""Passages: the sentences of found texts that answer a question best, each with the citation its tool gave."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

from offline_model.language.vocabulary import ASKING
from offline_model.language.words import likeness, stem, terms, words

TEXT_KEYS = ("text", "passage", "content", "snippet", "excerpt", "chunk", "body")
LISTS = ("passages", "results", "hits", "matches", "documents", "chunks", "items")
MAX_SENTENCES = 4
MAX_TEXT = 200_000
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\[\"“(A-ZÄÖÜ0-9`*])")
_CONTINUES = re.compile(r"^[ \t]+\S")
_TABLE_HEAD = re.compile(r"^\|[\s:|-]+$")
_HEADING = re.compile(r"^\s*(#+)\s*(.*)")
_DENIES = re.compile(
    r"(?i)\b(?:not?|never|cannot|can't|without|yet|planned|roadmap|future|missing|lacks?|unsupported|deprecated|removed"
    r"|obsolete|limitations?|out of scope|to ?do|wish ?list|rejected|nicht|kein\w*)\b"
)
"""Headings under which stands what is not so."""
_STANDS_ALONE = re.compile(r"^\s*(?:[-*•|>]|\d{1,2}[.)]\s|```)")
_CITED = re.compile(r"\[[^\]\n]{1,200}(?::\d[\d-]*)?\]\.?$")
_BLOCK = re.compile(r"^(\[[^\]\n]{1,200}:\d[\d-]*\])[ \t]*(.*)$", re.MULTILINE)
_ADDRESSES_MODEL = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,60}\b(?:instructions?|prompts?|rules|guidelines)\b"
)
"""Sentences that speak to a reader's model are no part of what a text says."""
_LEAST_WORDS = 4
"""Shorter sentences, such as links and labels, are no part of a summary."""
_WORTH = 0.55
_PARTS = re.compile(r"\band\b|\bor\b|[,;]", re.IGNORECASE)
_ASKING = frozenset(map(stem, ASKING))


@dataclass(frozen=True)
class Passage:
    """A piece of text that a tool found."""

    text: str
    citation: str = ""
    heading: str = ""


@dataclass(frozen=True)
class Sentence:
    """A sentence with where it stood and how well it answers."""

    text: str
    citation: str
    place: int
    score: float = 0.0


def passages_of(value: Any) -> list[Passage]:
    """The passages in a search result; empty when it holds none."""
    if isinstance(value, Mapping):
        lists = [value[key] for key in LISTS if isinstance(value.get(key), list)]
        return passages_of(lists[0]) if lists else []
    if not isinstance(value, list):
        return []
    found = [passage for item in value if isinstance(item, Mapping) for passage in _passage(item)]
    return found if len(found) == len(value) else []


def cited_blocks(text: str) -> list[Passage]:
    """The passages of a text whose blocks begin with a citation such as [guide.md:12] and a heading."""
    marks = list(_BLOCK.finditer(text))
    if not marks or text[: marks[0].start()].strip():
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    found: list[Passage] = []
    for mark, end in zip(marks, ends, strict=True):
        body = text[mark.end() : end].strip()
        found.append(Passage(body or mark[2].strip(), mark[1], mark[2].strip()))
    return found


def best_sentences(question: str, passages: Sequence[Passage], limit: int = MAX_SENTENCES) -> list[Sentence]:
    """The sentences that answer `question` best, those of the best passage first; empty when none speaks of it."""
    found = [
        Sentence(text, passage.citation, place * 1000 + number)
        for place, passage in enumerate(passages)
        for number, text in enumerate(sentences(f"# {passage.heading}\n\n{passage.text[:MAX_TEXT]}"))
    ]
    scored = _scored(question, found)
    best = max((sentence.score for sentence in scored), default=0.0)
    if best <= 0:
        return []
    chosen: list[Sentence] = []
    for sentence in sorted(scored, key=lambda item: (-item.score, item.place)):
        fresh = sentence.text.casefold() not in {other.text.casefold() for other in chosen}
        if sentence.score >= best * _WORTH and fresh and len(chosen) < limit:
            chosen.append(sentence)
    order = list(dict.fromkeys(item.place // 1000 for item in chosen))
    return sorted(chosen, key=lambda item: (order.index(item.place // 1000), item.place))


def left_out(question: str, found: Sequence[Sentence]) -> str:
    """A note on the parts of `question` of which no sentence of the answer has a word; empty where there is none."""
    known = set(terms(" ".join(sentence.text for sentence in found)))
    asked = [(part.strip(" ?.!"), set(terms(part)) - _ASKING) for part in _PARTS.split(question)]
    lost = [part for part, own in asked if own and not any(likeness(term, known) for term in own)]
    listed = ", ".join(f"“{part}”" for part in lost)
    return f"\n\nI did not use {listed}: what I found says nothing of it." if listed else ""


def cited(found: Sequence[Sentence]) -> str:
    """Sentences as a text; the citation stands after the last sentence that it covers."""
    parts: list[str] = []
    for sentence, following in zip_longest(found, found[1:]):
        covers_next = following is not None and following.citation == sentence.citation
        needs = sentence.citation and not covers_next and not _CITED.search(sentence.text)
        parts.append(f"{sentence.text} {sentence.citation}" if needs else sentence.text)
    own_lines = any(_STANDS_ALONE.match(part) for part in parts)
    return ("\n" if own_lines else " ").join(parts)


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each list item and table row as one; headings are left out, save those that deny."""
    found: list[str] = []
    paragraph: list[str] = []
    columns: list[str] = []
    heads: dict[int, str] = {}
    fenced = listed = False
    intro = ""
    for line, following in pairwise([*text.splitlines(), "", ""]):
        fenced = fenced != line.lstrip().startswith("```")
        alone = fenced or bool(_STANDS_ALONE.match(line))
        if listed and not alone and _CONTINUES.match(line):
            found[-1] += f" {line.strip()}"
            continue
        listed = alone and not fenced and bool(re.search(r"\w", line))
        head = _HEADING.match(line) if not fenced else None
        denies = next((part for part in [*heads.values(), intro] if _DENIES.search(part)), "")
        if alone or not line.strip() or head:
            found += _under(denies, _SENTENCE.split(" ".join(paragraph)) if paragraph else [])
            intro = " ".join(paragraph) if paragraph and paragraph[-1].endswith(":") else intro if alone else ""
            denies = denies or (intro if _DENIES.search(intro) else "")
            paragraph = []
            row = listed and line.lstrip().startswith("|")
            columns = (
                _cells(line)
                if row and _TABLE_HEAD.match(following)
                else columns
                if line.lstrip().startswith("|")
                else []
            )
            found += _under(denies, [_told(columns, line) if row else line.strip()] if alone else [])
        else:
            paragraph.append(line.strip())
        if head:
            heads = {level: said for level, said in heads.items() if level < len(head[1])} | {len(head[1]): head[2]}
    return [sentence for sentence in found if re.search(r"\w", sentence)]


def _under(denies: str, found: Sequence[str]) -> list[str]:
    """Sentences with the heading that denies them: what is "Not there yet" reads as there without it."""
    said = next((part.rstrip(": ") for part in reversed(denies.split(" > ")) if _DENIES.search(part)), "")
    return [f"{said}: {text}" if said and re.search(r"\w", text) and said not in text else text for text in found]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _told(columns: Sequence[str], line: str) -> str:
    cells = _cells(line)
    pairs = zip_longest(columns, cells, fillvalue="")
    return "" if cells == [*columns] else "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)


def central_sentences(text: str, limit: int) -> list[str]:
    """The sentences that carry most of what `text` says, in its order: a summary made of its own words."""
    every = [said for said in dict.fromkeys(sentences(text[:MAX_TEXT])) if not _ADDRESSES_MODEL.search(said)]
    found = [said for said in every if len(said.split()) >= _LEAST_WORDS or len(every) <= limit] or every
    if len(found) <= limit:
        return found
    counted = Counter(term for sentence in found for term in set(terms(sentence)))
    weighed = [(_centrality(sentence, counted, place, len(found)), -place) for place, sentence in enumerate(found)]
    return [found[-place] for _, place in sorted(sorted(weighed, reverse=True)[:limit], key=lambda item: -item[1])]


def _centrality(sentence: str, counted: Counter[str], place: int, total: int) -> float:
    own = set(terms(sentence))
    weight = sum(math.log(1 + counted[term]) for term in own) / math.sqrt(len(own) + 4) if own else 0.0
    return weight * (1.25 if place == 0 else 1.1 if place < total / 5 else 1.0)


def _scored(question: str, found: list[Sentence]) -> list[Sentence]:
    plain = [word for word in words(question) if word not in ASKING]
    asked = list(dict.fromkeys(terms(" ".join(plain)) or terms(question)))
    told = [set(terms(sentence.text)) for sentence in found]
    counted = Counter(term for own in told for term in own)
    defines = re.match(r"^\W*(?:what|explain|define|describe)\b", question, re.IGNORECASE)
    scored: list[Sentence] = []
    for sentence, own in zip(found, told, strict=True):
        matched = [likeness(term, own) * math.log(1 + len(found) / (1 + counted[term])) for term in asked]
        # Of a replica that dies a sentence on another thing that dies says nothing, however rare that word is.
        score = sum(matched) * (1 + sum(map(bool, matched))) / (1 + len(asked)) / (1 + 0.004 * len(sentence.text))
        if score and defines and re.search(r"\b(?:is|are|means)\b", " ".join(sentence.text.split()[:6])):
            score *= 1.3
        scored.append(replace(sentence, score=score / (1 + 0.05 * (sentence.place // 1000))))
    return scored


def _passage(item: Mapping[str, Any]) -> list[Passage]:
    text = next((item[key] for key in TEXT_KEYS if isinstance(item.get(key), str)), None)
    return [] if text is None else [Passage(text, _citation(item), str(item.get("heading") or ""))]


def _citation(item: Mapping[str, Any]) -> str:
    for key in ("citation", "cite", "reference", "ref"):
        if item.get(key):
            return str(item[key])
    source = next(
        (item[key] for key in ("source", "uri", "url", "path", "document", "file", "title") if item.get(key)), None
    )
    line = next(
        (item[key] for key in ("line", "start_line", "line_start", "page", "lines") if item.get(key) is not None), None
    )
    if source is None:
        return ""
    return f"[{source}:{line}]" if line is not None else f"[{source}]"
