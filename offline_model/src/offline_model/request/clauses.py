"""Clauses: a request taken apart into the pieces that each ask for one thing."""

import re
from dataclasses import dataclass

from offline_model.language.quantities import expression_in
from offline_model.language.vocabulary import DETERMINERS, NOUN_VERBS, PLAIN_VERBS, QUESTION_WORDS, STOP_WORDS, word_set

MAX_CLAUSES = 64
BACKGROUND = "Background:"
"""How a line begins that tells about the situation and asks for nothing."""

_PROTECTED = re.compile(
    r"```.*?```|`[^`\n]+`|\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|(?<!\w)'[^'\n]{2,400}'(?!\w)"
    r"|\bselect\b[^;\n]+?\bfrom\b[^;\n]+|\b[a-z][a-z0-9+.-]{0,20}:(?://)?[^\s,;<>\"']*[\w/]|\([^()\n]{1,200}\)",
    re.IGNORECASE | re.DOTALL,
)
_RESERVED = re.compile("[\ue000-\ue002]")
"""Private characters that stand for something while a request is taken apart."""
_HELD = re.compile(r"\ue000(\d+)\ue001")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|dr|mr|mrs|ms|no|st|approx|a\.m|p\.m|z\.b)\.$", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|;")
_LIST_ITEM = re.compile(r"^\s*(?:\(?\d{1,2}[.)]|[-*•–])\s+")
_LINK = r"and then|and also|and finally|and after that|then|finally|afterwards|after that|and|plus|und dann|und"
_BOUNDARY = re.compile(rf"(?:,|(?<!\s))\s+(?P<link>{_LINK})\b,?\s+|,\s+", re.IGNORECASE)
_LEAD = re.compile(
    r"(?i)^(?:(?:please|and|then|also|finally|next|first(?:ly)?|second(?:ly)?|third(?:ly)?|lastly|afterwards"
    r"|after that|so|ok(?:ay)?|hi|hello|hey|thanks|now)\b[,:]?\s+)+"
)
_POLITE = re.compile(
    r"(?i)^(?:(?:can|could|would|will) you(?: please| kindly)?|i(?:'d| would) (?:like|want|need) (?:you )?to"
    r"|i (?:want|need) (?:you )?to|help me(?: to)?|let's|we need to)\s+"
)
_SUBORDINATE = word_set(
    """based using with from after before when if once given for in as while because since by according at on to"""
)
_MODIFIER = re.compile(
    r"(?i)^(?:keep (?:it|this|the|them)|be |use |ensure|make sure|avoid|do not|don't|limit|remember|note that|mention"
    r"|cite |include |no more than|at most|at least)"
)
_AUXILIARIES = word_set("is are was were does do did can could will would has have many much time")
_OBJECTS = word_set("the my our your it them this that these those all every each")
_GROUPS = re.compile(r"\b(?:per|by|for each)\b", re.IGNORECASE)
_TOLD = re.compile(rf"^{BACKGROUND}[ \t]*(.+)$", re.MULTILINE)
_ANNOUNCES = re.compile(r"\b(?:things?|following|tasks|steps|questions|items|calculations|conversions)$", re.IGNORECASE)
_BACKGROUND = "\ue002"
_ASKS_VALUE = re.compile(r"^(?:what(?:'s| is| are)|how (?:much|many) (?:is|are))\s+(?=-?\d)", re.IGNORECASE)
_QUANTITY = re.compile(r"^-?\d[\d.,]*\s*\S+")


@dataclass(frozen=True)
class Clause:
    """One piece of a request."""

    text: str
    follows: bool = False
    """Joined to the one before by a word such as `then`."""


@dataclass(frozen=True)
class Clauses:
    """The pieces, and the sentences that only tell about the situation."""

    asks: tuple[Clause, ...]
    background: str = ""


def clauses(request: str) -> Clauses:
    """Take `request` apart. Quotations, code, links and parentheses stay whole."""
    request = _RESERVED.sub(" ", request)
    told = " ".join(_TOLD.findall(request))
    request = _TOLD.sub("", request)
    held: list[str] = []
    masked = _PROTECTED.sub(lambda match: _hold(match[0], held), request)
    found = [clause for sentence in _sentences(masked) for part in _announced(sentence) for clause in _split(part)]
    found = [Clause(_HELD.sub(lambda match: held[int(match[1])], item.text), item.follows) for item in found]
    sorted_out = _sort_out([item for item in found if re.search(r"\w", item.text)][: MAX_CLAUSES * 2])
    return Clauses(sorted_out.asks, ". ".join(filter(None, (told, sorted_out.background))))


def opens_request(text: str) -> bool:
    """Whether `text` begins like an order or a question."""
    first = _first_words(_POLITE.sub("", text))
    if first and first[0] in _SUBORDINATE and "," in text:
        return opens_request(text.split(",", 1)[1].strip())
    known = bool(first) and first[0] in PLAIN_VERBS | NOUN_VERBS | QUESTION_WORDS
    return known or _orders(first) or bool(first and text.rstrip().endswith("?"))


def _orders(first: list[str]) -> bool:
    """Whether words that begin with an unknown one are an order all the same: "water the plants"."""
    return len(first) > 2 and first[0] not in DETERMINERS | STOP_WORDS and first[1] in _OBJECTS


def _sort_out(found: list[Clause]) -> Clauses:
    asks: list[Clause] = []
    background: list[str] = []
    some_ask = any(opens_request(clause.text) for clause in found)
    for clause in found:
        if clause.text.startswith(_BACKGROUND):
            background.append(clause.text.removeprefix(_BACKGROUND))
        elif asks and _MODIFIER.match(clause.text) and not clause.follows:
            asks[-1] = Clause(f"{asks[-1].text}. {clause.text}", asks[-1].follows)
        elif some_ask and not opens_request(clause.text) and not clause.follows:
            background.append(clause.text)
        elif len(asks) < MAX_CLAUSES:
            asks.append(clause)
    return Clauses(tuple(asks), ". ".join(background))


