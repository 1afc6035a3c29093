"""A pytest plugin: what failed is run once more at the end, alone and in one process. `-p tests.flaky` switches it on.

A test that passes then is flaky: it is told of and does not fail the run. One that fails again fails it, and so do
more than `MOST_RERUN` failures, an error of collection, and a run that was broken off: those are not run again.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MOST_RERUN = 20
OPTION = "--tell-outcomes"
NAME = "agentnet-flaky"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("flaky")
    group.addoption(OPTION, type=Path, help="write what became of each test to this file, and run none again")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    told: Path | None = config.getoption(OPTION)
    config.pluginmanager.register(Told(told) if told else Flaky(config), NAME)


class Told:
    """In the process that runs them again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed: set[str] = set()
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.passed and report.when == "call":
            self._passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps(sorted(self._passed - self._failed)))


class Flaky:
    """In the process that reports on all."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[str, list[pytest.TestReport]] = {}
        self._is_collected = True
        self._flaky: dict[str, list[pytest.TestReport]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._is_collected &= not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.setdefault(report.nodeid, []).append(report)

    # Innermost, so that the processes of xdist are gone and nothing has been summed up.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        yield
        if session.exitstatus != pytest.ExitCode.TESTS_FAILED or session.shouldfail or session.shouldstop:
            return
        if self._is_collected and 0 < len(self._failed) <= MOST_RERUN:
            passed = self._run_again()
            self._flaky = {test: reports for test, reports in self._failed.items() if test in passed}
            self._forgive()
            if len(self._flaky) == len(self._failed):
                session.exitstatus = pytest.ExitCode.OK

    def _run_again(self) -> set[str]:
        """Those that pass now. What the process says is shown."""
        self._write_title(f"{len(self._failed)} failed: once more, alone")
        with tempfile.TemporaryDirectory() as folder:
            outcomes = Path(folder) / "outcomes.json"
            where = ["--rootdir", str(self._config.rootpath)]
            if self._config.inipath is not None:
                where += ["-c", str(self._config.inipath)]
            options = ["-p", __name__, OPTION, str(outcomes), "-p", "no:cacheprovider"]
            if self._config.pluginmanager.hasplugin("xdist"):
                options += ["-n", "0"]
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *where, *options, *self._failed],
                cwd=self._config.rootpath,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self._write(done.stdout)
            whole = done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            return set(json.loads(outcomes.read_text())) if whole and outcomes.exists() else set()

    def _forgive(self) -> None:
        """Have the flaky ones summed up under their own name."""
        if terminal := self._terminal:
            for name in ("failed", "error"):
                kept = [report for report in terminal.stats.pop(name, []) if report.nodeid not in self._flaky]
                if kept:
                    terminal.stats[name] = kept
            if self._flaky:
                terminal.stats["flaky"] = [reports[0] for reports in self._flaky.values()]

    def pytest_terminal_summary(self) -> None:
        if not self._flaky:
            return
        self._write_title("failed, and passed alone")
        for reports in self._flaky.values():
            for report in reports:
                self._write(f"{report.longreprtext}\n")
        for test in self._flaky:
            self._write(f"FLAKY {test}\n")

    @property
    def _terminal(self) -> pytest.TerminalReporter | None:
        found: pytest.TerminalReporter | None = self._config.pluginmanager.get_plugin("terminalreporter")
        return found

    def _write_title(self, title: str) -> None:
        if terminal := self._terminal:
            terminal.ensure_newline()
            terminal.write_sep("=", title)

    def _write(self, text: str) -> None:
        if terminal := self._terminal:
            terminal.write(text, flush=True)
