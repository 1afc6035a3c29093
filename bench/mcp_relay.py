"""MCP tools/call: straight to the server, through our gateway, and through ContextForge, at 16 and at 1 concurrent."""

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.contextforge import PATH, TOOL, VERSION, contextforge
from bench.load import LoadError
from bench.mcp_load import LEGACY, MODERN, Address, closed_loop, sessions
from bench.mcp_network import SERVER, STRAIGHT, gateway, upstreams
from bench.meter import metered
from bench.plan import Plan
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.statistics import Spread, percentile, ratios

CONCURRENCIES = (16, 1)
WARM_SECONDS = 1.0
TURN_SECONDS = 1.0
SHARE_OF_DIRECT = 0.6
CPU_MS = 1.0
TIMES_CONTEXTFORGE = 20
EVENTS, JSON = "event streams", "JSON"
"""What the server answers with: the SDK's default, and what costs it least, so that a gateway's share weighs most."""
NOTE = (
    "CPU is that of the process under test alone, per call. It has one core to itself; the MCP server and the load "
    "share the other, so `direct` is the rate of that core. Our gateway checks an API key, picks the server, rewrites "
    "the tool's name and credentials the request; `one server` is a profile that passes names unchanged. Its "
    "PostgreSQL and its registry run beside the load. ContextForge runs in its fastest mode, stateful sessions with "
    "JSON answers, one worker, SQLite, JWT; its best revision is 2025-11-25. `by CPU` is the ratio of the CPU that a "
    "call costs: on a busy machine it holds where rates do not, for the core of the process under test is then shared "
    "too."
)
DIRECT, OURS, ONE, FORGE = "direct", "agentnet", "agentnet, one server", f"ContextForge {VERSION}"
KINDS = (
    *((DIRECT, MODERN), (OURS, MODERN), (ONE, MODERN)),
    *((DIRECT, LEGACY), (OURS, LEGACY), (ONE, LEGACY)),
    *((FORGE, MODERN), (FORGE, LEGACY)),
)

Kind = tuple[str, str]
"""Who answers, and the revision of the protocol."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One kind in one round."""

    rate: float
    p50: float
    p99: float
    cpu_ms: float
    load_share: float
    errors: int


Samples = dict[tuple[Kind, int], list[Sample]]


async def run(plan: Plan) -> Result:
    """Two kinds of servers, one after the other; before each, everybody in turn, round by round."""
    result = Result("mcp_relay", "MCP tools/call")
    for answers in (EVENTS, JSON):
        samples = await _measured(plan, answers)
        for concurrency in CONCURRENCIES:
            result.tables.append(_table(samples, concurrency, answers))
        values = tuple((label(kind), Spread.of([item.rate for item in samples[kind, 16]])) for kind in KINDS)
        result.bars.append(Bars(f"MCP tools/call, 16 concurrent, server answers with {answers}", "calls/s", values))
        result.verdicts += _verdicts(samples, answers)
    result.notes = [NOTE]
    return result


async def _measured(plan: Plan, answers: str) -> Samples:
    samples: Samples = defaultdict(list)
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(upstreams(json=answers == JSON))
        url = f"http://127.0.0.1:{upstream.port}/0/mcp"
        ours = await stack.enter_async_context(gateway(plan.bed, {SERVER: url}))
        forge = await stack.enter_async_context(contextforge(url, plan.say))
        addresses = {
            **{(DIRECT, version): Address(upstream, "/0/mcp", version) for version in (MODERN, LEGACY)},
            **{(OURS, version): Address(ours, "/mcp", version, f"{SERVER}__echo") for version in (MODERN, LEGACY)},
            **{(ONE, version): Address(ours, f"/mcp/{STRAIGHT}", version) for version in (MODERN, LEGACY)},
            **{(FORGE, version): Address(forge, PATH, version, TOOL) for version in (MODERN, LEGACY)},
        }
        for kind in KINDS:
            await _warm(kind, addresses[kind])
        for number in range(plan.pick(10, 4)):
            for concurrency in CONCURRENCIES:
                for kind in KINDS:
                    sample = await _sample(plan, addresses[kind], concurrency)
                    samples[kind, concurrency].append(sample)
                    plan.say(
                        f"  {answers}, round {number + 1}, {concurrency} concurrent, {label(kind)}: "
                        f"{sample.rate:.0f} calls/s, p50 {sample.p50:.1f} ms, {sample.cpu_ms:.2f} ms CPU, "
                        f"{sample.errors} errors"
                    )
    return samples


