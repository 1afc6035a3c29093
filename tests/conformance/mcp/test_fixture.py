"""The official suite against the fixture itself: what a leg through the gateway is measured by."""

import pytest

from tests.conformance.mcp.conftest import Report
from tests.conformance.mcp.processes import fixture_running
from tests.conformance.mcp.relay import relaying
from tests.conformance.mcp.suite import CHECKS, REVISIONS, run_suite

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}


@pytest.mark.parametrize("revision", REVISIONS)
async def test_the_fixture_passes_every_check(revision: str, report: Report) -> None:
    async with fixture_running() as url:
        outcome = await run_suite(f"{url}/mcp", revision)
    report("fixture", outcome)
    assert not outcome.failures
    assert outcome.passed == CHECKS[revision]
    assert sum(scenario.required for scenario in outcome.scenarios) == REQUIRED[revision]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_the_relay_of_the_tests_loses_no_check(revision: str, report: Report) -> None:
    async with fixture_running() as url, relaying([url, url], {"x-added": "by the relay"}) as relay:
        outcome = await run_suite(f"{relay}/mcp", revision)
    report("fixture behind the relay", outcome)
    assert not outcome.failures
    assert outcome.passed == CHECKS[revision]
