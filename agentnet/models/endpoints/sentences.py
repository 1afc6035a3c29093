"""What the body of a refusal says, whatever its shape: its own sentence on one line, and the codes beside it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_WORDS = 400
"""Characters of an endpoint's words that are passed on."""
MAX_READ = 65_536
"""Bytes of a body that are looked at."""
MAX_HTML = 8_192
"""Characters of a page that are looked at. Its title stands in front; tags that are never closed cost the square."""
DEEP = 10
SENTENCES = (
    "message", "error", "errors", "error_message", "errorMessage", "error_msg", "detail", "details",
    "error_description", "Message", "msg", "title", "reason", "description", "status_msg", "base_resp", "data",
)  # fmt: skip
"""Where endpoints put their sentence, the likeliest first."""
CODES = ("code", "type", "status", "error_type", "reason", "error_code", "errorCode", "quotaId", "error")
TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
HEADINGS = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL)
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " "}


def payload_of(body: bytes) -> object:
    """The body as JSON, or as text where it is none."""
    text = body[:MAX_READ].decode("utf-8", "replace")
    return _loaded(text) if text.lstrip()[:1] in ("{", "[", '"') else text


def sentence_of(payload: object) -> str:
    """What it says, shortened to one line; empty where it says nothing."""
    return shortened(_said(payload, DEEP) or "")


def codes_of(payload: object) -> frozenset[str]:
    """The words by which programs are to tell its kind, in lower case."""
    return frozenset(code.lower() for code in _codes(payload, DEEP))


def shortened(words: str) -> str:
    """`words` on one line and not endless, with nothing in them that a terminal would act on."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words[: MAX_WORDS * 8]).split())
    return line if len(line) <= MAX_WORDS else f"{line[: MAX_WORDS - 1]}…"


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # cut, deep, or no JSON
        return text


def _said(value: object, depth: int) -> str | None:
    if depth <= 0:
        return None
    if isinstance(value, str):
        return _in_text(value, depth)
    if isinstance(value, list):
        found = [said for each in value[:5] if (said := _said(each, depth - 1))]
        return "; ".join(dict.fromkeys(found)) or None
    if isinstance(value, Mapping):
        return _in_mapping(value, depth)
    return None


def _in_mapping(value: Mapping[str, Any], depth: int) -> str | None:
    found = next((said for name in SENTENCES if (said := _said(value.get(name), depth - 1))), None)
    if found is None:
        return None
    if where := _place(value):  # FastAPI's {"loc": [...], "msg": ...}
        found = f"{where}: {found}"
    raw = value.get("metadata")
    inner = _said(raw.get("raw"), depth - 1) if isinstance(raw, Mapping) else None  # a router's own provider
    return f"{found}: {inner}" if inner and inner not in found else found


def _place(value: Mapping[str, Any]) -> str:
    where = value.get("loc")
    return ".".join(str(each) for each in where[:8]) if isinstance(where, list) and "msg" in value else ""


def _in_text(text: str, depth: int) -> str | None:
    """The sentence of a text, which may be HTML, or JSON once more."""
    text = text[:MAX_READ].strip()
    if text[:1] in ("{", "["):
        inner = _loaded(text)
        return (None if isinstance(inner, str) else _said(inner, depth - 1)) or text
    if text[:1] == "<":
        return _in_html(text[:MAX_HTML])
    return text or None


def _in_html(text: str) -> str | None:
    heading = next((plain for _, found in HEADINGS.findall(text) if (plain := _plain(found))), None)
    return heading or _plain(text) or None


def _plain(text: str) -> str:
    bare = TAGS.sub(" ", text)
    for entity, character in ENTITIES.items():
        bare = bare.replace(entity, character)
    return " ".join(bare.split())


def _codes(value: object, depth: int) -> Iterator[str]:
    if depth <= 0:
        return
    if isinstance(value, list):
        for each in value[:20]:
            yield from _codes(each, depth - 1)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name in CODES and isinstance(each, str | int) and len(str(each)) <= 80:
                yield str(each)
            elif isinstance(each, Mapping | list):
                yield from _codes(each, depth - 1)
