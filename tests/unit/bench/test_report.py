"""The statistics and the report of the benchmarks; nothing is measured here."""

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.report import Bars, Result, Table, Verdict, write
from bench.statistics import Spread, number, percentile, ratios


def result(name: str = "sending", reached: bool = True) -> Result:
    spread = Spread(12.0, 10.0, 15.0)
    return Result(
        name,
        f"Title of {name}",
        tables=[Table("A table", ("server", "req/s", "count", "none"), (("agentnet", spread, 1200, None),))],
        verdicts=[Verdict(f"verdict of {name}", "at least 20 times", "24 times", reached)],
        bars=[Bars("Rate <now>", "req/s", (("agentnet", spread), ("none", Spread.of([]))))],
        notes=["A note."],
        facts={"cores": 2, "missing": math.nan},
    )


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_a_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 0.5))


def test_ratios_are_taken_within_a_round_so_that_drift_does_not_count() -> None:
    assert ratios([10, 20, 40], [5, 10, 20]) == Spread(2, 2, 2)


def test_a_ratio_over_nothing_is_left_out() -> None:
    assert ratios([10, 20], [0, 10]) == Spread(2, 2, 2)


def test_a_spread_says_its_median_least_and_most() -> None:
    assert str(Spread.of([3, 1, 2])) == "2.00 (1.00–3.00)"
    assert str(Spread.of([2])) == "2.00"
    assert str(Spread.of([])) == "–"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.01234, "0.0123"), (1.234, "1.23"), (99.94, "99.9"), (12345.6, "12,346")]
)
def test_a_number_has_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_the_report_has_a_table_a_verdict_and_the_facts(tmp_path: Path) -> None:
    write([result(reached=False)], tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "| verdict of sending | at least 20 times | 24 times | **no** |" in page
    assert "| agentnet | 12.0 (10.0–15.0) | 1,200 | – |" in page
    assert "cores: 2" in page
    assert "A note." in page


def test_the_picture_is_xml_even_where_a_title_has_brackets(tmp_path: Path) -> None:
    write([result()], tmp_path)
    picture = ET.fromstring((tmp_path / "results.svg").read_text())
    assert any("Rate <now>" in (element.text or "") for element in picture.iter())


def test_a_benchmark_that_did_not_run_this_time_keeps_its_figures(tmp_path: Path) -> None:
    write([result("sending"), result("reading")], tmp_path)
    write([result("reading", reached=False)], tmp_path)
    known = json.loads((tmp_path / "results.json").read_text())
    assert known["sending"]["verdicts"][0]["reached"] is True
    assert known["reading"]["verdicts"][0]["reached"] is False


def test_the_json_holds_no_value_that_json_does_not_know(tmp_path: Path) -> None:
    write([result()], tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["sending"]["facts"]["missing"] is None
