"""Startup: what `agentnet up` costs until it is ready, what each process of a network holds, and what commands take."""

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from agentnet.process.launch import with_free_ports
from agentnet.settings import Settings
from bench.load import Client, LoadError
from bench.plan import Plan
from bench.processes import Bed
from bench.programs import Cost, Memory, command, started
from bench.report import Bars, Result, Table, Verdict
from bench.servers import AGENT, OURS, SPECIALIST
from bench.statistics import Spread

UP_CPU_SECONDS = 4.0
SPECIALIST_MB = 120.0
COMMAND_SECONDS = 0.5

FIRST, LATER = "first start, on an empty database", "later starts"
TASK = "Convert 26.2 miles to kilometers."
COMMANDS: dict[str, tuple[str, ...]] = {
    "agents": ("agents",),
    "agents --json": ("agents", "--json"),
    "tasks": ("tasks",),
    "keys list": ("keys", "list"),
    "retention show": ("retention", "show"),
    "card analyst": ("card", "analyst"),
    "mcp servers list": ("mcp", "servers", "list"),
    "ask --agent analyst": ("ask", TASK, "--agent", "analyst"),
    "--help": ("--help",),
}
SERVICES = (("mcp", "toolbox"), ("mcp", "data"))
SPECIALISTS = {
    "writer": "Write two sentences about leases.",
    "analyst": TASK,
    AGENT: "echo hello world",
}
"""One on a model, one on a model with tools, and one with an executor of its own; each with a task for it."""


@dataclass(slots=True)
class Measured:
    """What is measured, round by round."""

    up: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict[str, list[Cost]](list))
    commands: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict[str, list[Cost]](list))
    services: dict[str, list[tuple[Cost, Memory]]] = field(
        default_factory=lambda: defaultdict[str, list[tuple[Cost, Memory]]](list)
    )


async def run(plan: Plan) -> Result:
    """A whole network in one process, with commands against it; then one process for each service."""
    measured = Measured()
    async with started("up", variables=_variables(_folder(plan.bed, "warm"), await plan.bed.new_database("warm"))):
        pass  # from here on there is bytecode of all
    for number in range(plan.pick(5, 2)):
        await _up(plan, number, measured)
        await _services(plan, number, measured)
    for name, costs in measured.up.items():
        plan.say(f"  agentnet up, {name}: ready after {_spread(costs, 'cpu')} s of CPU")
    return _result(measured)


async def _up(plan: Plan, number: int, measured: Measured) -> None:
    home = _folder(plan.bed, f"up-{number}")
    variables = _variables(home, await plan.bed.new_database(f"up_{number}"))
    for name in (FIRST, LATER):
        async with started("up", variables=variables) as network:
            measured.up[name].append(network.cost)
            if name == LATER:
                for label, arguments in COMMANDS.items():
                    cost = await asyncio.to_thread(command, *arguments, variables=variables)
                    measured.commands[label].append(cost)


async def _services(plan: Plan, number: int, measured: Measured) -> None:
    url = await plan.bed.database(OURS)
    variables = _variables(_folder(plan.bed, f"services-{number}"), url) | {"AGENTNET_AGENTS_DIRS": str(SPECIALIST)}
    async with AsyncExitStack() as stack:

        async def serve(kind: str, name: str = "") -> None:
            arguments = ("serve", kind, *([name] if name else []))
            one = await stack.enter_async_context(started(*arguments, variables=variables, key=plan.bed.key))
            if kind == "agent":
                await _answered(Client(one.server), SPECIALISTS[name])
            measured.services[" ".join(arguments[1:])].append((one.cost, Memory.of(one.server.pid)))

        await serve("registry")
        for kind, name in SERVICES:
            await serve(kind, name)
        for name in SPECIALISTS:
            await serve("agent", name)
        await serve("gateway")


async def _answered(client: Client, text: str) -> None:
    async with client.connections(1) as (connection,):
        answer = await client.call(connection, client.message(text))
    if answer["task"]["status"]["state"] != "TASK_STATE_COMPLETED":
        raise LoadError(f"The task {text!r} came to {answer['task']['status']}.")


def _folder(bed: Bed, name: str) -> Path:
    home = bed.home / name
    home.mkdir()
    return home


def _variables(home: Path, database_url: str) -> dict[str, str]:
    ports = with_free_ports(Settings(home=home))
    return {
        "AGENTNET_HOME": str(home),
        "DATABASE_URL": database_url,
        "AGENTNET_MODEL": "offline",
        "AGENTNET_PORT": str(ports.port),
        "AGENTNET_REGISTRY_PORT": str(ports.registry_port),
    }


def _spread(costs: list[Cost], what: str) -> Spread:
    return Spread.of([getattr(cost, what) for cost in costs])


def _result(measured: Measured) -> Result:
    result = Result("startup", "Start, memory and commands")
    columns = ("CPU s", "seconds")
    result.tables = [
        Table("`agentnet up` until it is ready", ("start", *columns), _cost_rows(measured.up)),
        Table(
            "`agentnet serve` until it answers, and its memory; of agents after a task",
            ("process", *columns, "resident MB", "proportional MB", "private MB"),
            tuple(_service_row(name, taken) for name, taken in measured.services.items()),
        ),
        Table("Commands against a running network", ("command", *columns), _cost_rows(measured.commands)),
    ]
    later = _spread(measured.up[LATER], "cpu")
    memory = {
        name: Spread.of([memory.proportional for _, memory in taken])
        for name, taken in measured.services.items()
        if name.startswith("agent ")
    }
    largest = max(memory, key=lambda name: memory[name].median)
    walls = {name: _spread(costs, "wall") for name, costs in measured.commands.items()}
    slowest = max(walls, key=lambda name: walls[name].median)
    result.verdicts = [
        Verdict(
            "CPU of `agentnet up` until it is ready",
            f"at most {UP_CPU_SECONDS:g} s",
            f"{later} s; {_spread(measured.up[FIRST], 'cpu')} s at the first start",
            later.median <= UP_CPU_SECONDS,
        ),
        Verdict(
            "memory of a specialist's process after a task (PSS)",
            f"at most {SPECIALIST_MB:g} MB",
            f"{memory[largest]} MB ({largest})",
            memory[largest].median <= SPECIALIST_MB,
        ),
        Verdict(
            "a command against a running network",
            f"under {COMMAND_SECONDS:g} s",
            f"{walls[slowest]} s ({slowest})",
            walls[slowest].median < COMMAND_SECONDS,
        ),
    ]
    bars = tuple((f"agentnet {name}", walls[name]) for name in walls)
    result.bars.append(Bars("Commands, start to end", "s", bars))
    result.notes = [
        "CPU is that of agentnet's own process; PostgreSQL runs apart, as with `DATABASE_URL`. Memory is of a process "
        "alone with its libraries: what several processes of a machine share counts in full as resident. Bytecode is "
        "there, as pip and the image leave it: where nothing may write it, each start compiles everything again."
    ]
    return result


def _cost_rows(costs: dict[str, list[Cost]]) -> tuple[tuple[str, Spread, Spread], ...]:
    return tuple((name, _spread(taken, "cpu"), _spread(taken, "wall")) for name, taken in costs.items())


def _service_row(name: str, taken: list[tuple[Cost, Memory]]) -> tuple[str | Spread, ...]:
    costs = [cost for cost, _ in taken]
    held = [memory for _, memory in taken]
    return (
        name,
        _spread(costs, "cpu"),
        _spread(costs, "wall"),
        *(Spread.of([getattr(memory, what) for memory in held]) for what in ("resident", "proportional", "private")),
    )
