"""Lists of a million tasks: first pages and deep ones by every filter, over A2A and over the gateway's `/v1/tasks`."""

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from agentnet.identity.admin import DEFAULT_TENANT
from agentnet.tasks.listing import Place
from bench.load import Client
from bench.meter import metered
from bench.plain_http import loop, plain
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import AGENT, GATEWAY, OURS
from bench.statistics import Spread, percentile

MOST_MS = 10.0
STEP_SECONDS = 2
"""Between two tasks."""
A2A, REST = "ListTasks", "/v1/tasks"

# Eight agents, a tenth of the tasks another tenant's, a fifth in three large contexts, a quarter delegated; a state
# that only a few tasks of a hundred thousand are in.
FILL = f"""
INSERT INTO tasks (id, tenant, agent, context_id, principal, message_id, parent_id, root_id, chain, budget, definition,
                   state, status_at, created_at, last_seq, snapshot, snapshot_seq, epoch, attempt)
SELECT id, CASE WHEN i % 10 = 0 THEN 'other' ELSE '{DEFAULT_TENANT}' END,
       CASE WHEN i / 3 % 8 = 0 THEN '{AGENT}' ELSE 'agent' || i / 3 % 8 END,
       CASE WHEN i % 5 = 0 THEN 'large' || i / 5 % 3 ELSE 'context' || i / 20 END, 'key:k', id::text,
       CASE WHEN i % 4 = 3 THEN root END, CASE WHEN i % 4 = 3 THEN root ELSE id END, '[]', '{{}}', '1',
       CASE WHEN i % 9999 = 0 THEN 6 WHEN i % 50 = 1 THEN 4 WHEN i % 70 = 2 THEN 5 ELSE 3 END,
       at, at, 3, '\\x0a0161'::bytea, 3, 1, 1
FROM (
    SELECT i, at, (prefix || lpad(to_hex(i), 20, '0'))::uuid AS id,
           (prefix || lpad(to_hex(i - 3), 20, '0'))::uuid AS root
    FROM (
        SELECT i, $1::timestamptz + i * interval '{STEP_SECONDS} seconds' AS at,
               lpad(to_hex((extract(epoch FROM $1::timestamptz) * 1000)::bigint), 12, '0') AS prefix
        FROM generate_series(1, $2::int) AS i
    ) AS moments
) AS made
"""


@dataclass(frozen=True, slots=True, eq=False)  # by identity: it is a key, and its parameters have no hash
class Case:
    """A list by some filters."""

    name: str
    where: str
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])


def cases(tasks: int, now: datetime, root: str) -> list[Case]:
    """Every filter, and pages from the middle."""
    middle = Place(now - timedelta(seconds=STEP_SECONDS * tasks / 2), UUID(int=0)).token()
    since = (now - timedelta(seconds=STEP_SECONDS * tasks / 3)).isoformat()
    rare = "TASK_STATE_INPUT_REQUIRED"
    return [
        Case("first page", A2A),
        Case("from the middle", A2A, {"pageToken": middle}),
        Case("a state", A2A, {"status": "TASK_STATE_FAILED"}),
        Case("a rare state", A2A, {"status": rare}),
        Case("since", A2A, {"statusTimestampAfter": since.replace("+00:00", "Z")}),
        Case("a context", A2A, {"contextId": f"context{tasks // 40}"}),
        Case("a large context", A2A, {"contextId": "large1"}),
        Case("a rare state in a large context", A2A, {"contextId": "large1", "status": rare}),
        Case("with messages", A2A, {"historyLength": 5}),
        Case("first page", REST),
        Case("from the middle", REST, {"page": middle}),
        Case("500 tasks", REST, {"limit": 500}),
        Case("an agent", REST, {"agent": "agent3"}),
        Case("a rare state", REST, {"state": "input-required"}),
        Case("since", REST, {"since": since}),
        Case("a large context", REST, {"context": "large2"}),
        Case("below a root", REST, {"root": root}),
    ]


async def run(plan: Plan) -> Result:
    """Fill the table, then read every list in turn."""
    tasks, asked = plan.pick(1_000_000, 100_000), plan.pick(200, 60)
    times: dict[Case, list[float]] = {}
    usage: dict[Case, list[float]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(plan.bed.serving(OURS))
        gateway = await stack.enter_async_context(plan.bed.serving(GATEWAY))
        now = datetime.now(UTC)
        root = await _fill(plan, now - timedelta(seconds=STEP_SECONDS * tasks), tasks)
        for case in cases(tasks, now, root):
            server = agent if case.where == A2A else gateway
            wire = _request(server, plan.bed.key, case)
            await loop(server, lambda _number, wire=wire: wire, 1, count=5)  # type: ignore[misc]
            with metered(plan.bed, server) as used:
                found = await loop(server, lambda _number, wire=wire: wire, 1, count=asked)  # type: ignore[misc]
            times[case] = found.latencies
            usage[case] = [used.server / asked * 1000, used.database / asked * 1000]
            plan.say(f"  {case.where}, {case.name}: p95 {percentile(found.latencies, 0.95) * 1000:.1f} ms")
    return _result(tasks, times, usage)


async def _fill(plan: Plan, begin: datetime, tasks: int) -> str:
    """Store the tasks; a root that has some below it."""
    await plan.bed.run(OURS, FILL, begin, tasks)
    await plan.bed.run(OURS, "VACUUM ANALYZE tasks")
    query = "SELECT root_id FROM tasks WHERE parent_id IS NOT NULL AND tenant <> 'other' ORDER BY id LIMIT 1"
    [row] = await plan.bed.fetch(OURS, query)
    plan.say(f"  {tasks:,} tasks are stored")
    return str(row["root_id"])


def _request(server: Server, key: str, case: Case) -> bytes:
    if case.where == A2A:
        return Client(server).request(A2A, case.parameters)
    return plain(server, "GET", f"{REST}?{urlencode(case.parameters)}", key)


def _result(tasks: int, times: dict[Case, list[float]], usage: dict[Case, list[float]]) -> Result:
    result = Result("listing", f"Lists of {tasks:,} tasks, with their totals")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{case.where}, {case.name}",
            percentile(found, 0.5) * 1000,
            percentile(found, 0.95) * 1000,
            percentile(found, 0.99) * 1000,
            *usage[case],
        )
        for case, found in times.items()
    )
    columns = ("list", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "PostgreSQL's CPU ms")
    result.tables.append(Table("One client", columns, rows))
    p95 = [(f"{case.where}, {case.name}", percentile(found, 0.95) * 1000) for case, found in times.items()]
    result.bars.append(Bars(result.title + ": p95", "ms", tuple((name, Spread.of([ms])) for name, ms in p95)))
    worst = max(p95, key=lambda pair: pair[1])
    target = f"p95 under {MOST_MS:g} ms"
    result.verdicts.append(
        Verdict(f"{result.title}: the slowest", target, f"{worst[1]:.1f} ms ({worst[0]})", worst[1] < MOST_MS)
    )
    return result
