"""Percent in words: worked out right, or not at all."""

import pytest

from mcp_servers.toolbox.arithmetic import calculate
from offline_model.language.quantities import expression_in

RIGHT = {
    "What is 30% more than 50?": 65,
    "What is 30 percent higher than 50?": 65,
    "thirty percent bigger than fifty": 65,
    "5 % above 40": 42,
    "30 percent less than 50": 35,
    "What is 5% less than 1,000?": 950,
    "12.5% lower than 80": 70,
    "40 percent fewer than 10": 6,
    "30% cheaper than $50": 35,
    "10% below 90": 81,
    "What is twenty percent off 80?": 64,
    "Take 20% off 150.": 120,
    "20% off of 60 dollars": 48,
    "What is twenty-five percent of 80?": 20,
    "forty five per cent of 200": 90,
    "fifteen percent of 60": 9,
    "ninety-nine percent more than 100": 199,
    "Add VAT of 19% to 100 euros.": 119,
    "add 5 percent to 20": 21,
    "Subtract 15% from 200.": 170,
    "150 less 10%": 135,
    "What is 80 increased by 25%?": 100,
    "80 reduced by 10 percent": 72,
    "Raise 200 by ten percent": 220,
    "sixty-two plus thirty-eight": 100,
    "What is 200 plus 10%?": 220,
}


@pytest.mark.parametrize("text", RIGHT)
def test_a_percentage_in_words_is_worked_out(text: str) -> None:
    expression = expression_in(text)
    assert expression is not None
    assert float(calculate(expression.rstrip(".")).text) == RIGHT[text]


@pytest.mark.parametrize(
    "text",
    [
        "50% more than 30% of 200",
        "30% more than 50%",
        "What is 30% more than 50 percent?",
        "By how many percent is 120 more than 96?",
        "one third more than 60",
        "25 is 20% of what?",
        "half a percent of 200",
        "percent change from 80 to 100",
        "What do I pay for 80 at 25% off?",
        "100 minus 20 minus 30%",
        "What is 10% more than 50 and 20% less than 70?",
    ],
)
def test_what_is_not_understood_is_not_worked_out(text: str) -> None:
    assert expression_in(text) is None
