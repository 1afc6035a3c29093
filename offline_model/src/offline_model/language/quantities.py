"""Quantities and expressions: "30 miles in km", "15% of 240", "twelve times (3 + 4)"."""

import re

from offline_model.language.values import SPOKEN, Quantity, number, with_points
from offline_model.language.vocabulary import word_set

_NUMBER = r"(?<![\d,])-?\d[\d,]*+(?:\.\d++)?(?:e[+-]?\d++)?"
_WORD = r"[^\W\d_]+"
_UNIT = (
    rf"°?\s?(?:(?:square|cubic|nautical|fluid|degrees?|us|imperial)\s+)?{_WORD}[²³]?(?:\s?(?:/|"
    rf"per)\s?{_WORD}[²³]?)?(?:\^?\d)?"
)
_FORWARD = re.compile(rf"(?i)({_NUMBER})\s*({_UNIT})\s+(?:in|into|to|as|converted to|expressed in)\s+({_UNIT})")
_HOW_MANY = re.compile(
    rf"(?i)(?:how (?:many|much)|wie ?viele?|combien de|cuánt[ao]s) ({_UNIT})\s+(?:(?:is|are|sind|ist|font|son|hay en"
    rf"|are there|is there|make|fit|go|equals?)\s+(?:in\s+|into\s+)?|in\s+)({_NUMBER}|an?\b|one\b)\s*({_UNIT})"
)
_WHAT_IN = re.compile(rf"what(?:'s| is| are) ({_NUMBER})\s*({_UNIT}) (?:in|as) ({_UNIT})", re.IGNORECASE)
_AMOUNT = re.compile(rf"({_NUMBER})\s*({_UNIT})", re.IGNORECASE)
_COMPOUND = re.compile(
    rf"(?i)({_NUMBER})\s*(f(?:oo|ee)?t|lbs?|pounds?|st(?:ones?)?)\s*(?:and\s+)?({_NUMBER})\s*"
    r"(?:in(?:ch(?:es)?)?|oz|ounces?|lbs?|pounds?)\b(?=\s+(?:in|to|as)\b)"
)
_PARTS = (("f", 12), ("l", 16), ("p", 16), ("s", 14))
"""How many of the smaller unit make one of the larger, by how the larger begins."""
_UNIT_NAMES = {
    "c": "celsius", "°c": "celsius", "celsius": "celsius", "centigrade": "celsius", "f": "fahrenheit",
    "°f": "fahrenheit", "fahrenheit": "fahrenheit", "k": "kelvin", "kelvin": "kelvin",
    "meilen": "miles", "meile": "mile", "pfund": "pounds", "unzen": "ounces", "zoll": "inches", "fuß": "feet",
    "gramm": "grams", "kilogramm": "kilograms", "stunden": "hours", "minuten": "minutes", "sekunden": "seconds",
    "tage": "days", "milles": "miles", "livres": "pounds", "pouces": "inches", "pieds": "feet", "heures": "hours",
    "kilomètres": "kilometers", "mètres": "meters", "litres": "litres", "millas": "miles", "libras": "pounds",
    "pulgadas": "inches", "pies": "feet", "horas": "hours", "kilómetros": "kilometers", "metros": "meters",
}  # fmt: skip
_NOT_UNITS = word_set("time times percent and or the of what how is a an days' rows row words lines items")

