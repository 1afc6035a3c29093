"""Time zones by their IANA name, their city or an offset; moments and dates as people write them."""

import difflib
import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from agentnet.errors import InvalidInputError

SUGGESTIONS = 3
MAX_CHARACTERS = 64

_CITIES = {
    "San Francisco": "America/Los_Angeles", "Seattle": "America/Los_Angeles", "San Diego": "America/Los_Angeles",
    "Las Vegas": "America/Los_Angeles", "Portland": "America/Los_Angeles", "Salt Lake City": "America/Denver",
    "Dallas": "America/Chicago", "Houston": "America/Chicago", "Austin": "America/Chicago",
    "Boston": "America/New_York", "Washington": "America/New_York", "Miami": "America/New_York",
    "Atlanta": "America/New_York", "Philadelphia": "America/New_York", "Montreal": "America/Toronto",
    "Ottawa": "America/Toronto", "Rio de Janeiro": "America/Sao_Paulo", "Brasilia": "America/Sao_Paulo",
    "Munich": "Europe/Berlin", "Hamburg": "Europe/Berlin", "Frankfurt": "Europe/Berlin", "Cologne": "Europe/Berlin",
    "Stuttgart": "Europe/Berlin", "Geneva": "Europe/Zurich", "Bern": "Europe/Zurich", "Basel": "Europe/Zurich",
    "Barcelona": "Europe/Madrid", "Milan": "Europe/Rome", "Naples": "Europe/Rome", "Lyon": "Europe/Paris",
    "Marseille": "Europe/Paris", "Rotterdam": "Europe/Amsterdam", "The Hague": "Europe/Amsterdam",
    "Edinburgh": "Europe/London", "Manchester": "Europe/London", "Krakow": "Europe/Warsaw",
    "Saint Petersburg": "Europe/Moscow", "Ankara": "Europe/Istanbul", "Tel Aviv": "Asia/Jerusalem",
    "Abu Dhabi": "Asia/Dubai", "Doha": "Asia/Qatar", "Mumbai": "Asia/Kolkata", "Delhi": "Asia/Kolkata",
    "New Delhi": "Asia/Kolkata", "Bangalore": "Asia/Kolkata", "Bengaluru": "Asia/Kolkata",
    "Chennai": "Asia/Kolkata", "Hyderabad": "Asia/Kolkata", "Beijing": "Asia/Shanghai",
    "Shenzhen": "Asia/Shanghai", "Guangzhou": "Asia/Shanghai", "Hanoi": "Asia/Ho_Chi_Minh", "Osaka": "Asia/Tokyo",
    "Kyoto": "Asia/Tokyo", "Canberra": "Australia/Sydney", "Wellington": "Pacific/Auckland",
    "Cape Town": "Africa/Johannesburg", "Rabat": "Africa/Casablanca", "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles", "PT": "America/Los_Angeles", "MDT": "America/Denver", "CDT": "America/Chicago",
    "EDT": "America/New_York", "EST": "America/New_York", "ET": "America/New_York", "BST": "Europe/London",
    "CEST": "Europe/Berlin", "JST": "Asia/Tokyo", "Z": "UTC",
}  # fmt: skip
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-−])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_TWELVE_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*([ap])\.?m\.?", re.IGNORECASE)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9/]+", "", name.lower())


@cache
def _zones() -> dict[str, str]:
    """Every name that is understood, in plain letters, to its IANA name. A full name wins over a city."""
    full = sorted(available_timezones())
    known: dict[str, str] = {}
    for name in full:
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/")):
            known.setdefault(_plain(name.rpartition("/")[2]), name)
    known |= {_plain(name): name for name in full}
    return known | {_plain(city): name for city, name in _CITIES.items()}


def find_zone(name: str) -> tuple[str, tzinfo]:
    """The zone that `name` means and its proper name. Raises `InvalidInputError` with the nearest names."""
    text = name.strip()[:MAX_CHARACTERS]
    if match := _OFFSET.fullmatch(text):
        return _fixed(match)
    city = _plain(text.partition(",")[0]) if "," in text else _plain(text)
    proper = _zones().get(city)
    if proper is None:
        near = difflib.get_close_matches(city, _zones(), n=SUGGESTIONS, cutoff=0.6)
        meant = " or ".join(dict.fromkeys(_zones()[item] for item in near)) or "Europe/Berlin or UTC"
        raise InvalidInputError(f"There is no time zone {text!r}; an IANA name such as {meant} is one.")
    return proper, ZoneInfo(proper)


