from datetime import date, time

import pytest

from agentnet.errors import InvalidInputError
from mcp_servers.toolbox.clock import calendar_distance, find_zone, parse_date, parse_time, weekdays_between


@pytest.mark.parametrize(
    ("said", "proper"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("new york", "America/New_York"),
        ("europe/berlin", "Europe/Berlin"),
        ("San Francisco, USA", "America/Los_Angeles"),
        ("Mumbai", "Asia/Kolkata"),
        ("UTC+5:30", "UTC+05:30"),
    ],
)
def test_a_zone_is_found_by_what_people_call_it(said, proper):
    assert find_zone(said)[0] == proper


def test_a_misspelt_zone_brings_the_nearest_names():
    with pytest.raises(InvalidInputError, match="Asia/Tokyo"):
        find_zone("Tokio")


@pytest.mark.parametrize(("said", "meant"), [("2:30 pm", time(14, 30)), ("12am", time(0)), ("9:05", time(9, 5))])
def test_a_time_of_day_is_read_as_people_write_it(said, meant):
    assert parse_time(said) == meant


@pytest.mark.parametrize("read", [parse_time, parse_date])
def test_what_is_no_moment_is_refused_with_an_example(read):
    with pytest.raises(InvalidInputError, match="is one"):
        read("soonish")


def test_distances_know_the_lengths_of_months():
    assert calendar_distance(date(2024, 1, 31), date(2024, 3, 1)) == (0, 1, 1)
    assert weekdays_between(date(2026, 7, 27), date(2026, 8, 3)) == 5