async def _warm(kind: Kind, address: Address) -> None:
    async with sessions(address, 4) as clients:
        load = await closed_loop(clients, WARM_SECONDS)
    if not load.latencies:
        raise LoadError(f"{label(kind)} answers no call: {load.first_error}")


async def _sample(plan: Plan, address: Address, concurrency: int) -> Sample:
    async with sessions(address, concurrency) as clients:
        with metered(plan.bed, address.server) as usage:
            load = await closed_loop(clients, TURN_SECONDS)
    count = max(1, len(load.latencies))
    return Sample(
        rate=len(load.latencies) / load.seconds,
        p50=percentile(load.latencies, 0.5) * 1000,
        p99=percentile(load.latencies, 0.99) * 1000,
        cpu_ms=usage.server / count * 1000,
        load_share=usage.load / usage.seconds,
        errors=load.errors,
    )


def label(kind: Kind) -> str:
    """For tables and bars."""
    return ", ".join(kind)


def _table(samples: Samples, concurrency: int, answers: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for kind in KINDS:
        taken, direct = samples[kind, concurrency], samples[(DIRECT, kind[1]), concurrency]
        rows.append(
            (
                label(kind),
                Spread.of([item.rate for item in taken]),
                Spread.of([item.p50 for item in taken]),
                Spread.of([item.p99 for item in taken]),
                Spread.of([item.cpu_ms for item in taken]),
                Spread.of([item.load_share * 100 for item in taken]),
                sum(item.errors for item in taken),
                _ratio(samples, kind, (DIRECT, kind[1]), concurrency) if taken is not direct else None,
            )
        )
    columns = ("server", "calls/s", "p50 ms", "p99 ms", "CPU ms", "load %", "errors", "of the direct rate")
    return Table(f"{concurrency} concurrent, the server answers with {answers}", columns, tuple(rows))


def _ratio(samples: Samples, one: Kind, other: Kind, concurrency: int) -> Spread:
    return ratios(
        [item.rate for item in samples[one, concurrency]], [item.rate for item in samples[other, concurrency]]
    )


def _times_cheaper(samples: Samples, one: Kind, other: Kind, concurrency: int = 16) -> Spread:
    """How many calls `one` serves with the CPU that `other` needs for a call."""
    return ratios(
        [item.cpu_ms for item in samples[other, concurrency]], [item.cpu_ms for item in samples[one, concurrency]]
    )


def _verdicts(samples: Samples, answers: str) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for version in (MODERN, LEGACY):
        verdicts += [against_direct(samples, version, answers, concurrency) for concurrency in CONCURRENCIES]
        cpu = Spread.of([item.cpu_ms for item in samples[(OURS, version), 16]])
        what = f"MCP tools/call, {version}, {answers}, 16 concurrent: CPU"
        verdicts.append(Verdict(what, f"at most {CPU_MS:g} ms a call", f"{cpu} ms", cpu.median <= CPU_MS))
    errors = sum(item.errors for taken in samples.values() for item in taken)
    return [
        *verdicts,
        *(against_forge(samples, version, LEGACY, answers) for version in (MODERN, LEGACY)),
        Verdict(f"MCP tools/call, {answers}: errors", "none", str(errors), errors == 0),
    ]


def against_direct(samples: Samples, version: str, answers: str, concurrency: int) -> Verdict:
    """Ours beside the server itself."""
    kind, direct = (OURS, version), (DIRECT, version)
    share = _ratio(samples, kind, direct, concurrency)
    return Verdict(
        f"MCP tools/call, {version}, {answers}, {concurrency} concurrent: rate",
        f"at least {SHARE_OF_DIRECT:g} of direct",
        f"{share} (by CPU {_times_cheaper(samples, kind, direct, concurrency)})",
        share.median >= SHARE_OF_DIRECT,
    )


def against_forge(samples: Samples, version: str, theirs: str, answers: str) -> Verdict:
    """Ours in one revision beside ContextForge in `theirs`; where the server behind both is less far ahead of that than
    the target, as far as the server."""
    ours, direct, forge = (OURS, version), (DIRECT, version), (FORGE, theirs)
    times, bound = _ratio(samples, ours, forge, 16), _ratio(samples, direct, forge, 16)
    how = f"both in {version}" if version == theirs else f"each at its best ({version}, {theirs})"
    return Verdict(
        f"MCP tools/call, 16 concurrent, against {FORGE}, {answers}, {how}",
        f"at least {TIMES_CONTEXTFORGE} times its rate, or the direct server's multiple where that is less",
        f"{times} times (by CPU {_times_cheaper(samples, ours, forge)}; direct is {bound})",
        times.median >= min(TIMES_CONTEXTFORGE, bound.median),
    )
