"""Follow-ups: "and in Berlin?" means the earlier request with another value."""

import re
from collections.abc import Callable

from offline_model.language import values
from offline_model.language.phrases import group_phrases
from offline_model.language.quantities import expression_in, quantity_in
from offline_model.language.vocabulary import QUESTION_WORDS
from offline_model.language.words import words
from offline_model.language.zones import zones_in
from offline_model.request.clauses import opens_request

_FOLLOW_UP = re.compile(
    r"^\W*(?:and(?: (?:what about|how about|now))?|what about|how about|same for|now for|und)\b\s*"
    r"(?:(in|to|into|as|by|per|for|of|from|with|only|where|since|after|before|on|at|without)\s+)?(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_SHORT = 80
_OPERATOR = re.compile(r"(?i)(?:divided by|times|multiplied by|plus|minus|squared|cubed|to the power)\b|[-+*/^]")
_RESULT = re.compile(r"^[^\n=]+ = (-?\d[\d,]*(?:\.\d+)?)")
_POINTS_BACK = re.compile(r"\b(?:it|that|this|them)\b", re.IGNORECASE)
_TARGET = re.compile(r"\b(in|into|to|as)\s+[^\W\d][\w°/²³]*$", re.IGNORECASE)
_DRAWS = re.compile(
    r"^((?:please )?(?:draw|plot|chart|show|display|graph))\s+(?:it|that|this|them)\b(?=.* (?:chart|plot)\b)"
)
_ASKED = re.compile(r"^(?:what (?:is|are|was|were)|show(?: me)?|give me|draw|plot|chart)\s+(.+)$", re.IGNORECASE)

_VALUES: tuple[Callable[[str], list[str]], ...] = (
    lambda text: [written for _, written, _ in zones_in(text)],
    values.urls_in, values.file_uris_in, values.paths_in, values.quoted_in, group_phrases,
    lambda text: re.findall(r"(?<![\w.])-?\d[\d.,]*(?<![.,])", text),
    lambda text: re.findall(
        r"\b(?:sum|total|average|mean|median|minimum|maximum|highest|lowest)\b", text, re.IGNORECASE
    ),
)  # fmt: skip


def completed(request: str, earlier: str, answer: str = "") -> str | None:
    """`request`, or the earlier one with the value that `request` names instead; None where that is not sure."""
    drawn, asked = _DRAWS.match(request[:1].lower() + request[1:]), _ASKED.match(earlier.rstrip("?!. "))
    if drawn and asked and group_phrases(earlier):
        return f"{drawn[1]} {asked[1]}{request[drawn.end() :]}"
    match = _FOLLOW_UP.match(request) if len(request) <= _SHORT else None
    if not match or not earlier:
        return request
    link, rest = match[1] or "", match[2].rstrip("?!. ")
    result = _RESULT.fullmatch(answer.strip())
    if not link and _OPERATOR.match(rest):
        return f"What is {result[1]} {rest}?" if result else None
    if not link and _POINTS_BACK.search(rest):
        return match[2]
    for place, find in enumerate(_VALUES):
        new, old = find(f"{link} {rest}".strip()), find(earlier)
        # Of several values of one sort, the one that stands behind the same word is meant; of places the last.
        same = [value for value in old if link and re.search(rf"\b{link}\s+{re.escape(value)}(?!\w|[.,]\d)", earlier)]
        meant = old if len(old) == 1 else same if len(same) == 1 else old[-1:] if place == 0 else []
        if len(new) == 1 and meant:
            head, _, tail = earlier.rpartition(meant[0])
            # A word that is in neither would be left out.
            if re.sub(r"^the ", "", rest).casefold() in (done := f"{head}{new[0]}{tail}").casefold():
                return done
    plain = earlier.rstrip("?!. ")
    if (quantity_in(earlier) and _TARGET.search(plain)) or expression_in(earlier):
        unit = link.lower() in {"in", "into", "to", "as"} and re.fullmatch(r"[^\W\d][\w°/²³]*", rest)
        return _TARGET.sub(rf"\1 {rest}", plain) if unit and not expression_in(earlier) else None
    if not link and (opens_request(rest) or QUESTION_WORDS.intersection(words(rest)[:1])):
        return match[2]
    return f"{plain} {link} {rest}?" if link and link.lower() not in words(earlier) and not zones_in(earlier) else None