_FUNCTIONS = "sqrt|sin|cos|tan|log10|log2|log|ln|exp|abs|round|floor|ceil|factorial|min|max|pow|gcd|lcm|pi|mean|sum"
_SPOKEN: tuple[tuple[str, str], ...] = (
    (r"(?:the )?square root of\s+\(?(NUM)\)?", r"sqrt(\1)"), (r"(?:the )?cube root of\s+(NUM)", r"(\1) ** (1 / 3)"),
    (r"(?:the )?(?:sum|total) of\s+((?:NUM(?:,\s*|,?\s+and\s+))+NUM)", r"JOIN+(\1)"),
    (r"(?:the )?product of\s+((?:NUM(?:,\s*|,?\s+and\s+))+NUM)", r"JOIN*(\1)"),
    (r"(?:the )?(?:average|mean) of\s+((?:NUM(?:,\s*|,?\s+and\s+))+NUM)", r"MEAN(\1)"),
    (r"(?:the )?difference (?:between|of)\s+(NUM)\s+and\s+(NUM)", r"\1 - \2"),
    (r"(?:(?:increase|raise)\s+(NUM)|(NUM) (?:increas|rais)ed) by\s+(NUM)PER", r"\1\2 * (1 + \3 / 100)"),
    (r"(?:(?:decrease|reduce|lower)\s+(NUM)|(NUM) (?:decreas|reduc)ed) by\s+(NUM)PER", r"\1\2 * (1 - \3 / 100)"),
    (r"(?:\badd (?:\w+ of )?(NUM)PER to|(NUM)PER (?:MORE than|above)) [$€£]?(NUM)END", r"\3 * (1 + \1\2 / 100)"),
    (r"(?:\bsubtract (NUM)PER from|(NUM)PER (?:LESS than|below|off(?: of)?)) [$€£]?(NUM)END", r"\3 * (1 - \1\2 / 100)"),
    (r"add\s+(NUM)\s+to\s+(NUM)", r"\1 + \2"), (r"\badd\s+((?:NUM(?:,\s*|,?\s+and\s+))+NUM)", r"JOIN+(\1)"),
    (r"subtract\s+(NUM)\s+from\s+(NUM)", r"\2 - \1"), (r"multiply\s+(NUM)\s+(?:by|and|with)\s+(NUM)", r"\1 * \2"),
    (r"(?:divide|split)\s+(NUM)\s+(?:by|among|between|into)\s+(NUM)", r"\1 / \2"),
    (r"(NUM)\s*(?:%|percent|per cent|prozent)\s*(?:tip )?(?:of|on|von|de|di)\s+[$€£]?(NUM)", r"\1 / 100 * \2"),
    (r"^(\D*)(NUM)\s*(?:\+|\bplus\b)\s*(NUM)\s*(?:%|percent|per cent)", r"\1\2 * (1 + \3 / 100)"),
    (r"^(\D*)(NUM)\s*(?:-|\bminus\b|\bless\b)\s*(NUM)\s*(?:%|percent|per cent)", r"\1\2 * (1 - \3 / 100)"),
    (r"(NUM) as an? percent(?:age)? of\s+(NUM)", r"\1 / \2 * 100"),
    (r"what percent(?:age)? of\s+(NUM) (?:is|are)\s+(NUM)", r"\2 / \1 * 100"),
    (r"(NUM)\s*/\s*(NUM) of\s+(NUM)", r"\1 / \2 * \3"),
    (r"(?:the )?remainder of\s+(NUM) (?:divided by|over)\s+(NUM)|(NUM)\s+mod(?:ulo)?\s+(NUM)", r"\1\3 % \2\4"),
    (r"(NUM)\s+(?:quarters|fourths) of\s+(NUM)", r"\1 / 4 * \2"), (r"\ba third of\s+(NUM)", r"\1 / 3"),
    (r"\ba (?:quarter|fourth) of\s+(NUM)", r"\1 / 4"), (r"\b(?:twice|double)\s+(NUM)", r"2 * \1"),
    (r"(NUM) million\b", r"(\1 * 1000000)"), (r"half of\s+(NUM)", r"\1 / 2"), (r"(NUM)\s+squared", r"\1 ** 2"),
    (r"(NUM)\s+cubed", r"\1 ** 3"), (r"\bto the power of\b|\braised to\b", " ** "),
    (r"\bmultiplied by\b|\btimes\b|(?<=\d)\s*[×x·]\s*(?=\d)|\bmal\b|\bfois\b|(?<=\d) por (?=\d)", " * "),
    (r"\bdivided by\b|(?<=\d)\s*[÷:]\s*(?=\d)|\bgeteilt durch\b|(?<=\d) over (?=\d)", " / "), (r"\bplus\b", " + "),
    (r"\bminus\b|(?<=\d)\s*[−–]\s*(?=\d)", " - "), (r"(?<=[\d)])\s*\^\s*(?=[\d(-])", " ** "),
)  # fmt: skip
_PLAIN_NUMBER = r"(?<!\d)-?\d++(?:\.\d++)?"
_NAMED = {"NUM": _PLAIN_NUMBER, "PER": r"\s*(?:%|percent|per cent)", "END": r"(?!\d|\.\d|\s*%|\s*per)"}
_SAID = _NAMED | {"MORE": "(?:more|higher|bigger|larger|greater)", "LESS": "(?:less|fewer|lower|smaller|cheaper)"}
_SPOKEN_PATTERNS = tuple(
    (re.compile(re.sub("[A-Z]{3,4}", lambda at: _SAID[at[0]], said), re.IGNORECASE), into) for said, into in _SPOKEN
)
_WHOLE = re.compile(rf"({_PLAIN_NUMBER}(?:\s*[-+*/]\s*{_PLAIN_NUMBER})+)\s*,\s*(?:and |then |all )*([-+*/])\s*(?=\d)")
"""A comma before an operator: what stands before it is worked out first."""
_JOIN = re.compile(r"(JOIN[+*]|MEAN)\(([^()]*)\)")
_EXPRESSION = re.compile(rf"(?:[\d.]+(?:e[+-]?\d+)?|\*\*|[-+*/%(),\s]|\b(?:{_FUNCTIONS})\b)+", re.IGNORECASE)
_DATE_OR_PHONE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{2,4}|\+?[\d\s-]{9,}")
_TO_DIGITS = re.compile(r"\bround\w*[^.\d]*\d+ (?:decimals?|digits?|places?)", re.IGNORECASE)
_LEFT = re.compile(
    r"(?i)\d|%|\b(?:percent|per cent|thirds?|quarters?|fourths?|fifths?|half|twice|double|triple|remainder|modulo"
    r"|factorial|squared|cubed|root|power|average|mean|median|product|each|apiece|billion)\b"
)
"""What says more of a calculation than an expression beside it does."""
_OPERATOR = re.compile(r"[\d)]\s*(?:\*\*|[-+*/%])\s*[\d(a-z-]|\b[a-z]\w*\(", re.IGNORECASE)


