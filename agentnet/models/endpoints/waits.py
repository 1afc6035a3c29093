"""How long an endpoint asks to be left alone: in its headers, its body's details, or only in its words."""

import math
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")
RESETS = re.compile(r"(?:x-|anthropic-)?ratelimit-(?:reset(?:-(?P<of>[a-z]+))?|(?P<whose>[a-z-]+)-reset)")
"""`x-ratelimit-reset-tokens` of OpenAI, `anthropic-ratelimit-tokens-reset`, `x-ratelimit-reset` of routers."""
EPOCH_SECONDS = 1_000_000_000
EPOCH_MILLISECONDS = 1_000_000_000_000
"""From here on a number is a moment and not a span."""
LONGEST_SECONDS = 366 * 86_400.0
LONGEST = 100
"""Characters of what may be a span or a number; longer ones are none, and would be read for seconds."""
SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)(?![a-z])")
UNITS = {"ms": 0.001, "mi": 60.0, "m": 60.0, "s": 1.0, "h": 3600.0, "d": 86400.0}
IN_WORDS = re.compile(
    r"(?:try|retry|retrying)(?:\s{1,3}again)?\s{1,3}(?:in|after)\s{1,3}(?:about\s{1,3})?((?:\d{1,12}(?:\.\d{1,12})?\s{0,3}[a-z]{1,12}\s{0,3}){1,4})",
    re.IGNORECASE,
)


class Headers(Protocol):
    """Of a response: names in any case, as httpx has them, or all in lower case."""

    def get(self, key: str, /) -> str | None: ...
    def items(self) -> Any: ...


def wait_of(headers: Headers, body: object = None, words: str = "") -> float | None:
    """Seconds that the endpoint asks to wait, 0 or more; None where it does not say."""
    for asked in (*_of_headers(headers), _of_details(body), _of_words(words), _of_resets(headers)):
        if asked is not None and math.isfinite(asked):
            return min(max(asked, 0.0), LONGEST_SECONDS)
    return None


def span(text: str) -> float | None:
    """The seconds of `1m30s`, `250ms`, `2 minutes`, or of a bare number; None for what is no span."""
    if len(text) > LONGEST:
        return None
    text = text.strip().lower()
    if (number := _number(text)) is not None:
        return number
    parts = SPAN.findall(text)
    if not parts or SPAN.sub("", text).strip(" ,.") not in ("", "and"):
        return None
    return sum(float(amount) * _unit(unit) for amount, unit in parts)


def _unit(name: str) -> float:
    if name == "ms" or name.startswith("milli"):
        return UNITS["ms"]
    return UNITS.get(name[:2]) or UNITS[name[0]]


def _of_headers(headers: Headers) -> Iterator[float | None]:
    for name in MILLISECONDS:
        milliseconds = _number(headers.get(name) or "")
        yield None if milliseconds is None else milliseconds / 1000
    value = headers.get("retry-after")
    if value:
        seconds = span(value)
        yield seconds if seconds is not None else _until(value, headers)


def _until(value: str, headers: Headers) -> float | None:
    """Seconds until an HTTP date, by the server's own clock where it tells it."""
    moment, now = _date(value), _date(headers.get("date") or "")
    return None if moment is None else moment - (time.time() if now is None else now)


def _date(value: str) -> float | None:
    try:
        return None if len(value) > LONGEST else parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _of_resets(headers: Headers) -> float | None:
    """When the limits that are used up are full again. One that has something left is no reason to wait."""
    lower = {str(name).lower(): str(value) for name, value in headers.items()}
    waits: list[float] = []
    for name, value in lower.items():
        found = RESETS.fullmatch(name)
        if found is None:
            continue
        left = _number(lower.get(name.replace("reset", "remaining"), "0"))
        wait = _reset(value)
        if wait is not None and not left:
            waits.append(wait)
    return max(waits, default=None)


def _reset(value: str) -> float | None:
    amount = span(value)
    if amount is None:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - time.time()
    if amount >= EPOCH_MILLISECONDS:
        return amount / 1000 - time.time()
    return amount - time.time() if amount >= EPOCH_SECONDS else amount


def _of_details(body: object) -> float | None:
    """Google's `RetryInfo`, the `estimated_time` of Hugging Face, the `retry_after` of some proxies."""
    for entry in _mappings(body, depth=10):
        for name in ("retryDelay", "retry_delay", "retry_after", "retryAfter", "estimated_time"):
            value = entry.get(name)
            if isinstance(value, Mapping):  # a google.protobuf.Duration
                value = value.get("seconds")
            if value is not None and not isinstance(value, bool) and (seconds := span(str(value))) is not None:
                return seconds
    return None


def _of_words(words: str) -> float | None:
    found = IN_WORDS.search(words)
    return span(found.group(1).rstrip(" .,")) if found else None


def _mappings(value: object, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth <= 0:
        return
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _mappings(each, depth - 1)
    elif isinstance(value, list):
        for each in value[:50]:
            yield from _mappings(each, depth - 1)


def _number(text: str) -> float | None:
    if len(text) > LONGEST:
        return None
    try:
        return float(text)
    except ValueError:
        return None
