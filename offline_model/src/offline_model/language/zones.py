"""Time zones as people name them: IANA names, cities, countries with one zone, and the usual abbreviations."""

import importlib.resources
import re
from contextlib import suppress
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from zoneinfo import TZPATH, available_timezones

ALIASES: dict[str, str] = {
    "utc": "UTC", "gmt": "UTC", "zulu": "UTC", "cet": "Europe/Berlin", "cest": "Europe/Berlin", "bst": "Europe/London",
    "eet": "Europe/Athens", "est": "America/New_York", "edt": "America/New_York", "cst": "America/Chicago",
    "cdt": "America/Chicago", "mst": "America/Denver", "mdt": "America/Denver", "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles", "eastern time": "America/New_York", "pacific time": "America/Los_Angeles",
    "central time": "America/Chicago", "mountain time": "America/Denver", "ist": "Asia/Kolkata", "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul", "aest": "Australia/Sydney", "msk": "Europe/Moscow", "nyc": "America/New_York",
    "new york city": "America/New_York", "san francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles",
    "san diego": "America/Los_Angeles", "las vegas": "America/Los_Angeles", "silicon valley": "America/Los_Angeles",
    "california": "America/Los_Angeles", "boston": "America/New_York", "miami": "America/New_York",
    "washington": "America/New_York", "atlanta": "America/New_York", "philadelphia": "America/New_York",
    "houston": "America/Chicago", "dallas": "America/Chicago", "austin": "America/Chicago", "texas": "America/Chicago",
    "montreal": "America/Toronto", "ottawa": "America/Toronto", "rio de janeiro": "America/Sao_Paulo",
    "beijing": "Asia/Shanghai", "peking": "Asia/Shanghai", "shenzhen": "Asia/Shanghai", "china": "Asia/Shanghai",
    "mumbai": "Asia/Kolkata", "delhi": "Asia/Kolkata", "new delhi": "Asia/Kolkata", "bangalore": "Asia/Kolkata",
    "bengaluru": "Asia/Kolkata", "chennai": "Asia/Kolkata", "hyderabad": "Asia/Kolkata", "osaka": "Asia/Tokyo",
    "kyoto": "Asia/Tokyo", "tokio": "Asia/Tokyo", "hanoi": "Asia/Bangkok", "abu dhabi": "Asia/Dubai",
    "tel aviv": "Asia/Jerusalem", "munich": "Europe/Berlin", "münchen": "Europe/Berlin", "hamburg": "Europe/Berlin",
    "frankfurt": "Europe/Berlin", "cologne": "Europe/Berlin", "köln": "Europe/Berlin", "germany": "Europe/Berlin",
    "deutschland": "Europe/Berlin", "wien": "Europe/Vienna", "zürich": "Europe/Zurich", "geneva": "Europe/Zurich",
    "milan": "Europe/Rome", "mailand": "Europe/Rome", "rom": "Europe/Rome", "barcelona": "Europe/Madrid",
    "spain": "Europe/Madrid", "seville": "Europe/Madrid", "lyon": "Europe/Paris", "edinburgh": "Europe/London",
    "manchester": "Europe/London", "england": "Europe/London", "scotland": "Europe/London", "uk": "Europe/London",
    "united kingdom": "Europe/London", "britain": "Europe/London", "lisboa": "Europe/Lisbon",
    "portugal": "Europe/Lisbon", "moskau": "Europe/Moscow", "moskva": "Europe/Moscow", "kyiv": "Europe/Kyiv",
    "st petersburg": "Europe/Moscow", "cape town": "Africa/Johannesburg", "canberra": "Australia/Sydney",
    "wellington": "Pacific/Auckland", "new zealand": "Pacific/Auckland", "athen": "Europe/Athens",
    "brüssel": "Europe/Brussels", "kopenhagen": "Europe/Copenhagen", "warschau": "Europe/Warsaw",
    "prag": "Europe/Prague",
}  # fmt: skip
"""Names that no zone carries, by their zone."""

_IANA = re.compile(r"\b(?:[A-Z][A-Za-z]+(?:/[A-Z][\w+-]+){1,2}|UTC(?!\s?[+-]\d))\b")
_OFFSET = re.compile(r"\b(?:UTC|GMT)\s?([+-])(\d{1,2})\b(?!:)")
_REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
_LONGEST_NAME = 3


def zones_in(text: str) -> list[tuple[int, str, str]]:
    """The places and zones that `text` names, in order: position, words as written, IANA name."""
    found = [(match.start(), match[0], match[0]) for match in _IANA.finditer(text) if match[0] in _iana_names()]
    found += [(match.start(), match[0], _fixed(match[1], int(match[2]))) for match in _OFFSET.finditer(text)]
    taken = [(start, start + len(written)) for start, written, _ in found]
    tokens = list(re.finditer(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text))
    position = 0
    while position < len(tokens):
        size, zone = _longest(tokens, position, text)
        start, end = tokens[position].start(), tokens[position + max(size, 1) - 1].end()
        if zone and not any(begin < end and start < stop for begin, stop in taken):
            found.append((start, text[start:end], zone))
        position += max(size, 1)
    return sorted(found)


def _longest(tokens: list[re.Match[str]], position: int, text: str) -> tuple[int, str]:
    for size in range(min(_LONGEST_NAME, len(tokens) - position), 0, -1):
        written = text[tokens[position].start() : tokens[position + size - 1].end()]
        zone = places().get(" ".join(written.casefold().split()), "")
        if zone and (written[0].isupper() or size > 1 or len(written) > 4):
            return size, zone
    return 0, ""


@lru_cache(maxsize=1)
def places() -> dict[str, str]:
    """Lower-case names of places, each with its zone."""
    names = {
        zone.rsplit("/", 1)[1].replace("_", " ").casefold(): zone
        for zone in sorted(_iana_names(), reverse=True)
        if zone.partition("/")[0] in _REGIONS and zone.count("/") == 1
    }
    return names | _countries() | ALIASES


@lru_cache(maxsize=1)
def _iana_names() -> frozenset[str]:
    return frozenset(available_timezones())


def _countries() -> dict[str, str]:
    """Countries that lie in one zone."""
    country_of_code = dict(line.split("\t")[:2] for line in _rows("iso3166.tab"))
    zones: dict[str, list[str]] = {}
    for line in _rows("zone.tab"):
        code, _, zone = line.split("\t")[:3]
        zones.setdefault(code, []).append(zone)
    return {name.casefold(): zones[code][0] for code, name in country_of_code.items() if len(zones.get(code, ())) == 1}


def _rows(table: str) -> list[str]:
    """Lines of a table of the time zone database; none where this machine has no such table."""
    folders: list[Traversable] = [Path(folder) for folder in TZPATH]
    with suppress(ModuleNotFoundError):
        folders.insert(0, importlib.resources.files("tzdata.zoneinfo"))
    for folder in folders:
        file = folder.joinpath(table)
        if file.is_file():
            return [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return []


def _fixed(sign: str, hours: int) -> str:
    """The IANA name of a fixed offset; its sign is the other way round."""
    return "UTC" if hours == 0 else f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
