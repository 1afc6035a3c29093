"""Numbers as people write them, in SQL: with thousands separators, decimal commas, signs of currency and percent."""

from typing import Literal

Style = Literal["point", "comma"]
"""What begins the decimals."""

_GROUPS = " \u00a0\u202f'’"
_CURRENCIES = r"[$€£¥₹₽]|US\$|USD|EUR|GBP|CHF|JPY|CNY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|BRL|MXN|ZAR|kr\.?|zł|Fr\."
_SIGNS = {"point": (",", r"\."), "comma": (r"\.", ",")}


def _pattern(style: Style) -> str:
    group, decimal = _SIGNS[style]
    # Indian tables group by two: 12,34,567.
    grouped = rf"\d{{1,3}}(?:{group}\d{{2,3}})*{group}\d{{3}}|\d{{1,3}}(?:[{_GROUPS}]\d{{3}})+"
    return rf"[+-]?(?:(?:{grouped}|\d+)(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_SPACE = r"[\s\x{00a0}\x{202f}]*"
_BEFORE = _literal(rf"^([+-]?){_SPACE}(?:{_CURRENCIES}){_SPACE}")
_AFTER = _literal(rf"{_SPACE}(?:{_CURRENCIES}|%)$")
# Accountants write a loss in parentheses.
_PARENTHESES = _literal(r"^\((.*)\)$")


def trimmed(cell: str) -> str:
    """The SQL of `cell`, SQL itself, without spaces around it, the unbreakable ones too."""
    return f"trim({cell}, ' \t\u00a0\u202f')"


def bare(cell: str) -> str:
    """The SQL of `cell` without its signs of currency and percent and with a plain minus."""
    text = f"regexp_replace(replace({trimmed(cell)}, '−', '-'), {_PARENTHESES}, '-\\1')"
    return f"regexp_replace(regexp_replace({text}, {_BEFORE}, '\\1'), {_AFTER}, '')"


def fits(cell: str, style: Style) -> str:
    """SQL that is true where `cell` without its signs is a number in this style."""
    return f"regexp_full_match({cell}, {_literal(_pattern(style))})"


def number(cell: str, style: Style, kind: str = "DOUBLE") -> str:
    """SQL of the number that `cell` says in this style, NULL where it says none."""
    text = bare(cell)
    return f"CASE WHEN {fits(text, style)} THEN TRY_CAST({_plain(text, style)} AS {kind}) END"


def digits(cell: str, style: Style) -> tuple[str, str]:
    """SQL of how many digits the number that `cell` says in this style has before and behind the point, NULL where it
    is written with a power of ten."""
    plain = _plain(bare(cell), style)
    whole, decimals = (f"length(regexp_extract({plain}, '^[+-]?(\\d*)(?:\\.(\\d*))?$', {part}))" for part in (1, 2))
    power = f"regexp_matches({plain}, '[eE]')"
    return f"CASE WHEN NOT {power} THEN {whole} END", f"CASE WHEN NOT {power} THEN {decimals} END"


def _plain(text: str, style: Style) -> str:
    if style == "comma":
        return f"replace(regexp_replace({text}, {_literal(f'[.{_GROUPS}]')}, '', 'g'), ',', '.')"
    return f"regexp_replace({text}, {_literal(f'[,{_GROUPS}]')}, '', 'g')"


def currency(cell: str) -> str:
    """SQL of the currency that stands with `cell`, NULL where none does."""
    sign = rf"^[+(-]*{_SPACE}({_CURRENCIES}){_SPACE}[+-]?[\d.]|[\d.]{_SPACE}({_CURRENCIES})\)?$"
    text = trimmed(cell)
    first, second = (f"regexp_extract({text}, {_literal(sign)}, {number})" for number in (1, 2))
    return f"NULLIF({first} || {second}, '')"


def percent(cell: str) -> str:
    """SQL that is true where `cell` ends in a percent sign."""
    return f"suffix({trimmed(cell)}, '%')"
