"""Values: the numbers, quantities, times, links and expressions that a text holds, as written by its author."""

import calendar
import re
from dataclasses import dataclass
from functools import lru_cache

_FIRST = re.findall(r"\w+", "zero one two three four five six seven eight nine ten eleven twelve")
_ONES = [*_FIRST, *(f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine"))]
_TENS = {f"{ten}ty": 10 * n for n, ten in enumerate(("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine"), 2)}
NUMBER_WORDS = {word: at for at, word in enumerate(_ONES)} | _TENS | {"hundred": 100, "thousand": 1000, "dozen": 12}
SPOKEN = {f"{ten}{gap}{_ONES[n]}": _TENS[ten] + n for ten in _TENS for gap in "- " for n in range(1, 10)} | NUMBER_WORDS
MONTHS = [name.lower() for name in calendar.month_name if name]

MAX_NUMBER_CHARACTERS = 40

_NUMBER = r"-?\d{1,3}(?:,\d{3})++(?:\.\d++)?|-?\d++(?:\.\d++)?"
_NUMBERS = re.compile(rf"(?<![\w.])(?:{_NUMBER})(?:e[+-]?\d++)?(?![\w]*+[/:]\d)", re.IGNORECASE)
_COMMA = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3})++|\d++),(\d{1,2}|\d{4,})(?![\d,]|\.\d)")
"""A number with a decimal comma, which is not followed by three digits."""
_LISTS = re.compile(r"(?i)\b(?:max|min|mean|sum|gcd|lcm|pow|round|log|add|average|product|numbers|values)\b|\d,\d+,")
_URL = re.compile(r"\bhttps?://[^\s<>\"'`]+", re.IGNORECASE)
_BARE_URL = re.compile(
    r"(?i)(?<![\w@/.:])(?:[a-z0-9-]{1,63}\.){1,6}(?:com|org|net|io|dev|edu|gov|de|uk)(?:/[^\s<>\"'`]*)?"
)
_FILE_URI = re.compile(r"\bagentnet-file:[0-9a-f]+/[^\s)\]>,;\"'`]+")
_PATH = re.compile(
    r"(?i)(?<![\w:/])(?:[\w.~-]{0,60}/){0,12}[\w-][\w.-]{0,100}\.(?!com\b|org\b|net\b|io\b)[a-z][a-z0-9]{0,7}\b(?!/"
    r"|\()(?:#\w+)?"
)
_QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|«([^»\n]+)»|„([^“\n]+)“|(?<!\w)'([^'\n]+)'(?!\w)|`([^`\n]+)`")
_CLOCK = re.compile(
    r"(?i)\b(\d{1,2})(?::(\d{2}))(?::\d{2})?\s*(a\.?m\.?|p\.?m\.?)?|\b(\d{1,2})\s*(a\.?m\.?|p\.?m\.?)(?!\w)|\b(noon"
    r"|midnight)\b"
)
_ISO_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_ISO_MOMENT = re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:?\d{2})?")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?({'|'.join(MONTHS)}),? (\d{{4}})\b", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"\b({'|'.join(MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})\b", re.IGNORECASE)
_SQL = re.compile(r"\b(?:select|with)\b.+?\bfrom\b[^;]+", re.IGNORECASE | re.DOTALL)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}\b")


@dataclass(frozen=True)
class Quantity:
    """An amount in one unit that is wanted in another; parts that the text lacks are None."""

    value: float | int | None = None
    unit: str | None = None
    target: str | None = None


def numbers_in(text: str) -> list[float | int]:
    """Numbers in order, without those that belong to links, files, dates and clock times."""
    plain = text
    for pattern in (_URL, _FILE_URI, _ISO_MOMENT, _ISO_DATE, _PATH, _CLOCK):
        plain = pattern.sub(" ", plain)
    matches = [match for match in _NUMBERS.finditer(plain) if len(match[0]) <= MAX_NUMBER_CHARACTERS]
    found = [(match.start(), number(match[0])) for match in matches]
    found += [
        (match.start(), NUMBER_WORDS[match[0].lower()])
        for match in re.finditer(r"[^\W\d_]+", plain)
        if match[0].lower() in NUMBER_WORDS
    ]
    return [value for _, value in sorted(found)]


