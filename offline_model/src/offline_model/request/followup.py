"""Follow-ups: "and in Berlin?" means the earlier request with another value."""

import re
from collections.abc import Callable

from offline_model.language import values
from offline_model.language.vocabulary import QUESTION_WORDS
from offline_model.language.words import words
from offline_model.language.zones import zones_in

_FOLLOW_UP = re.compile(
    r"^\W*(?:and(?: (?:in|for|what about|how about|now))?|what about|how about|same for|now for|und(?: in)?)\b\s*(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_SHORT = 80

_VALUES: tuple[Callable[[str], list[str]], ...] = (
    lambda text: [written for _, written, _ in zones_in(text)],
    values.urls_in,
    values.file_uris_in,
    values.paths_in,
    values.quoted_in,
    lambda text: re.findall(r"(?<![\w.])-?\d[\d.,]*(?<![.,])", text),
)


def completed(request: str, earlier: str) -> str:
    """`request`, or the earlier one with its value replaced when `request` only names another value."""
    match = _FOLLOW_UP.match(request) if len(request) <= _SHORT else None
    if not match or not earlier:
        return request
    for find in _VALUES:
        new, old = find(match[1]), find(earlier)
        if new and old:
            return earlier.replace(old[-1], new[0])
    return match[1] if QUESTION_WORDS.intersection(words(match[1])[:1]) else f"{earlier} {match[1]}"
