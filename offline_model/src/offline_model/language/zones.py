"""Time zones as people name them: IANA names, cities, countries with one zone, and the usual abbreviations."""

import importlib.resources
import re
from contextlib import suppress
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from zoneinfo import TZPATH, available_timezones

_NAMED = """
    UTC: utc, gmt, zulu; Europe/Berlin: cet, cest, munich, münchen, hamburg, frankfurt, cologne, köln, germany,
    deutschland; Europe/London: bst, edinburgh, manchester, england, scotland, uk, united kingdom, britain;
    Europe/Athens: eet, athen; America/New_York: est, edt, eastern time, nyc, new york city, boston, miami,
    washington, atlanta, philadelphia; America/Chicago: cst, cdt, central time, houston, dallas, austin, texas;
    America/Denver: mst, mdt, mountain time; America/Los_Angeles: pst, pdt, pacific time, san francisco, seattle, san
    diego, las vegas, silicon valley, california; Asia/Kolkata: ist, mumbai, delhi, new delhi, bangalore, bengaluru,
    chennai, hyderabad; Asia/Tokyo: jst, osaka, kyoto, tokio; Asia/Seoul: kst; Australia/Sydney: aest, canberra;
    Europe/Moscow: msk, moskau, moskva, st petersburg; America/Toronto: montreal, ottawa; America/Sao_Paulo: rio de
    janeiro; Asia/Shanghai: beijing, peking, shenzhen, china; Asia/Bangkok: hanoi; Asia/Dubai: abu dhabi;
    Asia/Jerusalem: tel aviv; Europe/Vienna: wien; Europe/Zurich: zürich, geneva; Europe/Rome: milan, mailand, rom;
    Europe/Madrid: barcelona, spain, seville; Europe/Paris: lyon; Europe/Lisbon: lisboa, portugal; Europe/Kyiv: kyiv;
    Africa/Johannesburg: cape town; Pacific/Auckland: wellington, new zealand; Europe/Brussels: brüssel;
    Europe/Copenhagen: kopenhagen; Europe/Warsaw: warschau; Europe/Prague: prag"""
ALIASES = {
    name.strip(): zone.strip()
    for zone, _, named in (part.partition(":") for part in " ".join(_NAMED.split()).split(";"))
    for name in named.split(",")
}
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
    for match in _OFFSET.finditer(text):  # the sign of a fixed offset's IANA name is the other way round
        hours = f"Etc/GMT{'-' if match[1] == '+' else '+'}{int(match[2])}"
        found.append((match.start(), match[0], hours if int(match[2]) else "UTC"))
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
    country_of_code = dict(line.split("\t")[:2] for line in _rows("iso3166.tab"))
    zones: dict[str, list[str]] = {}
    for line in _rows("zone.tab"):
        code, _, zone = line.split("\t")[:3]
        zones.setdefault(code, []).append(zone)
    return {name.casefold(): zones[code][0] for code, name in country_of_code.items() if len(zones.get(code, ())) == 1}


def _rows(table: str) -> list[str]:
    folders: list[Traversable] = [Path(folder) for folder in TZPATH]
    with suppress(ModuleNotFoundError):
        folders.insert(0, importlib.resources.files("tzdata.zoneinfo"))
    for folder in folders:
        file = folder.joinpath(table)
        if file.is_file():
            return [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return []
