"""Conversion of units with pint; its registry is made once, at the first use, because that takes half a second."""

import difflib
import math
import re
from decimal import Decimal
from functools import cache

import pint

from agentnet.errors import InvalidInputError

MAX_UNIT_CHARACTERS = 60
SIGNIFICANT_DIGITS = 12
SUGGESTIONS = 3

_TEMPERATURES = {
    "c": "degC", "°c": "degC", "celsius": "degC", "degrees celsius": "degC", "centigrade": "degC",
    "f": "degF", "°f": "degF", "fahrenheit": "degF", "degrees fahrenheit": "degF",
    "k": "kelvin", "kelvin": "kelvin", "kelvins": "kelvin", "degc": "degC", "degf": "degF",
}  # fmt: skip
_ALIASES = {
    "kmh": "km/hour", "km/h": "km/hour", "kph": "km/hour", "mph": "mile/hour", "sqm": "m**2", "sqft": "foot**2",
    "sq m": "m**2", "sq ft": "foot**2", "square feet": "foot**2", "square foot": "foot**2", "square meters": "m**2",
    "square metres": "m**2", "square kilometers": "km**2", "square miles": "mile**2", "cubic meters": "m**3",
    "cubic feet": "foot**3", "lbs": "pound", "fl oz": "fluid_ounce", "nautical miles": "nautical_mile",
    "nautical mile": "nautical_mile", "light years": "light_year", "hrs": "hour", "mins": "minute", "secs": "second",
    "gallons": "gallon", "calories": "calorie", '"': "inch", "'": "foot",
}  # fmt: skip
_OF_THE_US = re.compile(r"^(?:us|u\.s\.?|american)\s+", re.IGNORECASE)
_WORD = r"[A-Za-zµμΩ°_]+(?:[²³]|(?:\*\*|\^)-?\d{1,2}|\d)?"
_UNIT = re.compile(rf"(?:1\s*/\s*)?{_WORD}(?:\s*(?:\*|/|·|\s)\s*{_WORD})*")
"""What a unit may look like. pint would compute a tower of powers, so none gets there."""


@cache
def _registry() -> "pint.UnitRegistry[Decimal]":
    return pint.UnitRegistry(non_int_type=Decimal)  # pyright: ignore[reportArgumentType] - pint takes any number type


def convert(value: float, source: str, target: str) -> tuple[float, str, str]:
    """`value` in `target`, and the proper names of both units. Blocks at the first call.

    Raises `InvalidInputError` for unknown units and for those that measure different things.
    """
    from_unit, to_unit = _unit(source, target), _unit(target, source)
    try:
        # By its digits: Decimal(0.1) has 55 of them.
        result = float(_registry().Quantity(Decimal(repr(value)), from_unit).to(to_unit).magnitude)
    except pint.DimensionalityError as error:
        raise InvalidInputError(
            f"{source} measures {error.dim1 or 'a number'} and {target} measures {error.dim2 or 'a number'}; "
            "both units must measure the same."
        ) from None
    except (pint.PintError, ArithmeticError, ValueError, TypeError):
        raise InvalidInputError(f"{value} {source} cannot be converted to {target}.") from None
    if not math.isfinite(result):
        raise InvalidInputError(f"{value} {source} is too large a number in {target}.")
    return float(f"{result:.{SIGNIFICANT_DIGITS}g}"), str(from_unit), str(to_unit)


def _unit(name: str, other: str) -> "pint.Unit":
    text = " ".join(name.split())
    if len(text) > MAX_UNIT_CHARACTERS:
        raise InvalidInputError(f"A unit has at most {MAX_UNIT_CHARACTERS} characters, such as km/hour.")
    plain = text.lower().rstrip(".")
    # C alone is coulomb, F farad: they are degrees where both sides can be.
    if plain in _TEMPERATURES and other.strip().lower() in _TEMPERATURES:
        return _registry().Unit(_TEMPERATURES[plain])
    # Those of the United States are what the names alone mean.
    plain = _OF_THE_US.sub("", plain)
    text = _ALIASES.get(plain, _OF_THE_US.sub("", text))
    if not _UNIT.fullmatch(text):
        raise InvalidInputError(f"{name!r} is not a unit; km, pound, degC or m/s**2 is one.")
    for candidate in dict.fromkeys((text, text.lower(), text.replace(" ", "_").lower(), _ALIASES.get(plain, text))):
        try:
            return _registry().Unit(candidate)
        except (pint.PintError, ValueError, TypeError, AttributeError, AssertionError):
            continue
    known = [name for name in dir(_registry()) if name[0].islower()]
    near = difflib.get_close_matches(text.lower(), known, n=SUGGESTIONS)
    raise InvalidInputError(f"The unit {name!r} is not known; try {' or '.join(near) or 'its full English name'}.")
