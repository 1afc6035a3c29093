"""Exact arithmetic on decimals: a recursive-descent parser that evaluates as it reads. Nothing else can be said in it.

sum      = product {("+" | "-") product}      a percent after + or - is a share of the left side: 200 + 10% = 220
product  = sign {("*" | "/" | "//" | "%" | "of") sign}
sign     = ("-" | "+") sign | power
power    = percent ["**" sign]
percent  = atom ["%"]                         where no operand follows; otherwise % is the remainder
atom     = number | constant | function "(" sum {"," sum} ")" | "(" sum ")"
"""

import decimal
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from agentnet.errors import InvalidInputError, TooLargeError

MAX_CHARACTERS = 500
MAX_DEPTH = 50
MAX_NUMBER_DIGITS = 100
MAX_POWER = 10_000
WORKING_DIGITS = 400
SHOWN_DIGITS = 50
MAX_EXPONENT = 9999

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d{1,4})?|\.\d+)|([A-Za-z]+)|(\*\*|//|[-+*/%^(),×÷−]))")
_SAME = {"^": "**", "×": "*", "÷": "/", "−": "-", "x": "*", "mod": "%"}
_CONSTANTS = {
    "pi": Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899"),
    "e": Decimal("2.71828182845904523536028747135266249775724709369995957496696762772407663035354759"),
}


def _round(value: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    if digits != digits.to_integral_value() or abs(digits) > SHOWN_DIGITS:
        raise InvalidInputError(f"round takes a whole number of digits up to {SHOWN_DIGITS}, such as round(2.345, 2).")
    own = decimal.Context(prec=WORKING_DIGITS)  # digits that a caller rounds away do not make the answer inexact
    return value.quantize(Decimal(1).scaleb(-int(digits)), decimal.ROUND_HALF_UP, own)


def _floor(value: Decimal) -> Decimal:
    return value.to_integral_value(decimal.ROUND_FLOOR)


def _ceil(value: Decimal) -> Decimal:
    return value.to_integral_value(decimal.ROUND_CEILING)


_FUNCTIONS: dict[str, tuple[Callable[..., Decimal], int, int]] = {
    "sqrt": (Decimal.sqrt, 1, 1),
    "round": (_round, 1, 2),
    "abs": (Decimal.__abs__, 1, 1),
    "floor": (_floor, 1, 1),
    "ceil": (_ceil, 1, 1),
    "min": (min, 1, 100),
    "max": (max, 1, 100),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The value of an expression."""

    text: str
    """In plain digits, at most `SHOWN_DIGITS` significant ones."""
    exact: bool
    """False when digits were cut off."""


def calculate(expression: str) -> Answer:
    """The value of `expression`. Raises `InvalidInputError` that says what would be right, `TooLargeError`."""
    if len(expression) > MAX_CHARACTERS:
        raise TooLargeError(f"The expression has {len(expression)} characters; the limit is {MAX_CHARACTERS}.")
    context = decimal.Context(prec=WORKING_DIGITS, Emax=MAX_EXPONENT, Emin=-MAX_EXPONENT, rounding=ROUND_HALF_EVEN)
    # What is too small to be said is 0, no error.
    context.traps[decimal.Underflow] = False
    with decimal.localcontext(context) as working:
        try:
            value = _Parser(_tokens(expression)).whole()
        except decimal.DivisionByZero:
            raise InvalidInputError("The expression divides by zero.") from None
        except decimal.Overflow:
            raise TooLargeError(f"The result is over the limit of {MAX_EXPONENT} digits.") from None
        except decimal.InvalidOperation:
            raise InvalidInputError("The expression has no real value, such as 0/0 or the root of -1.") from None
        inexact = bool(working.flags[decimal.Inexact])
    return _shown(value, inexact)


def _shown(value: Decimal, inexact: bool) -> Answer:
    whole = not inexact and value == value.to_integral_value(context=decimal.Context(prec=WORKING_DIGITS))
    digits = WORKING_DIGITS if whole else SHOWN_DIGITS
    context = decimal.Context(prec=digits, Emax=MAX_EXPONENT, Emin=-MAX_EXPONENT)
    shown = context.plus(value)
    cut = inexact or bool(context.flags[decimal.Inexact])
    if not -SHOWN_DIGITS < shown.adjusted() < digits:
        return Answer(format(shown.normalize(context), "E"), not cut)
    text = format(shown, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return Answer("0" if text in {"-0", ""} else text, not cut)


def _tokens(expression: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = expression.strip().rstrip("=").rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidInputError(
                f"{text[position:].strip()[:20]!r} is not arithmetic; use numbers and + - * / // % **."
            )
        number, word, sign = match.groups()
        if number and sum(map(str.isdigit, number)) > MAX_NUMBER_DIGITS:
            raise TooLargeError(f"A number has more than {MAX_NUMBER_DIGITS} digits.")
        token = number or (word.lower() if word else sign)
        tokens.append(_SAME.get(token, token))
        position = match.end()
    if not tokens:
        raise InvalidInputError("The expression is empty; an example is 15% of 80.")
    return tokens


class _Parser:
    """Walks the tokens of one expression; `_percent` remembers whether the last product was a bare percent."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._percent = False

    def whole(self) -> Decimal:
        value = self._sum()
        if self._at < len(self._tokens):
            word = self._tokens[self._at]
            hint = "Write numbers without thousands separators." if word == "," else "An operator is missing before it."
            raise InvalidInputError(f"{word!r} was not expected there.", hint=hint)
        return value

    def _peek(self, ahead: int = 0) -> str:
        return self._tokens[self._at + ahead] if self._at + ahead < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str | None:
        if self._peek() in wanted and self._peek():
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _sum(self) -> Decimal:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooLargeError(f"The parentheses are nested deeper than {MAX_DEPTH}.")
        value = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            if self._percent:
                right *= value
            value = value + right if sign == "+" else value - right
        self._percent = False
        self._depth -= 1
        return value

    def _product(self) -> Decimal:
        value = self._sign()
        while sign := self._take("*", "/", "//", "%", "of"):
            value = _combined(value, sign, self._sign())
            self._percent = False
        return value

    def _sign(self) -> Decimal:
        negative = False
        while sign := self._take("-", "+"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Decimal:
        base = self._percentage()
        if not self._take("**"):
            return base
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooLargeError(f"The powers are stacked deeper than {MAX_DEPTH}.")
        exponent = self._sign()
        self._depth -= 1
        self._percent = False
        # 9**9**9 would take all memory there is.
        if abs(exponent) > MAX_POWER:
            raise TooLargeError(f"The exponent is over the limit of {MAX_POWER}.")
        return base**exponent

    def _percentage(self) -> Decimal:
        value = self._atom()
        self._percent = False
        if self._peek() == "%" and not self._starts_operand(self._peek(1)):
            self._at += 1
            self._percent = True
            return value / 100
        return value

    @staticmethod
    def _starts_operand(token: str) -> bool:
        return bool(token) and (token[0].isdigit() or token[0] in ".(" or token in _CONSTANTS or token in _FUNCTIONS)

    def _atom(self) -> Decimal:
        word = self._peek()
        self._at += 1
        if word and (word[0].isdigit() or word[0] == "."):
            return Decimal(word)
        if word in _CONSTANTS:
            return +_CONSTANTS[word]
        if word in _FUNCTIONS:
            return self._call(word)
        if word == "(":
            value = self._sum()
            self._close()
            return value
        if not word:
            raise InvalidInputError("The expression ends where a number should follow.")
        known = ", ".join([*_FUNCTIONS, *_CONSTANTS])
        raise InvalidInputError(f"{word!r} is not known there; a number is, and {known}.")

    def _call(self, name: str) -> Decimal:
        function, least, most = _FUNCTIONS[name]
        if not self._take("("):
            raise InvalidInputError(f"{name} needs parentheses, such as {name}(2).")
        values = [self._sum()]
        while self._take(","):
            values.append(self._sum())
        self._close()
        if not least <= len(values) <= most:
            raise InvalidInputError(f"{name} takes {least} to {most} values, not {len(values)}.")
        return function(*values)

    def _close(self) -> None:
        if not self._take(")"):
            raise InvalidInputError("A closing parenthesis is missing.")


def _combined(left: Decimal, sign: str, right: Decimal) -> Decimal:
    if sign in {"*", "of"}:
        return left * right
    if sign == "/":
        return left / right
    quotient, remainder = divmod(left, right)
    # Decimal cuts towards zero; people, and Python with integers, round down: -7 // 2 is -4.
    if remainder and (remainder < 0) != (right < 0):
        quotient, remainder = quotient - 1, remainder + right
    return quotient if sign == "//" else remainder