def number(text: str) -> float | int:
    """The number that `text` writes; thousands may be set apart by commas."""
    plain = with_points(text)
    value = float(plain.replace(",", ""))
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def with_points(text: str) -> str:
    """`text` with the decimal commas of 1,5 and 1.234,50 as points, where it lists and joins no numbers."""
    return text if _LISTS.search(text) else _COMMA.sub(lambda at: f"{at[1].replace('.', '')}.{at[2]}", text)


def urls_in(text: str) -> list[str]:
    """Links in order, without the punctuation that follows them."""
    found = [match.rstrip(".,;:!?)]}") for match in _all(_URL, text)]
    bare = [match.rstrip(".,;:!?)") for match in _all(_BARE_URL, _URL.sub(" ", text))]
    return _unique([*found, *(f"https://{match}" for match in bare)])


def file_uris_in(text: str) -> list[str]:
    """File URIs of this network, in order."""
    return _unique([match.rstrip(".:!?") for match in _all(_FILE_URI, text)])


def is_file_uri(text: str) -> bool:
    """Whether `text` is the URI of a file of this network and nothing else."""
    return bool(_FILE_URI.fullmatch(text))


def paths_in(text: str) -> list[str]:
    """Names of files, with or without folders."""
    return _unique(_PATH.findall(_EMAIL.sub(" ", _FILE_URI.sub(" ", _URL.sub(" ", text)))))


def quoted_in(text: str) -> list[str]:
    """Quoted strings, without the marks."""
    return [next(part for part in match.groups() if part) for match in _QUOTED.finditer(text)]


def emails_in(text: str) -> list[str]:
    """Mail addresses."""
    return _unique(_EMAIL.findall(text))


def clocks_in(text: str) -> list[tuple[int, str]]:
    """Clock times as HH:MM with their positions; full ISO moments as they stand."""
    found = [(match.start(), match[0]) for match in _ISO_MOMENT.finditer(text)]
    for match in _CLOCK.finditer(_ISO_MOMENT.sub(lambda moment: " " * len(moment[0]), text)):
        clock = _clock(match)
        if clock:
            found.append((match.start(), clock))
    return sorted(found)


def dates_in(text: str) -> list[str]:
    """Dates as YYYY-MM-DD."""
    found = [(match.start(), match[0]) for match in _ISO_DATE.finditer(text)]
    found += [(m.start(), _date(m[3], m[2], m[1])) for m in _DAY_MONTH.finditer(text)]
    found += [(m.start(), _date(m[3], m[1], m[2])) for m in _MONTH_DAY.finditer(text)]
    return [value for _, value in sorted(found)]


def spans(text: str) -> bool:
    """Whether `text` asks how far two days are apart, of which one may be today."""
    dated = dates_in(text)
    return len(dated) > 1 or bool(
        dated and re.search(r"\bhow (?:many (?:days|weeks|months|years)|long|old)\b", text, re.IGNORECASE)
    )


def sql_in(text: str) -> str | None:
    """A SELECT statement in `text`."""
    for candidate in [*quoted_in(text), text]:
        match = _SQL.search(candidate)
        if match and match[0].split(None, 1)[0].lower() in {"select", "with"} and "select" in match[0].lower():
            return match[0].strip().rstrip('?.`"')
    return None


@lru_cache(maxsize=16)
def _all(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    """What `pattern` finds; long material is searched once, however many arguments ask."""
    return tuple(pattern.findall(text))


def _clock(match: re.Match[str]) -> str | None:
    if match[6]:
        return "12:00" if match[6].lower() == "noon" else "00:00"
    hour, minute = int(match[1] or match[4]), int(match[2] or 0)
    half = (match[3] or match[5] or "").lower().replace(".", "")
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def _date(year: str, month: str, day: str) -> str:
    return f"{year}-{MONTHS.index(month.lower()) + 1:02}-{int(day):02}"


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))