def _fixed(match: re.Match[str]) -> tuple[str, tzinfo]:
    hours, minutes = int(match[2]), int(match[3] or 0)
    if hours > 14 or minutes > 59:
        raise InvalidInputError("A UTC offset goes from -14:00 to +14:00.")
    offset = timedelta(hours=hours, minutes=minutes)
    sign = "+" if match[1] == "+" else "-"
    return f"UTC{sign}{hours:02}:{minutes:02}", timezone(offset if sign == "+" else -offset)


def moment(day: date, at: time, name: str, zone: tzinfo) -> tuple[datetime, str | None]:
    """That time of that day in `zone`, and what is said where clocks are set there: it is skipped, or there twice.

    Raises `OverflowError` at the ends of the calendar.
    """
    first, second = (datetime.combine(day, at, zone).replace(fold=fold) for fold in (0, 1))
    offsets = first.utcoffset(), second.utcoffset()
    if offsets[0] == offsets[1]:
        return first, None
    said = f"{at:%H:%M} on {day.isoformat()} in {name}"
    # Of two passes the second has the smaller offset; a gap has it the other way round (PEP 495).
    if (offsets[0] or timedelta()) > (offsets[1] or timedelta()):
        return first, (
            f"{said} is there twice, as clocks are set back: the first is taken, {_offset(first)}; "
            f"the second is {_offset(second)}."
        )
    real = first.astimezone(UTC).astimezone(zone)
    return real, f"{said} is not there, as clocks are set forward: {real:%Y-%m-%d %H:%M} is taken, {_offset(real)}."


def _offset(at: datetime) -> str:
    text = at.strftime("%z")
    return f"UTC{text[:3]}:{text[3:5]}"


def parse_time(text: str) -> time:
    """A time of day: `14:30`, `14:30:05`, `2:30 pm`, `noon`. Raises `InvalidInputError`."""
    plain = {"noon": "12:00", "midnight": "00:00"}.get(text.strip().lower(), text.strip())
    if match := _TWELVE_HOURS.fullmatch(plain):
        hour, minute = int(match[1]), int(match[2] or 0)
        if 1 <= hour <= 12 and minute < 60:
            return time(hour % 12 + (12 if match[3].lower() == "p" else 0), minute)
    try:
        return time.fromisoformat(plain.zfill(5) if re.fullmatch(r"\d:\d\d", plain) else plain).replace(tzinfo=None)
    except ValueError:
        raise InvalidInputError(f"{text[:MAX_CHARACTERS]!r} is not a time; 14:30 or 2:30 pm is one.") from None


def parse_date(text: str, zone: tzinfo = UTC) -> date:
    """A date: `2026-07-28`, an ISO 8601 moment, or today, yesterday, tomorrow in `zone`. Raises `InvalidInputError`."""
    plain = text.strip().lower()
    days = {"today": 0, "now": 0, "yesterday": -1, "tomorrow": 1}.get(plain)
    if days is not None:
        return datetime.now(zone).date() + timedelta(days=days)
    try:
        return datetime.fromisoformat(text.strip()).date()
    except ValueError:
        raise InvalidInputError(f"{text[:MAX_CHARACTERS]!r} is not a date; 2026-07-28 or today is one.") from None


def calendar_distance(start: date, end: date) -> tuple[int, int, int]:
    """Whole years, months and days from `start` to `end`, which is not before it."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if _months_after(start, months) > end:
        months -= 1
    days = (end - _months_after(start, months)).days
    return months // 12, months % 12, days


def _months_after(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    # A month after 31 January is the last of February.
    for day in range(start.day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, min(start.day, 27))


def weekdays_between(start: date, end: date) -> int:
    """Days from Monday to Friday, from `start` up to but without `end`."""
    weeks, rest = divmod((end - start).days, 7)
    return weeks * 5 + sum((start.weekday() + day) % 7 < 5 for day in range(rest))
