"""Moments: times as people read them."""

import re
from datetime import datetime

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?")


def moment_of(value: object) -> datetime | None:
    """The ISO 8601 moment that `value` writes."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value.strip()):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def said(moment: datetime) -> str:
    """`moment` in words: weekday, date, clock and offset."""
    offset = moment.strftime("%z")
    zone = f" (UTC{offset[:3]}:{offset[3:5]})" if offset else ""
    return f"{moment:%A}, {moment.day} {moment:%B %Y}, {moment:%H:%M}{zone}"


def tells_again(value: object, moment: datetime) -> bool:
    """Whether `value` is a part of `moment`: its weekday, date, clock or offset."""
    text = str(value).strip().removeprefix("UTC")
    offset = moment.strftime("%z")
    forms = {f"{moment:%A}", f"{moment:%a}", f"{moment:%Y-%m-%d}", f"{moment:%H:%M}", f"{moment:%H:%M:%S}", offset}
    return text in forms or text == f"{offset[:3]}:{offset[3:5]}"
