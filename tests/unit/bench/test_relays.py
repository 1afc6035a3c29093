"""What the benchmarks of relays make of their samples; nothing is measured here."""

import pytest

from bench import a2a_relay, mcp_relay
from bench.a2a_load import Binding, Operation
from bench.mcp_load import LEGACY
from bench.mcp_relay import DIRECT, FORGE, JSON, OURS

CASE = (Operation.GET, Binding.REST)


def mcp_sample(rate: float) -> mcp_relay.Sample:
    return mcp_relay.Sample(rate, p50=1.0, p99=2.0, cpu_ms=1000 / rate, load_share=0.1, errors=0)


def a2a_sample(rate: float, gateway_ms: float) -> a2a_relay.Sample:
    return a2a_relay.Sample(rate, 1.0, 2.0, agent_ms=0.2, gateway_ms=gateway_ms, database_ms=0.1, load_share=0.1)


@pytest.mark.parametrize(
    ("direct", "ours", "reached"),
    [
        (3000, 2000, True),  # 20 times
        (3000, 1990, False),
        (1800, 1800, True),  # 18 times, and the server itself does no more
        (1800, 1790, False),
    ],
)
def test_contextforge_is_to_be_left_behind_as_far_as_the_server_goes(direct: float, ours: float, reached: bool) -> None:
    rates = {DIRECT: direct, OURS: ours, FORGE: 100.0}
    samples = {((name, LEGACY), 16): [mcp_sample(rate)] for name, rate in rates.items()}
    verdict = mcp_relay.against_forge(samples, LEGACY, LEGACY, JSON)
    assert verdict.reached is reached
    assert f"direct is {direct / 100:.1f}" in verdict.measured


@pytest.mark.parametrize(("ours", "reached"), [(600, True), (590, False)])
@pytest.mark.parametrize("concurrency", [16, 1])
def test_the_mcp_relay_has_its_share_of_the_direct_rate_at_both_concurrencies(
    ours: float, reached: bool, concurrency: int
) -> None:
    rates = {DIRECT: 1000.0, OURS: ours}
    samples = {((name, LEGACY), concurrency): [mcp_sample(rate)] for name, rate in rates.items()}
    verdict = mcp_relay.against_direct(samples, LEGACY, JSON, concurrency)
    assert verdict.reached is reached
    assert f"{concurrency} concurrent" in verdict.what


@pytest.mark.parametrize(("rate", "reached"), [(750, True), (740, False)])
def test_the_a2a_relay_is_judged_by_its_rate_and_says_its_share_by_cpu_too(rate: float, reached: bool) -> None:
    samples = {
        (CASE, a2a_relay.DIRECT, 16): [a2a_sample(1000, 0.0)],
        (CASE, a2a_relay.RELAYED, 16): [a2a_sample(rate, 0.1)],
    }
    verdict = a2a_relay.verdict_of(samples, CASE)
    assert verdict.reached is reached
    assert verdict.measured == f"{rate / 1000:.3f} (by CPU 0.750)"
