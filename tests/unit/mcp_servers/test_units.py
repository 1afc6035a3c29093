import pytest

from agentnet.errors import InvalidInputError
from mcp_servers.toolbox.units import convert


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (32, "fahrenheit", "celsius", 0),
        (100, "C", "F", 212),
        (5, "Miles", "km", 8.04672),
        (100, "km/h", "mph", 62.1371192237),
        (1, "sq ft", "m^2", 0.09290304),
        (1, "GB", "MB", 1000),
    ],
)
def test_units_are_converted(value, source, target, result):
    assert convert(value, source, target)[0] == result


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        ("kg", "m", "must measure the same"),
        ("foo", "m", "is not known"),
        ("9**9**9**9 m", "m", "is not a unit"),
        ("m**99999999", "m", "is not a unit"),
        ("m" * 61, "m", "at most 60"),
    ],
)
def test_a_wrong_unit_is_refused_in_a_sentence(source, target, sentence):
    with pytest.raises(InvalidInputError, match=sentence):
        convert(1, source, target)


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (12, "US gallons", "litres", 45.424941408),
        (1, "U.S. gallon", "litre", 3.785411784),
        (1, "American gallon", "litre", 3.785411784),
        (1, "imperial gallon", "litres", 4.54609),
        (2, "us pints", "ml", 946.352946),
        (1, "us cup", "us fluid ounces", 8),
        (1, "gallon", "US gallons", 1),
    ],
)
def test_units_of_the_united_states_are_told_from_the_imperial_ones(value, source, target, result):
    assert convert(value, source, target)[0] == pytest.approx(result)
