"""The official conformance suite, run against one address: `python -m tests.conformance.mcp.suite URL`."""

import asyncio
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

NODE_MODULES = Path(__file__).parents[1] / "node_modules"
NODE = NODE_MODULES / ".bin" / "node"
PACKAGE = NODE_MODULES / "@modelcontextprotocol" / "conformance"
REVISIONS = ("2025-11-25", "2026-07-28")
CHECKS = {"2025-11-25": 84, "2026-07-28": 196}
"""That pass against the fixture itself: a leg that comes to fewer has lost some without a failure."""
TIMEOUT_SECONDS = 480
PASSED = frozenset({"SUCCESS", "INFO", "SKIPPED"})
"""A check may note something or be left out by the suite; a warning is a failure here."""
DIRECTORY = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")


@dataclass(frozen=True, slots=True)
class Scenario:
    """How one scenario went."""

    name: str
    required: bool
    """Whether the revision requires it; the others are extensions and later additions."""
    passed: int
    failures: tuple[str, ...]
    """A line for each check that failed or warned."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one revision went against one address."""

    revision: str
    scenarios: tuple[Scenario, ...]

    @property
    def passed(self) -> int:
        """Checks that passed."""
        return sum(scenario.passed for scenario in self.scenarios)

    @property
    def failures(self) -> list[str]:
        """A line for each check that did not pass."""
        return [f"{scenario.name}: {line}" for scenario in self.scenarios for line in scenario.failures]

    @property
    def summary(self) -> str:
        """`30/30 required, 33/33 in all, 84/84 checks`."""
        required = [scenario for scenario in self.scenarios if scenario.required]
        return (
            f"{_whole(required)}/{len(required)} required, {_whole(self.scenarios)}/{len(self.scenarios)} in all, "
            f"{self.passed}/{self.passed + len(self.failures)} checks"
        )

    @property
    def table(self) -> str:
        """A line for each scenario, then what failed."""
        width = max(len(scenario.name) for scenario in self.scenarios)
        rows = [
            f"{scenario.name:<{width}}  {scenario.passed:>6}  {len(scenario.failures):>6}"
            for scenario in self.scenarios
        ]
        head = f"{self.revision:<{width}}  passed  failed"
        return "\n".join([head, *rows, self.summary, *(f"  {line}" for line in self.failures)])


async def run_suite(url: str, revision: str) -> Outcome:
    """Everything that `revision` has for servers. Raises `AssertionError` when the suite did not run to its end."""
    with tempfile.TemporaryDirectory(prefix="mcp-conformance-") as out:
        process = await asyncio.create_subprocess_exec(
            *(str(NODE), str(PACKAGE / "dist" / "index.js")),
            *("server", "--url", url, "--requirements", revision, "--output-dir", out),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                said, _ = await process.communicate()
        except TimeoutError:
            raise AssertionError(f"the suite did not end within {TIMEOUT_SECONDS} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Outcome(revision, tuple(scenarios(revision, Path(out), said.decode(errors="replace"))))


def scenarios(revision: str, out: Path, said: str) -> Iterable[Scenario]:
    """In the order of the requirements. One that left no result was not run, which is a failure too."""
    checks = {
        match[1]: json.loads((directory / "checks.json").read_text())
        for directory in out.iterdir()
        if (match := DIRECTORY.fullmatch(directory.name))
    }
    assert checks, f"the suite left no results:\n{said[-2000:]}"
    for name, required in requirements(revision).items():
        yield _scenario(name, required, checks.get(name))


def requirements(revision: str) -> dict[str, bool]:
    """Scenarios that the suite runs against a server of `revision`, and whether the revision requires them."""
    lists: dict[str, Any] = yaml.safe_load((PACKAGE / "requirements" / f"{revision}.yaml").read_text())
    others = [entry["scenario"] for entry in lists["not_scored"] if entry["leg"] == "server"]
    return dict.fromkeys(lists["server"], True) | dict.fromkeys(others, False)


def _scenario(name: str, required: bool, checks: list[dict[str, Any]] | None) -> Scenario:
    if checks is None:
        return Scenario(name, required, 0, ("it was not run",))
    counted = Counter(check["status"] for check in checks)
    failures = tuple(
        f"{check['id']}: {check['status'].lower()}: {check.get('errorMessage', 'no reason given')}"
        for check in checks
        if check["status"] not in PASSED
    )
    return Scenario(name, required, counted["SUCCESS"], failures)


def _whole(scenarios: Iterable[Scenario]) -> int:
    return sum(not scenario.failures for scenario in scenarios)


async def main(url: str) -> int:
    """Run both revisions and print the tables; 1 when anything failed."""
    outcomes = [await run_suite(url, revision) for revision in REVISIONS]
    print("\n\n".join(outcome.table for outcome in outcomes))
    return int(any(outcome.failures for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
