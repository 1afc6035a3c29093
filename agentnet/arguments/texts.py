"""Names and descriptions of tools as every host of models takes them.

OpenAI refuses descriptions of tools over 1,024 characters and names that are not `[a-zA-Z0-9_-]{1,64}`, Gemini names
that begin with a digit, Bedrock empty descriptions, Anthropic names of fields that are not `[a-zA-Z0-9_.-]{1,64}` (and
dots at times); half surrogates are not UTF-8, and all of them refuse the whole request for one such tool.
"""

import re
from hashlib import sha256
from typing import Any

MAX_NAME = 64
MAX_DESCRIPTION = 1024
"""Characters of a tool's description."""
MAX_FIELD_TEXT = 2000
"""Characters of the description of one field: each turn of the model reads all of them."""
DIGEST_CHARACTERS = 8

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
# Control characters, halves of characters, what is no character, and the invisible tags that people never see.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]")
_END_OF_SENTENCE = re.compile(r"[.!?:]\s|\n")


def is_name(name: Any) -> bool:
    """Whether every host takes it as the name of a tool or of a field."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def as_name(name: str, marked: bool = False) -> str:
    """`name` with what hosts do not take replaced; a long one, and one that is `marked`, ends with a digest of it."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "field"
    plain = plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"
    if len(plain) <= MAX_NAME and not marked:
        return plain
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]
    return f"{plain[: MAX_NAME - DIGEST_CHARACTERS - 1]}_{digest}"


def clean(text: Any) -> str:
    """`text` without characters that nobody sees and some hosts refuse; empty for what is no text."""
    return _UNSEEN.sub("", text).strip() if isinstance(text, str) else ""


def halves(text: str, limit: int = MAX_DESCRIPTION) -> tuple[str, str]:
    """`text` up to `limit` characters, cut behind a sentence where one ends late enough, and the rest."""
    if len(text) <= limit:
        return text, ""
    ends = [match.end() for match in _END_OF_SENTENCE.finditer(text, limit // 2, limit - 1)]
    at = ends[-1] if ends else text.rfind(" ", limit // 2, limit - 1) + 1 or limit - 1
    return f"{text[:at].rstrip()}…"[:limit], text[at:].lstrip()


def shortened(text: str, limit: int) -> str:
    """`text` on one line, at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
