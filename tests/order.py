"""A pytest plugin: files that take long come first, so that processes which take whole files end at about one time.

`-p tests.order` switches it on; `--record-durations` writes anew how long they take.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

DURATIONS = Path(__file__).with_name("durations.json")
LEAST_SECONDS = 2
"""Files that take less are not recorded: it matters little when they come."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("order").addoption("--record-durations", action="store_true", help=f"write {DURATIONS.name} anew")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(), "agentnet-durations")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds: dict[str, int] = json.loads(DURATIONS.read_text())
    items.sort(key=lambda item: -seconds.get(file_of(item.nodeid), 0))


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


class Recorder:
    """Adds up what the tests of each file take, with their fixtures."""

    def __init__(self) -> None:
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[file_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK:
            recorded = {file: round(taken) for file, taken in sorted(self._seconds.items()) if taken >= LEAST_SECONDS}
            DURATIONS.write_text(json.dumps(recorded, indent=2) + "\n")
