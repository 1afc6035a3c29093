"""Plain words: text as it is stored for search and as it is searched for, so that the two meet."""

import re

_NOT_A_WORD = re.compile(r"[\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_FILLERS = """
    a agent agents another anybody anyone anything assistant can could find get give got has have hello help helps hey
    hi i id kindly know let like looking make me must my need needed needs our please put right service should somebody
    somehow someone something specialist take task tell thank thanks that thing things this try us use using want wants
    way who whoever will wish would you your
"""
FILLERS = frozenset(_FILLERS.split())
"""What people say when they ask, not what they ask for."""

MAX_WORDS = 64
"""Words of a need that are looked at; a long task's first words say what it is about."""


def plain(text: str) -> str:
    """`text` as words with single spaces: `query_csv`, `CSV/PDF` and `drawChart` are two words each."""
    return _NOT_A_WORD.sub(" ", _HUMP.sub(" ", text)).strip()


def needed(text: str) -> str:
    """The words of a need that tell what is needed, each once; all of them when there are only fillers."""
    words = list(dict.fromkeys(plain(text).lower().split()))
    # Each word that hits nothing weighs against all: those of politeness would.
    telling = [word for word in words if word not in FILLERS]
    return " ".join((telling or words)[:MAX_WORDS])
