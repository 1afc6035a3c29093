import re
from datetime import date, time

import pytest

from agentnet.errors import InvalidInputError
from mcp_servers.toolbox.clock import calendar_distance, find_zone, moment, parse_date, parse_time, weekdays_between


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


@pytest.mark.parametrize(
    ("zone", "day", "at", "iso", "note"),
    [
        ("Berlin", date(2024, 3, 31), time(2, 30), "2024-03-31T03:30:00+02:00", "02:30 on .* 03:30 is taken"),
        ("New York", date(2024, 3, 10), time(2), "2024-03-10T03:00:00-04:00", "is not there"),
        ("Europe/London", date(2024, 3, 31), time(1, 59), "2024-03-31T02:59:00+01:00", "is not there"),
        ("Lord Howe", date(2024, 10, 6), time(2, 15), "2024-10-06T02:45:00+11:00", "02:45 is taken"),
        ("Apia", date(2011, 12, 30), time(12), "2011-12-31T12:00:00+14:00", "2011-12-31 12:00 is taken"),
        ("Berlin", date(2024, 10, 27), time(2, 30), "2024-10-27T02:30:00+02:00", "taken, UTC.02:00; .* UTC.01:00"),
        ("Sydney", date(2024, 4, 7), time(2, 30), "2024-04-07T02:30:00+11:00", "twice"),
        ("New York", date(2024, 11, 3), time(1, 0), "2024-11-03T01:00:00-04:00", "twice"),
        ("Berlin", date(2024, 3, 31), time(3), "2024-03-31T03:00:00+02:00", None),
        ("Berlin", date(2024, 10, 27), time(3), "2024-10-27T03:00:00+01:00", None),
        ("Tokyo", date(2024, 3, 31), time(2, 30), "2024-03-31T02:30:00+09:00", None),
        ("UTC+2", date(2024, 3, 31), time(2, 30), "2024-03-31T02:30:00+02:00", None),
    ],
)  # fmt: skip
def test_a_time_that_daylight_saving_skips_or_repeats_is_told(zone, day, at, iso, note):
    found, said = moment(day, at, *find_zone(zone))
    assert found.isoformat() == iso
    assert said is None if note is None else re.search(note, said)
