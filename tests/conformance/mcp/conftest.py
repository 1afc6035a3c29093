"""Shows the suite's tables at the end of the run."""

from collections.abc import Callable

import pytest

from tests.conformance.mcp.suite import Outcome

Report = Callable[[str, Outcome], None]
OUTCOMES = pytest.StashKey[list[tuple[str, Outcome]]]()


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    """Keep an outcome for the end of the run."""

    def keep(leg: str, outcome: Outcome) -> None:
        pytestconfig.stash.setdefault(OUTCOMES, []).append((leg, outcome))

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A line for each leg and revision, and the whole table of those that failed."""
    outcomes = config.stash.get(OUTCOMES, [])
    if not outcomes:
        return
    terminalreporter.section("MCP conformance")
    for leg, outcome in outcomes:
        terminalreporter.line(f"{leg}, {outcome.revision}: {outcome.summary}")
        if outcome.failures:
            terminalreporter.line(outcome.table)