def _hold(text: str, held: list[str]) -> str:
    held.append(text)
    return f"\ue000{len(held) - 1}\ue001"


def _sentences(text: str) -> list[str]:
    parts: list[str] = []
    intro = ""
    for line in text.splitlines():
        item = bool(_LIST_ITEM.match(line))
        content = _LIST_ITEM.sub("", line).strip()
        if item and intro and not opens_request(content):
            content = _introduced(intro, content)
        if content.endswith(":"):
            intro = content.rstrip(": ")
            continue
        intro = intro if item else ""
        parts += _line_sentences(content)
    return parts or ([intro] if intro else [])


def _line_sentences(line: str) -> list[str]:
    parts: list[str] = []
    for sentence in filter(None, (part.strip() for part in _SENTENCE_END.split(line))):
        if parts and _ABBREVIATION.search(parts[-1]):
            parts[-1] += f" {sentence}"
        else:
            parts.append(sentence)
    return parts


def _announced(sentence: str) -> list[str]:
    """What stands after a colon, as sentences: an announced list item by item, orders after what they are about."""
    about, colon, rest = sentence.partition(": ")
    if not colon or not rest.strip():
        return [sentence]
    if _ANNOUNCES.search(about):
        return [item for item in re.split(r",\s+(?:and\s+|then\s+)?|\s+and\s+", rest) if item.strip()]
    first = _first_words(_LEAD.sub("", rest))
    return (
        [f"{_BACKGROUND}{about}", rest]
        if first and first[0] in PLAIN_VERBS | NOUN_VERBS and len(first) > 2
        else [sentence]
    )


def _introduced(intro: str, item: str) -> str:
    """A list's item as a request of its own: "Convert these to km" and "5 miles" make "Convert 5 miles to km"."""
    named, found = re.subn(
        r"\b(?:each of )?(?:these|the following|those|them)(?: \w+s)?\b", lambda _: item, intro, count=1
    )
    return named if found else f"{intro} {item}"


def _split(sentence: str) -> list[Clause]:
    if sentence.startswith(_BACKGROUND):
        return [Clause(sentence)]
    found: list[Clause] = []
    start, follows = 0, bool(re.match(r"(?:then|afterwards|after that|finally)\b", sentence, re.IGNORECASE))
    for match in _BOUNDARY.finditer(sentence):
        left, right = sentence[start : match.start()], sentence[match.end() :]
        link = (match["link"] or "").lower()
        carried = _elided(left, right) if link in {"", "and"} else None
        if carried or _separates(left, right, link, comma="," in match[0]):
            found.append(Clause(_clean(left), follows))
            if carried:
                return [*found, *_split(f"{carried} {right}")]
            start, follows = match.end(), link not in {"", "and", "plus", "und", "and also"}
    return [*found, Clause(_clean(sentence[start:]), follows)]


def _separates(left: str, right: str, link: str, *, comma: bool) -> bool:
    before, after = _first_words(_POLITE.sub("", _LEAD.sub("", left))), _first_words(_LEAD.sub("", right))
    if len(before) < 2 or not after:
        return False
    asks_when = before[0] == "when" and before[1] in _AUXILIARIES
    if before[0] in _SUBORDINATE and not asks_when and (not link or before[0] in {"if", "when"}):
        return False
    if after[0] in PLAIN_VERBS:
        return len(after) > 1 or "then" in link or link == "and"
    if after[0] in NOUN_VERBS:
        alike = bool(_GROUPS.search(left) and _GROUPS.search(right))
        return _noun_verb_opens(after, strong=comma or alike or "then" in link) and opens_request(_LEAD.sub("", left))
    if after[0] in QUESTION_WORDS:
        if not link:
            return before[0] in QUESTION_WORDS and len(after) > 2 and after[1] in _AUXILIARIES
        refers = {"they", "them", "its", "their"} & set(after) or ("it" in after and "time" not in after)
        direct = comma and len(after) > 2 and after[1] in _AUXILIARIES
        return (direct or before[0] in QUESTION_WORDS | {"tell", "give", "show"}) and not refers
    if link and _orders(after):
        return opens_request(_LEAD.sub("", left))
    return ("then" in link or "after" in link) and len(after) > 1


def _noun_verb_opens(after: list[str], *, strong: bool) -> bool:
    if len(after) == 1:
        return strong
    if after[1] in DETERMINERS or after[1][0].isdigit():
        return True
    return strong and after[1] not in {"of", "for", "in", "per", "by", "on", "with", "to", "from", "is", "are", "and"}


def _elided(left: str, right: str) -> str | None:
    """The verb that `right` leaves out: "convert 5 km to miles and 3 kg to pounds"."""
    asked = _ASKS_VALUE.match(left)
    verb = asked[0].strip() if asked else left.split(" ", 1)[0]
    if asked and expression_in(left) and expression_in(right) and right[:1].isdigit():
        return verb
    if not asked and verb.lower() not in PLAIN_VERBS | NOUN_VERBS:
        return None
    if _QUANTITY.match(right) and re.search(r"\s(?:to|in|into|as)\s", right) and re.search(r"\d", left):
        return verb if re.search(r"\s(?:to|in|into|as)\s", left) else None
    return None


def _clean(text: str) -> str:
    text = _LEAD.sub("", text.strip()).strip(" ,;.!")
    return _POLITE.sub("", text)


def _first_words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’][^\W\d_]+)?|\ue000", text.casefold()[:400])
