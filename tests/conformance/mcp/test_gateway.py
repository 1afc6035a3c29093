"""The official suite through the gateway: one replica, two behind a round-robin relay, and with authentication on."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.conformance.mcp.conftest import Report
from tests.conformance.mcp.gateways import AMONG_OTHERS, CLOSED, OPEN, SERVER, Gateways, gateways
from tests.conformance.mcp.processes import fixture_running
from tests.conformance.mcp.relay import relaying
from tests.conformance.mcp.suite import CHECKS, REVISIONS, run_suite
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
LEGACY = REVISIONS[0]
every_revision = pytest.mark.parametrize("revision", REVISIONS)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def two(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, anyio_backend: str
) -> AsyncIterator[Gateways]:
    home = tmp_path_factory.mktemp("gateways")
    async with AsyncExitStack() as stack:
        fixture_url = await stack.enter_async_context(fixture_running())
        yield await stack.enter_async_context(gateways(home, database_url, fixture_url, replicas=2))


@every_revision
async def test_the_gateway_loses_no_check(two: Gateways, revision: str, report: Report) -> None:
    outcome = await run_suite(f"{two.urls[0]}/mcp/{OPEN}", revision)
    report("gateway", outcome)
    assert not outcome.failures
    assert outcome.passed == CHECKS[revision]


@every_revision
async def test_two_replicas_answer_as_one(two: Gateways, revision: str, report: Report) -> None:
    async with relaying(two.urls) as url:
        outcome = await run_suite(f"{url}/mcp/{OPEN}", revision)
    report("two gateways in turn", outcome)
    assert not outcome.failures
    assert outcome.passed == CHECKS[revision]


@every_revision
async def test_two_replicas_lose_no_check_with_authentication(two: Gateways, revision: str, report: Report) -> None:
    async with relaying(two.urls, {"authorization": f"Bearer {two.key}"}) as url:
        outcome = await run_suite(f"{url}/mcp/{CLOSED}", revision)
    report("two gateways in turn, authenticated", outcome)
    assert not outcome.failures
    assert outcome.passed == CHECKS[revision]


@every_revision
async def test_two_replicas_that_aggregate_lose_no_check(two: Gateways, revision: str, report: Report) -> None:
    async with relaying(two.urls, prefix=f"{SERVER}__") as url:
        outcome = await run_suite(f"{url}/mcp/{AMONG_OTHERS}", revision)
    report("two gateways in turn that aggregate", outcome)
    assert not outcome.failures
    # The aggregate answers a list in plain JSON, so the suite has no event streams to look into.
    assert outcome.passed == CHECKS[revision] - (revision == LEGACY)


async def test_a_caller_without_a_key_is_refused_where_no_profile_admits_it(two: Gateways) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with httpx.AsyncClient(base_url=two.urls[0], trust_env=False, timeout=PATIENCE_SECONDS) as client:
        for path in ("/mcp", f"/mcp/{CLOSED}"):
            assert (await client.post(path, json=message)).status_code == 401
