"""The plugin that starts with the files that take longest."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import order


@pytest.fixture
def durations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "durations.json"
    path.write_text('{"b.py": 5, "c.py": 50}')
    monkeypatch.setattr(order, "DURATIONS", path)
    return path


def test_long_files_come_first_and_the_tests_of_a_file_stay_together_in_their_order(durations: Path) -> None:
    items: list[Any] = [
        SimpleNamespace(nodeid=name) for name in ("a.py::1", "b.py::2", "b.py::1", "c.py::1", "d.py::1")
    ]
    order.pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == ["c.py::1", "b.py::2", "b.py::1", "a.py::1", "d.py::1"]


@pytest.mark.parametrize(
    ("status", "recorded"),
    [(pytest.ExitCode.OK, {"a.py": 3}), (pytest.ExitCode.TESTS_FAILED, {"b.py": 5, "c.py": 50})],
    ids=["green", "red"],
)
def test_a_green_run_records_what_takes_long(durations: Path, status: int, recorded: dict[str, int]) -> None:
    recorder = order.Recorder()
    for file, seconds in (("a.py", 1.6), ("a.py", 1.5), ("b.py", 0.1)):
        recorder.pytest_runtest_logreport(SimpleNamespace(nodeid=f"{file}::test", duration=seconds))  # type: ignore[arg-type]
    recorder.pytest_sessionfinish(status)
    assert json.loads(durations.read_text()) == recorded
