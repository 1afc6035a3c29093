import pytest

from agentnet.errors import InvalidInputError, TooLargeError
from mcp_servers.toolbox.arithmetic import calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("15% of 80", "12"),
        ("200 + 10%", "220"),
        ("10 % 3", "1"),
        ("-7 % 3", "2"),
        ("-7 // 2", "-4"),
        ("-2 ** 2", "-4"),
        ("2 ** 3 ** 2", "512"),
        ("2^200", str(2**200)),
        ("round(2.345, 2)", "2.35"),
        ("max(1, min(5, 9), sqrt(4))", "5"),
        ("10 ** 9999", "1E+9999"),
    ],
)
def test_arithmetic_is_exact(expression, value):
    answer = calculate(expression)
    assert (answer.text, answer.exact) == (value, True)


def test_digits_that_were_cut_off_are_told():
    assert not calculate("1/3").exact


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("1/0", "divides by zero"),
        ("sqrt(-1)", "no real value"),
        ("1,234 * 5", "without thousands separators"),
        ("(1", "closing parenthesis"),
        ("", "empty"),
        ("__import__('os')", "is not arithmetic"),
        ("open(1)", "'open' is not known"),
        ("2 +", "ends where a number"),
    ],
)
def test_a_wrong_expression_is_told_what_would_be_right(expression, sentence):
    with pytest.raises(InvalidInputError, match=sentence):
        calculate(expression)


@pytest.mark.parametrize("expression", ["9**9**9", "10**9999*10**9999", "(" * 60 + "1", "1+" * 300 + "1", "1" * 101])
def test_every_size_has_a_limit(expression):
    with pytest.raises(TooLargeError):
        calculate(expression)
