"""MCP tools/list of a network with 50 servers and 1,000 tools: cold once, then warm."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.load import LoadError
from bench.mcp_load import LEGACY, MODERN, Address, Session, sessions
from bench.mcp_network import LISTED, gateway, upstreams
from bench.meter import metered
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Result, Table, Verdict
from bench.statistics import Spread, percentile

SERVERS = 50
TOOLS_EACH = 20
TOOLS = SERVERS * TOOLS_EACH
LISTS = 100
"""In one sample."""
WARM_MS = 5.0
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Warm lists of one generation in one round."""

    p50: float
    p99: float
    cpu_ms: float
    kib: float


async def run(plan: Plan) -> Result:
    """Both generations in turn, round by round."""
    samples: dict[str, list[Sample]] = {MODERN: [], LEGACY: []}
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(upstreams(SERVERS, TOOLS_EACH))
        urls = {f"library{number:02}": f"http://127.0.0.1:{upstream.port}/{number}/mcp" for number in range(SERVERS)}
        server = await stack.enter_async_context(gateway(plan.bed, urls))
        cold = await _cold(Address(server, f"/mcp/{LISTED}", MODERN))
        plan.say(f"  cold: {cold * 1000:.0f} ms")
        for number in range(plan.pick(10, 4)):
            for version, taken in samples.items():
                sample = await _sample(plan, server, Address(server, f"/mcp/{LISTED}", version))
                taken.append(sample)
                plan.say(f"  round {number + 1}, {version}: p50 {sample.p50:.2f} ms, {sample.cpu_ms:.2f} ms CPU")
    return _result(samples, cold)


async def _cold(address: Address) -> float:
    """Seconds of the first list that is whole."""
    async with sessions(address, 1) as (client,):
        began = time.monotonic()
        while len((listed := await client.list_tools()).names) < TOOLS:
            if time.monotonic() - began > READY_SECONDS:
                raise LoadError(f"Only {len(listed.names)} tools are listed.")
    return listed.seconds


async def _sample(plan: Plan, server: Server, address: Address) -> Sample:
    async with sessions(address, 1) as (client,):
        await client.list_tools()
        with metered(plan.bed, server) as usage:
            listed = [await _whole(client) for _ in range(LISTS)]
    return Sample(
        p50=percentile([seconds for seconds, _ in listed], 0.5) * 1000,
        p99=percentile([seconds for seconds, _ in listed], 0.99) * 1000,
        cpu_ms=usage.server / LISTS * 1000,
        kib=listed[0][1] / 1024,
    )


async def _whole(client: Session) -> tuple[float, int]:
    """Seconds and bytes of one list. Raises `LoadError` when it is not whole."""
    listed = await client.list_tools()
    if len(set(listed.names)) < TOOLS:
        raise LoadError(f"Only {len(set(listed.names))} tools are listed.")
    return listed.seconds, listed.size


def _result(samples: dict[str, list[Sample]], cold: float) -> Result:
    result = Result("mcp_list", f"MCP tools/list, {SERVERS} servers with {TOOLS:,} tools")
    rows = tuple(
        (
            f"agentnet, {version}",
            Spread.of([item.p50 for item in taken]),
            Spread.of([item.p99 for item in taken]),
            Spread.of([item.cpu_ms for item in taken]),
            Spread.of([item.kib for item in taken]),
        )
        for version, taken in samples.items()
    )
    result.tables.append(Table("Warm, one client", ("server", "p50 ms", "p99 ms", "CPU ms", "KiB"), rows))
    p50 = {version: Spread.of([item.p50 for item in taken]) for version, taken in samples.items()}
    values = tuple((f"agentnet, {version}", spread) for version, spread in p50.items())
    result.bars.append(Bars(f"MCP tools/list, {TOOLS:,} tools, warm", "ms", values))
    result.verdicts = [
        Verdict(
            f"{result.title}, warm, {version}: p50", f"under {WARM_MS:g} ms", f"{spread} ms", spread.median < WARM_MS
        )
        for version, spread in p50.items()
    ]
    result.notes = [f"The first whole list, for which every server is asked, took {cold * 1000:.0f} ms."]
    return result
