"""GetTask of a conversation with 10 and with 1,000 messages, asked for with no history and with the last 10."""

import time
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import Any

from bench.load import Client, LoadError
from bench.meter import metered
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import LABELS, MEMORY, OURS, POSTGRES
from bench.statistics import Spread, percentile, ratios

MESSAGES = (10, 1_000)
LENGTHS = (0, 10)
WITHIN = 1.5
LAST_TURNS = 5
TURN_TEXT = "ask " + "word " * 40


async def run(plan: Plan) -> Result:
    """Hold the conversations, then read them, interleaved."""
    kinds = (OURS, MEMORY) if plan.quick else (OURS, MEMORY, POSTGRES)
    rounds, reads = plan.pick(6, 4), plan.pick(200, 100)
    p50: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    cpu: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(plan.bed.serving(kind)) for kind in kinds]
        tasks: dict[tuple[str, int], str] = {}
        last: dict[tuple[str, int], Spread] = {}
        for server in servers:
            for messages in MESSAGES:
                tasks[server.kind, messages], turns = await _converse(server, messages)
                last[server.kind, messages] = Spread.of(turns[-LAST_TURNS:])
                plan.say(
                    f"  {LABELS[server.kind]}: {messages} messages in {sum(turns) / 1000:.1f} s, "
                    f"the last turns took {last[server.kind, messages]} ms"
                )
        for _ in range(rounds):
            for server in servers:
                for messages in MESSAGES:
                    for length in LENGTHS:
                        key = server.kind, messages, length
                        with metered(plan.bed, server) as usage:
                            times = await _read(server, tasks[server.kind, messages], length, messages, reads)
                        p50[key].append(percentile(times, 0.5) * 1000)
                        cpu[key].append(usage.server / reads * 1000)
    result = _result(kinds, p50, cpu)
    result.tables.append(_turns(kinds, last))
    return result


async def _converse(server: Server, messages: int) -> tuple[str, list[float]]:
    """A task that has been asked and has answered until it has so many messages: its id, and each turn's ms."""
    client, turns = Client(server), list[float]()
    task: dict[str, Any] | None = None
    async with client.connections(1) as (connection,):
        for _ in range(messages // 2):
            sent = time.monotonic()
            task = (await client.call(connection, client.message(TURN_TEXT, task=task)))["task"]
            turns.append((time.monotonic() - sent) * 1000)
    assert task is not None
    return str(task["id"]), turns


async def _read(server: Server, task_id: str, length: int, messages: int, reads: int) -> list[float]:
    client, times = Client(server), list[float]()
    request = client.request("GetTask", {"id": task_id, "historyLength": length})
    async with client.connections(1) as (connection,):
        _check(await client.call(connection, request), length, messages)
        for _ in range(reads):
            sent = time.monotonic()
            answer = await connection.send(request)
            times.append(answer.at - sent)
    return times


def _check(task: dict[str, Any], length: int, messages: int) -> None:
    """The last message of an interrupted task is in its status, not in its history."""
    found = len(task.get("history", []))
    if found not in {min(length, messages), min(length, messages - 1)}:
        raise LoadError(f"GetTask with historyLength {length} answered {found} messages.")


def _result(
    kinds: tuple[str, ...],
    p50: dict[tuple[str, int, int], list[float]],
    cpu: dict[tuple[str, int, int], list[float]],
) -> Result:
    result = Result("history", "GetTask and the length of history")
    rows: list[tuple[Cell, ...]] = []
    for kind in kinds:
        for length in LENGTHS:
            short, long = (p50[kind, messages, length] for messages in MESSAGES)
            rows.append(
                (
                    LABELS[kind],
                    length,
                    Spread.of(short),
                    Spread.of(long),
                    ratios(long, short),
                    *(Spread.of(cpu[kind, messages, length]) for messages in MESSAGES),
                )
            )
    columns = ("server", "historyLength", "10 messages, p50 ms", "1,000 messages, p50 ms", "1,000 over 10")
    result.tables.append(Table("One client", (*columns, "CPU ms at 10", "CPU ms at 1,000"), tuple(rows)))
    values = tuple((LABELS[kind], Spread.of(p50[kind, MESSAGES[1], 0])) for kind in kinds)
    result.bars.append(Bars("GetTask of 1,000 messages, historyLength 0, p50", "ms", values))
    for length in LENGTHS:
        ratio = ratios(p50[OURS, MESSAGES[1], length], p50[OURS, MESSAGES[0], length])
        result.verdicts.append(
            Verdict(
                f"GetTask, 1,000 messages, historyLength {length}",
                f"within {WITHIN} times that of 10 messages",
                f"{ratio} times",
                ratio.median <= WITHIN,
            )
        )
    return result


def _turns(kinds: tuple[str, ...], last: dict[tuple[str, int], Spread]) -> Table:
    columns = ("server", *(f"turn with {messages:,} messages, ms" for messages in MESSAGES))
    rows: list[tuple[Cell, ...]] = [(LABELS[kind], *(last[kind, messages] for messages in MESSAGES)) for kind in kinds]
    return Table("A turn of the conversation itself (the last ones; full history answered)", columns, tuple(rows))
