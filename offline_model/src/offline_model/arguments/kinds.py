"""Kinds of parameters, told from their names, descriptions and types: what sort of value an argument takes."""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from offline_model.language.vocabulary import word_set
from offline_model.language.words import words
from offline_model.request.tools import Parameter

Kind = StrEnum(
    "Kind",
    "AGENT AMOUNT BOOLEAN CHOICE CLOCK COLUMN CONDITION DATE EMAIL EXPRESSION FILES LIMIT OBJECT OTHER PLACE QUERY "
    "SOURCE SQL TEXT TITLE UNIT URL ZONE",
)
"""What a parameter takes."""

_BY_NAME: tuple[tuple[Kind, frozenset[str]], ...] = tuple(
    (kind, frozenset(names.split()))
    for kind, names in (
        (Kind.EXPRESSION, "expression expr formula equation calculation arithmetic"),
        (Kind.SQL, "sql"),
        (Kind.EMAIL, "email mail recipient"),
        (Kind.URL, "url link href website webpage"),
        (Kind.ZONE, "timezone tz zone timezones zones"),
        (Kind.UNIT, "unit units"),
        (Kind.FILES, "figures files charts images attachments pictures"),
        (Kind.TITLE, "title heading caption subject headline"),
        (Kind.TEXT, "report text content body findings draft material passage article suggestions feedback comments "
                    "review notes sections markdown html code input essay summary answer results evidence texts facts"),
        (Kind.QUERY, "query question need message request prompt q search keywords keyword topic task instruction "
                     "instructions goal objective term terms"),
        (Kind.SOURCE, "source sources file path dataset filename table uri document data log"),
        (Kind.COLUMN, "column columns field fields group by dimension measure metric x y series"),
        (Kind.PLACE, "city place location country town"),
        (Kind.DATE, "date day since until deadline"),
        (Kind.CLOCK, "time clock datetime when timestamp moment"),
        (Kind.AGENT, "agent"),
    )
)  # fmt: skip
_LIMITS = word_set("limit top max maximum n count k size page results offset depth length rows")


def kind_of(parameter: Parameter) -> Kind:
    """What `parameter` takes; for a list, what its elements are."""
    if parameter.choices:
        return Kind.CHOICE
    if parameter.type == "array":
        kind = kind_of(parameter.item)
        return Kind.FILES if kind is Kind.SOURCE and "file" in parameter.name else kind
    if parameter.type == "boolean":
        return Kind.BOOLEAN
    if parameter.type in {"integer", "number"}:
        return Kind.LIMIT if set(words(parameter.name)) & _LIMITS else Kind.AMOUNT
    if parameter.type == "object":
        return Kind.OBJECT
    return _string_kind(parameter)


def takes(parameters: Sequence[Parameter], kind: Kind) -> bool:
    """Whether one of `parameters` is of that kind."""
    return any(kind_of(parameter) is kind for parameter in parameters)


def _string_kind(parameter: Parameter) -> Kind:
    said = parameter.description.casefold()
    told = _told(parameter, said)
    if told is not None:
        return told
    own = words(parameter.name)
    for kind, names in _BY_NAME:
        if names & set(own):
            return kind
    return Kind.COLUMN if re.search(r"\bcolumn\b", said) else Kind.OTHER


def _told(parameter: Parameter, said: str) -> Kind | None:
    if parameter.schema.get("format") in {"uri", "url"}:
        return Kind.URL
    if parameter.schema.get("format") in {"date", "email"}:
        return Kind(parameter.schema["format"])
    if re.search(r"\btime ?zone\b|\biana\b", said) and not re.search(r"\bclock|hh:mm|iso 8601\b", said):
        return Kind.ZONE
    if "yyyy-mm-dd" in said and "time of day" not in said:
        return Kind.DATE
    if re.search(r"\bcondition\b", said) and re.search(r"\bsql\b|\brows\b", said):
        return Kind.CONDITION
    if re.search(r"\bsql\b", said) and parameter.type != "array":
        return Kind.SQL
    if re.search(
        r"\bname of (?:the|a) column\b|\bcolumn (?:to|that|whose|for|of|by|on|name)\b|^(?:the |a )?column\b", said
    ):
        return Kind.COLUMN
    return None


def role_of(parameter: Parameter) -> str:
    """`from`, `to` or nothing: which end of a conversion the parameter is."""
    own = set(words(parameter.name))
    if own & {"from", "source", "src", "origin", "input", "start"}:
        return "from"
    return "to" if own & {"to", "target", "dest", "destination", "into", "output", "end"} else ""


def proportion(value: float | int, percent: bool, parameter: Parameter) -> float | int | None:
    """`value` as `parameter` takes it: 19% is 0.19 where its examples are fractions; None where that is not sure."""
    said = f"{parameter.name} {parameter.description} {parameter.schema.get('examples', '')}"
    numbers = set(map(float, re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?!\w|\.\d|%)", said)))
    limits = (parameter.schema.get("minimum"), parameter.schema.get("maximum"))
    numbers |= {float(limit) for limit in limits if isinstance(limit, int | float)}
    if numbers and max(numbers) <= 1 and (numbers - {0, 1} or numbers == {0, 1}) and parameter.type != "integer":
        return float(Decimal(str(value)) / 100) if percent else value if abs(value) <= 1 else None
    return None if percent and not re.search(r"per ?cent|pct|%", said, re.IGNORECASE) else value
