"""Words: how text is broken into comparable terms. Light stemming, small general tables, no language model."""

import re
from collections.abc import Iterable
from functools import lru_cache

from offline_model.language.vocabulary import GROUPS, STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNDOUBLE = re.compile(r"([bdgmnprt])\1$")


def words(text: str) -> list[str]:
    """The words of `text` in lower case; identifiers come apart at underscores and capitals."""
    return [word.casefold().replace("’", "'") for word in _WORD.findall(_CAMEL.sub(" ", text))]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A form that the inflections of an English word share. Not a dictionary form."""
    word = word.removesuffix("'s")
    if len(word) <= 3:
        return word
    word = _without_plural(word).replace("isation", "ization")
    for suffix, least in (("ing", 6), ("ed", 5), ("ly", 6), ("ion", 7)):
        if word.endswith(suffix) and len(word) >= least:
            word = _UNDOUBLE.sub(r"\1", word.removesuffix(suffix))
            break
    word = word.removesuffix("er") if len(word) >= 6 else word
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] + "z" if word.endswith("is") and len(word) > 6 else word


def terms(text: str) -> list[str]:
    """The stems of the words of `text` that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS and (len(word) > 1 or word.isdigit())]


@lru_cache(maxsize=20_000)
def groups(term: str) -> frozenset[int]:
    """Numbers of the synonym groups that a stem belongs to."""
    return _GROUPS_OF.get(term, frozenset())


def likeness(term: str, others: Iterable[str]) -> float:
    """How near `term` is to the nearest of `others`: 1 the same stem, 0.5 a synonym, 0 nothing."""
    own = groups(term)
    best = 0.0
    for other in others:
        if term == other:
            return 1.0
        if own and own & groups(other):
            best = 0.5
    return best


def overlap(question: str, text: str) -> float:
    """Share of the terms of `question` that `text` knows, 0 to 1; synonyms count half."""
    asked = list(dict.fromkeys(terms(question)))
    if not asked:
        return 0.0
    known = set(terms(text))
    return sum(likeness(term, known) for term in asked) / len(asked)


def nearest(phrase: str, names: Iterable[str], *, least: float = 0.5) -> str | None:
    """The name that shares most words with `phrase`, if it shares at least that part of the name's own words."""
    asked = set(terms(phrase)) or {stem(word) for word in words(phrase)}
    best, best_score = None, least - 1e-9
    for name in names:
        own = {stem(word) for word in words(name)}
        score = sum(likeness(term, asked) for term in own) / len(own) if own else 0.0
        if score > best_score:
            best, best_score = name, score
    return best


def first_sentence(text: str) -> str:
    """The first sentence of `text`, on one line."""
    line = " ".join(text.split())
    return re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0]


def shorten(text: str, characters: int) -> str:
    """`text` on one line, cut at a word's end with an ellipsis when it is longer."""
    line = " ".join(text[: characters * 4].split())
    return line if len(line) <= characters else line[:characters].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _group_index() -> dict[str, frozenset[int]]:
    index: dict[str, set[int]] = {}
    for number, group in enumerate(GROUPS):
        for word in group.split():
            index.setdefault(stem(word), set()).add(number)
    return {term: frozenset(numbers) for term, numbers in index.items()}


_GROUPS_OF = _group_index()
