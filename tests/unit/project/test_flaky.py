"""The plugin that runs what failed once more, on test folders made for it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flaky import MOST_RERUN

ROOT = Path(__file__).parents[3]

PASSES = """
def test_passes():
    pass
"""
FLAKY = """
from pathlib import Path

def test_flaky():
    seen = Path(__file__).with_name("seen")
    was_seen = seen.exists()
    seen.touch()
    assert was_seen, "not the first time"
"""
FLAKY_FIXTURE = """
from pathlib import Path
import pytest

@pytest.fixture
def late():
    yield
    seen = Path(__file__).with_name("torn down")
    was_seen = seen.exists()
    seen.touch()
    assert was_seen, "not the first time"

@pytest.mark.parametrize("word", ["a b::c[d]"])
def test_with_a_fixture(late, word):
    pass
"""
FAILS_TWICE = """
def test_fails():
    assert False, "never"
"""
SKIPPED_THEN = """
from pathlib import Path
import pytest

def test_is_skipped_then():
    seen = Path(__file__).with_name("skipped")
    if seen.exists():
        pytest.skip("not twice")
    seen.touch()
    assert False, "the first time"
"""
CRASHES = """
import os

def test_crashes():
    os._exit(3)
"""
WRONG = "import nothing_of_that_name\n"
INTERRUPTS = """
import pytest

def test_interrupts():
    pytest.exit("enough")
"""


@dataclass(frozen=True)
class Ended:
    code: int
    output: str

    @property
    def flaky(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("FLAKY ")]

    @property
    def last(self) -> str:
        return self.output.splitlines()[-1]

    @property
    def is_rerun(self) -> bool:
        return "once more, alone" in self.output


def run(folder: Path, *options: str, **files: str) -> Ended:
    """A run over `files` with two processes, unless `options` say otherwise."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q\n")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.flaky", "-n", "2", *options],
        cwd=folder,
        env=environment
        | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist"},
        capture_output=True,
        text=True,
    )
    return Ended(done.returncode, done.stdout + done.stderr)


def test_a_run_in_which_all_passes_runs_nothing_again(tmp_path: Path) -> None:
    ended = run(tmp_path, passes=PASSES)
    assert (ended.code, ended.flaky, ended.is_rerun) == (0, [], False), ended.output


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_passes_alone_is_flaky_and_the_run_is_green(tmp_path: Path, processes: str) -> None:
    ended = run(tmp_path, "-n", processes, passes=PASSES, flaky=FLAKY, fixture=FLAKY_FIXTURE)
    assert ended.code == 0, ended.output
    assert sorted(ended.flaky) == [
        "FLAKY test_fixture.py::test_with_a_fixture[a b::c[d]]",
        "FLAKY test_flaky.py::test_flaky",
    ]
    assert "AssertionError: not the first time" in ended.output
    assert "2 flaky" in ended.last
    assert "failed" not in ended.last


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_fails_again_fails_the_run_and_the_flaky_are_told_all_the_same(tmp_path: Path, processes: str) -> None:
    ended = run(tmp_path, "-n", processes, passes=PASSES, flaky=FLAKY, fails=FAILS_TWICE)
    assert ended.code == 1, ended.output
    assert ended.flaky == ["FLAKY test_flaky.py::test_flaky"]
    assert "FAILED test_fails.py::test_fails" in ended.output
    assert "1 failed" in ended.last
    assert "1 flaky" in ended.last


@pytest.mark.parametrize("again", [SKIPPED_THEN, CRASHES], ids=["skipped", "crashes"])
def test_what_does_not_pass_alone_has_not_passed(tmp_path: Path, again: str) -> None:
    ended = run(tmp_path, passes=PASSES, again=again)
    assert (ended.code, ended.flaky, ended.is_rerun) == (1, [], True), ended.output


@pytest.mark.parametrize("more", [{"wrong": WRONG}, {"interrupts": INTERRUPTS}], ids=["collection", "interrupted"])
@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_run_that_was_not_whole_stays_red(tmp_path: Path, more: dict[str, str], processes: str) -> None:
    ended = run(tmp_path, "-n", processes, flaky=FLAKY, **more)
    assert ended.code in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED), ended.output
    assert (ended.flaky, ended.is_rerun) == ([], False), ended.output


def test_an_error_of_collection_that_was_passed_over_stays_red(tmp_path: Path) -> None:
    ended = run(tmp_path, "--continue-on-collection-errors", flaky=FLAKY, wrong=WRONG)
    assert (ended.code, ended.flaky, ended.is_rerun) == (1, [], False), ended.output


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_run_that_ended_at_its_first_failure_stays_red(tmp_path: Path, processes: str) -> None:
    ended = run(tmp_path, "-n", processes, "-x", flaky=FLAKY, passes=PASSES)
    assert ended.code != 0, ended.output
    assert (ended.flaky, ended.is_rerun) == ([], False), ended.output


@pytest.mark.parametrize(("count", "is_rerun"), [(MOST_RERUN, True), (MOST_RERUN + 1, False)])
def test_only_few_failures_are_run_again(tmp_path: Path, count: int, is_rerun: bool) -> None:
    many = (
        f"import pytest\n\n@pytest.mark.parametrize('number', range({count}))\ndef test_it(number):\n    assert False\n"
    )
    ended = run(tmp_path, many=many)
    assert (ended.code, ended.flaky, ended.is_rerun) == (1, [], is_rerun), ended.output
