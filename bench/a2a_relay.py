"""A2A through our gateway beside the same agent of ours straight: blocking messages, tasks, streamed chunks."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.a2a_load import Address, Binding, Operation, closed_loop, completed_task
from bench.load import LoadError
from bench.meter import metered
from bench.plan import Plan
from bench.processes import LOAD_CORE, START_SECONDS, Bed, Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import AGENT, GATEWAY, OURS, REGISTRY
from bench.statistics import Spread, percentile, ratios

CONCURRENCIES = (16, 1)
WARM_SECONDS = 1.0
TURN_SECONDS = 1.0
SHARE_OF_DIRECT = 0.75
POLL_SECONDS = 0.1
NOTE = (
    "CPU is for each request, or each chunk. Both ways lead to the same process of an agent of ours, with the "
    "same key, which the gateway checks and replaces by a token for this agent. PostgreSQL, registry and load "
    "have one core; agent and gateway may use both. A direct request so finds a core for its agent; of relayed "
    "ones the gateway does its part on what PostgreSQL leaves of the other, while the agent does its own: where "
    "the agent takes longest, `of the direct rate` comes near to 1. `of it by CPU` is what agent and PostgreSQL "
    "take for a direct request over what they and the gateway take for a relayed one: what is left of the rate "
    "where all cores are busy, as when many agents share a machine. With one client they take turns, and the rate "
    "tells of the time of an answer."
)
DIRECT, RELAYED = "direct", "agentnet, relayed"
WAYS = (DIRECT, RELAYED)
CASES = tuple((operation, binding) for operation in Operation for binding in Binding)

Case = tuple[Operation, Binding]


@dataclass(frozen=True, slots=True)
class Sample:
    """One way in one round; CPU in milliseconds for each request or chunk."""

    rate: float
    p50: float
    p99: float
    agent_ms: float
    gateway_ms: float
    database_ms: float
    load_share: float

    @property
    def network_ms(self) -> float:
        """What all of ours takes, without the load."""
        return self.agent_ms + self.gateway_ms + self.database_ms


Samples = dict[tuple[Case, str, int], list[Sample]]


@dataclass(frozen=True, slots=True)
class Network:
    """An agent of ours behind a gateway."""

    agent: Server
    gateway: Server
    addresses: dict[str, Address]
    """By the way that leads there."""
    task_id: str
    """A task to get."""


async def run(plan: Plan) -> Result:
    """Each case both ways, one after the other, round by round."""
    samples: Samples = defaultdict(list)
    async with serving(plan.bed) as network:
        for case in CASES:
            for way in WAYS:
                await closed_loop(network.addresses[way], case[1], case[0], network.task_id, 4, WARM_SECONDS)
        for number in range(plan.pick(10, 3)):
            for concurrency in CONCURRENCIES:
                for case in CASES:
                    # In turn: who comes second finds the machine as the first one left it.
                    for way in WAYS[:: 1 if number % 2 else -1]:
                        sample = await _sample(plan, network, case, way, concurrency)
                        samples[case, way, concurrency].append(sample)
                        plan.say(
                            f"  round {number + 1}, {concurrency} concurrent, {_label(case)}, {way}: {sample.rate:.0f} "
                            f"{case[0].unit}/s, CPU ms: agent {sample.agent_ms:.3f}, gateway {sample.gateway_ms:.3f}, "
                            f"PostgreSQL {sample.database_ms:.3f}"
                        )
    return _result(samples)


@asynccontextmanager
async def serving(bed: Bed) -> AsyncIterator[Network]:
    """All of it, for as long as the block runs."""
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(bed.serving(REGISTRY, core=LOAD_CORE))
        registry_url = f"http://127.0.0.1:{registry.port}"
        agent = await stack.enter_async_context(bed.serving(OURS, core=None, registry_url=registry_url))
        gateway = await stack.enter_async_context(bed.serving(GATEWAY, core=None, registry_url=registry_url))
        relayed = Address(gateway, f"/agents/{AGENT}")
        yield Network(agent, gateway, {DIRECT: Address(agent), RELAYED: relayed}, await _registered(relayed))


async def _registered(relayed: Address) -> str:
    """The id of a task that was completed over the gateway, once the agent's registration has come there."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                return await completed_task(relayed)
            except LoadError:
                await asyncio.sleep(POLL_SECONDS)


async def _sample(plan: Plan, network: Network, case: Case, way: str, concurrency: int) -> Sample:
    operation, binding = case
    address = network.addresses[way]
    with metered(plan.bed, network.agent) as agent, metered(plan.bed, network.gateway) as gateway:
        load = await closed_loop(address, binding, operation, network.task_id, concurrency, TURN_SECONDS)
    per = 1000 / load.count
    return Sample(
        rate=load.rate,
        p50=percentile(load.latencies, 0.5) * 1000,
        p99=percentile(load.latencies, 0.99) * 1000,
        agent_ms=agent.server * per,
        gateway_ms=gateway.server * per,
        database_ms=agent.database * per,
        load_share=agent.load / agent.seconds,
    )


def _label(case: Case) -> str:
    return f"{case[0].method}, {case[1].value}"


def _result(samples: Samples) -> Result:
    result = Result("a2a_relay", "A2A through the gateway")
    result.tables = [_table(samples, concurrency) for concurrency in CONCURRENCIES]
    for operation in Operation:
        cases = [case for case in CASES if case[0] is operation]
        values = tuple(
            (f"{way}, {case[1].value}", Spread.of([item.rate for item in samples[case, way, 16]]))
            for case in cases
            for way in WAYS
        )
        result.bars.append(Bars(f"A2A {operation.method}, 16 concurrent", f"{operation.unit}/s", values))
    result.verdicts = [verdict_of(samples, case) for case in CASES]
    result.notes = [NOTE]
    return result


def _table(samples: Samples, concurrency: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for case in CASES:
        for way in WAYS:
            taken = samples[case, way, concurrency]
            figures = [
                Spread.of([getattr(item, name) for item in taken])
                for name in ("rate", "p50", "p99", "agent_ms", "gateway_ms", "database_ms")
            ]
            load = Spread.of([item.load_share * 100 for item in taken])
            compared = (None, None) if way == DIRECT else _shares(samples, case, concurrency)
            rows.append((f"{_label(case)}: {way}", *figures, load, *compared))
    columns = (
        *("way", "a second", "p50 ms", "p99 ms", "agent CPU ms", "gateway CPU ms", "PostgreSQL CPU ms", "load %"),
        *("of the direct rate", "of it by CPU"),
    )
    return Table(f"{concurrency} concurrent", columns, tuple(rows))


def _shares(samples: Samples, case: Case, concurrency: int) -> tuple[Spread, Spread]:
    """The rate over the direct one; and what would be of it where CPU is all that counts."""
    relayed, direct = samples[case, RELAYED, concurrency], samples[case, DIRECT, concurrency]
    return (
        ratios([item.rate for item in relayed], [item.rate for item in direct]),
        ratios([item.network_ms for item in direct], [item.network_ms for item in relayed]),
    )


def verdict_of(samples: Samples, case: Case) -> Verdict:
    """The relayed way beside the direct one, at 16 concurrent."""
    rate, cpu = _shares(samples, case, 16)
    return Verdict(
        f"A2A relay, {_label(case)}, 16 concurrent: rate",
        f"at least {SHARE_OF_DIRECT:g} of direct",
        f"{rate} (by CPU {cpu})",
        rate.median >= SHARE_OF_DIRECT,
    )
