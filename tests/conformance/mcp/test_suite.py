"""What counts as a failure of the official suite; the suite itself is not run here."""

import json
from pathlib import Path

import pytest

from tests.conformance.mcp import suite


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    required = {"ping": True, "tools-list": True, "tasks-lifecycle": False}
    monkeypatch.setattr(suite, "requirements", lambda _revision: required)
    return tmp_path


def ran(results: Path, scenario: str, *statuses: str) -> None:
    directory = results / f"server-{scenario}-2026-11-21T04-53-43-817Z"
    directory.mkdir()
    checks = [{"id": f"check-{number}", "status": status} for number, status in enumerate(statuses)]
    (directory / "checks.json").write_text(json.dumps(checks))


def outcome_of(results: Path) -> suite.Outcome:
    return suite.Outcome("2026-07-28", tuple(suite.scenarios("2026-07-28", results, "")))


def test_notes_and_checks_that_the_suite_leaves_out_are_no_failures(results: Path) -> None:
    for scenario in ("ping", "tools-list", "tasks-lifecycle"):
        ran(results, scenario, "SUCCESS", "INFO", "SKIPPED")
    outcome = outcome_of(results)
    assert not outcome.failures
    assert outcome.summary == "2/2 required, 3/3 in all, 3/3 checks"


def test_a_warning_is_a_failure_and_an_extension_counts(results: Path) -> None:
    ran(results, "ping", "SUCCESS", "WARNING")
    ran(results, "tools-list", "SUCCESS")
    ran(results, "tasks-lifecycle", "FAILURE")
    outcome = outcome_of(results)
    assert [line.split(":")[0] for line in outcome.failures] == ["ping", "tasks-lifecycle"]
    assert outcome.summary == "1/2 required, 1/3 in all, 2/4 checks"
    assert "check-1: warning" in outcome.table


def test_a_scenario_that_left_no_result_is_a_failure(results: Path) -> None:
    ran(results, "ping", "SUCCESS")
    ran(results, "tasks-lifecycle", "SUCCESS")
    assert outcome_of(results).failures == ["tools-list: it was not run"]
