"""The plan: a request's steps, and which of them build upon which."""

import re
from dataclasses import dataclass

from offline_model.language.quantities import expression_in
from offline_model.language.vocabulary import COMMENTING, NOUN_VERBS, PLAIN_VERBS, WRITING
from offline_model.language.words import groups, stem, terms, words
from offline_model.request.clauses import Clause, clauses

_EXPLETIVE = re.compile(
    r"(?i)\b(?:time|day|date|year|month|weekday|late|early|hot|cold) (?:is|was|will|would) it(?: be)?\b"
    r"|\bhow (?:long|much|often) (?:does|did|do|would|will) it\b|\bit (?:is|was|takes|possible)\b|\bit's\b"
    r"|\b(?:is|are|was|were) there\b|\bis it (?=\w+ing\b|possible|true|now|\d)"
)
_BOTH = re.compile(r"\b(?:both|the two|of each)\b", re.IGNORECASE)
_MANY = re.compile(
    r"(?i)\b(?:them|they|these|those|their|everything|all of (?:it|that)|the (?:results|findings|above|answers"
    r"|outputs))\b"
)
_ONE = re.compile(
    r"(?i)\bthere\b(?=\s*(?:$|[.,;?!)]))|\b(?:which (?:one|of them)|it|its|this|the (?:result|answer|output|outcome"
    r"|above)"
    r")\b|\bthat\b(?=\s*(?:$|[.,;?!)]|(?:to|in|into|from|with|for|and|as|by|on)\b))|\bbased on\b|\bbuild(?:ing)? (?:up"
    r")?on\b"
)
_BARE = re.compile(r"(?i)(?:draw|plot|chart|make|show|create|give)\s+(?:me\s+)?an?\s+(?:[\w-]+\s+){0,2}[\w-]+\W*")
"""An order that does not say of what: it is about what the step before it was about."""
_DEFINITE = re.compile(r"\b(?:the|that|this|your)\s+(?:[\w-]+\s+)?([\w-]+)", re.IGNORECASE)
_INDEFINITE = re.compile(r"\b(?:a|an|one)\s+((?:[\w-]+\s+){0,3}[\w-]+)", re.IGNORECASE)
_CAUSATIVE = re.compile(
    r"^(?:have|get|let)\s+(.{1,60}?)\s+(?:be\s+)?(\w+ed|\w+en|sent|built|rebuilt|set|put|cut|split|done|made)\b(.*)$",
    re.IGNORECASE | re.DOTALL,
)
_IRREGULAR = {
    "written": "write",
    "rewritten": "rewrite",
    "sent": "send",
    "made": "make",
    "drawn": "draw",
    "built": "build",
    "found": "find",
}
_ENOUGH = 4
"""Words with a meaning that a step needs to say by itself what it is about."""
_COMMENTING_STEMS = frozenset(map(stem, COMMENTING))
_VERBS_BY_STEM = {stem(verb): verb for verb in sorted(PLAIN_VERBS | NOUN_VERBS)}


@dataclass(frozen=True)
class Step:
    """One thing to do."""

    index: int
    text: str
    depends: tuple[int, ...] = ()
    """Indexes of the steps whose results it needs."""
    background: str = ""
    """What the request told besides: used for values, never done."""
    points_back: bool = False
    """It speaks of something that was there before: "it", "this text"."""
    only_after: bool = False
    """It comes after another in time, and says by itself what it needs."""
    gathers: bool = False
    """It takes what several steps brought, and can be done with a part of it."""


def plan(request: str) -> tuple[Step, ...]:
    """The steps of `request` in order; empty when it has no words."""
    found = clauses(request)
    steps: list[Step] = []
    for index, clause in enumerate(found.asks):
        text = active(clause.text)
        points_back = bool(_ONE.search(_plain(text)) or _MANY.search(text) or _BOTH.search(text))
        gathers = bool(_MANY.search(text) or _BOTH.search(text))
        depends = _depends(clause, text, steps)
        bare = bool(steps) and not depends and bool(_BARE.fullmatch(text))
        background = ". ".join(filter(None, (found.background, steps[-1].text if bare else "")))
        only_after = bool(depends) and not points_back and _says_all(text, steps)
        steps.append(Step(index, text, depends, background, points_back, only_after, gathers))
    return tuple(steps)


def leaves(steps: list[Step] | tuple[Step, ...]) -> list[int]:
    """Indexes of the steps that no other builds upon."""
    used = {index for step in steps for index in step.depends}
    return [step.index for step in steps if step.index not in used]


def active(text: str) -> str:
    """`text` as an order to the one who does it: "have it reviewed" becomes "Review it"."""
    match = _CAUSATIVE.match(text)
    verb = match and (_IRREGULAR.get(match[2].lower()) or _VERBS_BY_STEM.get(stem(match[2].lower())))
    if match and verb:
        text = f"{verb} {match[1]}{match[3]}"
    return text[:1].upper() + text[1:]


def _depends(clause: Clause, text: str, steps: list[Step]) -> tuple[int, ...]:
    if not steps:
        return ()
    plain = _plain(text)
    named = {step.index for step in steps if _speaks_of(plain, step)}
    if _BOTH.search(plain) and len(steps) > 1:
        ends = leaves(steps)[-2:] if len(leaves(steps)) > 1 else [step.index for step in steps[-2:]]
        return tuple(sorted({*ends, *named}))
    if _MANY.search(plain):
        return tuple(sorted({*leaves(steps), *named}))
    if named:
        return tuple(sorted(named | {step.index for step in steps if _comments(step) and named & set(step.depends)}))
    bare = len(words(text)) <= 2 and len(terms(text)) <= 1 and {*words(text)[:1]} & (PLAIN_VERBS | NOUN_VERBS)
    if _ONE.search(plain) or clause.follows or bare:
        # What "it" means: the last result; after a review, the reviewed thing too.
        return (*(steps[-1].depends if _comments(steps[-1]) else ()), steps[-1].index)
    return ()


def _says_all(text: str, steps: list[Step]) -> bool:
    """Whether a step names what it works on: nothing of what came before, and enough of its own."""
    first = words(text)[:1]
    makes_text = bool(first) and first[0] in WRITING | COMMENTING
    enough = len(terms(text)) >= _ENOUGH or expression_in(text)
    return bool(not makes_text and enough) and not any(_speaks_of(_plain(text), step) for step in steps)


def _comments(step: Step) -> bool:
    verb = words(step.text)[:1]
    return bool(verb) and stem(verb[0]) in _COMMENTING_STEMS


def _speaks_of(text: str, earlier: Step) -> bool:
    made = {stem(words(match)[-1]) for match in _INDEFINITE.findall(_cut(earlier.text)) if words(match)}
    first = words(earlier.text)[:1]
    made |= {stem(first[0])} if first else set()
    return any(
        noun == thing or (first and stem(first[0]) == thing and groups(noun) & groups(thing))
        for noun in map(stem, (name.lower() for name in _DEFINITE.findall(text)))
        for thing in made
    )


def _cut(text: str) -> str:
    """`text` with noun phrases ended at prepositions, so that the last word of a match is the noun."""
    return re.sub(r"\b(?:of|for|about|on|in|with|from|per|by|that|which|to)\b.*?(?=\b(?:a|an|one)\b|$)", ",", text)


def _plain(text: str) -> str:
    return _EXPLETIVE.sub(" ", text)
