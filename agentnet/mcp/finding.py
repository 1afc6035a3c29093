"""`find_tools` and `call_tool`, which stand in for a list that is too long for a model to read: for hosts at the MCP
door, and for the agents of this network.
"""

import re
from collections.abc import Iterable

FIND_TOOLS = "find_tools"
CALL_TOOL = "call_tool"
FINDER_NAMES = frozenset({FIND_TOOLS, CALL_TOOL})
MAX_FOUND = 20
FOUND = 5
"""Where nobody says how many."""
MAX_QUERY = 1000
NAME_WEIGHT = 3
_WORD = re.compile(r"[a-z0-9]+")


def best(query: str, tools: Iterable[tuple[str, str]], limit: int) -> list[str]:
    """The names of the tools, each with its description, that fit `query` best, best first."""
    words = {word for word in _words(query) if len(word) > 1}
    scored = [(_score(words, name, description), name) for name, description in tools]
    fitting = sorted((entry for entry in scored if entry[0]), key=lambda entry: (-entry[0], entry[1]))
    return [name for _, name in fitting[:limit]]


def _score(words: set[str], name: str, description: str) -> int:
    named, said = set(_words(name)), set(_words(description))
    return sum(NAME_WEIGHT * _is_in(word, named) + _is_in(word, said) for word in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _is_in(word: str, text: set[str]) -> bool:
    """Whether the word, or a longer one that begins with it, is in the text."""
    return word in text or (len(word) > 3 and any(other.startswith(word) for other in text))