def quantity_in(text: str) -> Quantity | None:
    """The conversion that `text` asks for; None when it names no amount with a unit."""
    spoken = _COMPOUND.sub(_in_one_unit, _digits(text))
    match = _HOW_MANY.search(spoken)
    if match and _are_units(match[1], match[3]):
        value = 1 if match[2].lower() in {"a", "an", "one"} else number(match[2])
        return _quantity(value, match[3], match[1])
    for pattern in (_FORWARD, _WHAT_IN):
        match = pattern.search(spoken)
        if match and _are_units(match[2], match[3]):
            return _quantity(number(match[1]), match[2], match[3])
    match = _AMOUNT.search(spoken)
    if match and _are_units(match[2]):
        return _quantity(number(match[1]), match[2], None)
    return None


def _in_one_unit(match: re.Match[str]) -> str:
    size = next(size for unit, size in _PARTS if match[2].lower().startswith(unit))
    return f"{number(match[1]) + number(match[3]) / size} {match[2]}"


def expression_in(text: str) -> str | None:
    """The arithmetic expression in `text`, spoken or written, in the notation of Python; None when there is none."""
    spoken = re.sub(r"(?<=\d),(?=\d{3}\b)", "", _digits(text))
    for pattern, into in _SPOKEN_PATTERNS:
        spoken = pattern.sub(into, spoken)
    spoken = _JOIN.sub(_joined, spoken)
    spoken = _WHOLE.sub(r"(\1) \2 ", spoken)
    found = [match for match in _EXPRESSION.finditer(spoken) if re.search(r"\d", match[0])]
    candidates = [(match, _balanced(match[0].strip(" ,"))) for match in found]
    candidates = [item for item in candidates if _OPERATOR.search(item[1]) and not _DATE_OR_PHONE.fullmatch(item[1])]
    if not candidates:
        return None
    match, best = max(candidates, key=lambda item: len(item[1]))
    # What is left out of the text would make another number of it.
    return None if _LEFT.search(_TO_DIGITS.sub("", f"{spoken[: match.start()]} {spoken[match.end() :]}")) else best


def _joined(match: re.Match[str]) -> str:
    numbers = re.findall(_NUMBER.replace("[\\d,]*", "\\d*"), match[2])
    if match[1] == "MEAN":
        return f"({' + '.join(numbers)}) / {len(numbers)}"
    return f"{f' {match[1][-1]} '.join(numbers)}"


def _digits(text: str) -> str:
    return re.sub(
        r"\b(?:" + "|".join(SPOKEN) + r")\b(?!\s+of\b)",
        lambda match: str(SPOKEN[match[0].lower()]),
        with_points(text),
        flags=re.IGNORECASE,
    )


def _are_units(*units: str) -> bool:
    return all(unit.split()[0].lower() not in _NOT_UNITS for unit in units)


def _quantity(value: float | int, unit: str, target: str | None) -> Quantity:
    return Quantity(value, _unit(unit), _unit(target) if target else None)


def _unit(unit: str) -> str:
    plain = re.sub(r"^degrees?\s+", "", " ".join(unit.split()), flags=re.IGNORECASE)
    plain = re.sub(r"^°\s", "°", plain)
    plain = re.sub(r"\s*\bper\b\s*", "/", plain, flags=re.IGNORECASE)
    plain = re.sub(r"^(square|cubic)\s", lambda match: match[0].lower(), plain, flags=re.IGNORECASE)
    return _UNIT_NAMES.get(plain.lower(), plain)


def _balanced(text: str) -> str:
    while text.count("(") > text.count(")") and text.startswith("("):
        text = text[1:].strip()
    while text.count(")") > text.count("(") and text.endswith(")"):
        text = text[:-1].strip()
    return " ".join(re.sub(r"^[*/+%),\s]+|[-+*/%(,\s]+$", "", text).split())
