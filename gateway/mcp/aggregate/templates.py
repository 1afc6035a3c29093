"""Whether a URI is an expansion of a URI template (RFC 6570), in a time that nobody but this module sets.

Templates are the servers' own words: one made into a regular expression may look for ever for a match of a short URI.
Here all places of the URI that a part of the template may end at are one integer, a bit for each, and each part moves
them at once: the time is the template's length times the URI's, by machine words.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_EXPRESSION = re.compile(r"\{([+#./;?&]?)[^{}]*\}")
MAX_TEMPLATE = 2048
"""Characters; no URI is looked for among the expansions of a longer one."""
MAX_URI = 2048
"""Characters of a URI that is looked for among expansions."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template apart: literal texts, and between two of them an expression."""

    texts: tuple[str, ...]
    takes_slashes: tuple[bool, ...]
    """Of each expression; those with an operator may hold slashes (RFC 6570 section 3.2)."""

    @property
    def weight(self) -> tuple[int, int]:
        """How much it says of its expansions: how they begin, then all that they have in common."""
        return len(self.texts[0]), sum(map(len, self.texts))


class Spelled:
    """A URI that is looked for: where each of its characters stands."""

    __slots__ = ("_at", "_end", "_no_slash", "uri")

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._end = 1 << len(uri)
        self._at: dict[str, int] = {}
        for place, character in enumerate(uri):
            self._at[character] = self._at.get(character, 0) | 1 << place
        self._no_slash = (self._end - 1) & ~self._at.get("/", 0)

    def is_of(self, template: Template) -> bool:
        """Whether `template` may be expanded to it: no more is looked at than is needed to tell servers apart."""
        first, last = template.texts[0], template.texts[-1]
        # Most templates are another server's, which their beginning shows.
        if not self.uri.startswith(first) or not self.uri.endswith(last):
            return False
        places = self._after(1, first)
        for text, takes_slashes in zip(template.texts[1:], template.takes_slashes, strict=True):
            places = self._after(self._further(places, takes_slashes=takes_slashes), text)
            if not places:
                return False
        return bool(places & self._end)

    def _after(self, places: int, text: str) -> int:
        """The places behind `text`, where it stands at one of `places`."""
        for character in text:
            places = (places & self._at.get(character, 0)) << 1
            if not places:
                break
        return places

    def _further(self, places: int, *, takes_slashes: bool) -> int:
        """All places that a value which begins at one of `places` may end at."""
        if takes_slashes:
            return (self._end << 1) - (places & -places)
        # Adding carries a bit through all above it that are set: to the end of its run without a slash, in one step.
        begun = places & self._no_slash
        return ((begun + self._no_slash) ^ self._no_slash) | places


@lru_cache(maxsize=4096)
def parsed(template: str) -> Template | None:
    """None for one that is too long to be looked at."""
    if len(template) > MAX_TEMPLATE:
        return None
    texts: list[str] = []
    takes_slashes: list[bool] = []
    end = 0
    for found in _EXPRESSION.finditer(template):
        texts.append(template[end : found.start()])
        takes_slashes.append(bool(found[1]))
        end = found.end()
    return Template((*texts, template[end:]), tuple(takes_slashes))
