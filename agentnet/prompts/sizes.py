"""What a server says of its model's context when it refuses a prompt, in the words of many servers."""

import re
from collections.abc import Sequence

LEAST_CONTEXT = 256
"""No number below is taken for the size of a context."""
_NUMBER = r"(\d(?:[\d,_]{0,20}\d)?)"
MOST_WORDS = 2_000
"""Characters that are looked at: a server's words are others' words, and no expression runs over endless ones."""


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern.replace("#", _NUMBER), re.IGNORECASE) for pattern in patterns)


_LIMITS = _compiled(
    r"n_ctx\W{0,5}#",
    r"\d \+ \d+ > #",
    r"> # max",
    r"# maximum context",
    r"(?:context|prompt|input|sequence|model)[ _-](?:length|window|size|limit|len)\b(?: should be \[\d+,)?\D{0,40}?#",
    r"[<≤]=? ?#",
    r"(?:maximum|max|limit|allowed|exceed)\D{0,50}?#",
)
"""Each with the context as its number, the surest first."""
_PROMPTS = _compiled(
    r"n_prompt_tokens\W{0,5}#",
    r"# (?:tokens )?(?:in|from) the (?:messages|input|prompt)",
    r"# input tokens",
    r"resulted in # tokens",
    r"(?:request|input|prompt|requested tokens|token count) \(#(?: tokens)?\)",
    r"limit: # \+",
    r"too long: #",
    r"keep the first # tokens",
    r"n_keep\W{0,5}#",
    r"contains # tokens",
    r"given: #",
    r"received #",
    r"requested (?:about |a total of )?# tokens",
)
"""The same of the prompt; last those that count the answer with it."""


def sizes_told(words: str) -> tuple[int | None, int | None]:
    """The tokens that there is room for, and those of the prompt; None for what is not said."""
    return _first(_LIMITS, words, LEAST_CONTEXT), _first(_PROMPTS, words, 1)


def _first(patterns: Sequence[re.Pattern[str]], words: str, least: int) -> int | None:
    for pattern in patterns:
        for match in pattern.finditer(words, 0, MOST_WORDS):
            number = int(re.sub(r"\D", "", match[1]))
            if number >= least:
                return number
    return None
