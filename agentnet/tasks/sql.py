"""All SQL of the task hot path. Every statement is one round trip, prepared once a connection by asyncpg.

Rules that hold in each of them: only the holder of the lease under the current epoch writes to a task's log; times are
the database's; a row of another tenant is not there.

States are A2A's numbers (1 submitted, 2 working, 3 completed, 4 failed, 5 canceled, 6 input required, 7 rejected,
8 auth required); kinds are those of events.py (1, 2 and 4 hold messages; 1, 3, 4 and 5 are pushed).
"""

from functools import cache

Columns = tuple[tuple[str, str], ...]
"""Names and types of what is written, in the order of a row."""

MOST_ROWS = 16
"""Above, rows are arrays: asyncpg takes 0.5 µs for each value of one, and a tenth of it for a parameter. Statements of
so many sizes at most are planned and kept."""


class Rows:
    """A statement for any number of rows, which stand in the place of `{rows}`; their parameters begin with `first`."""

    def __init__(self, template: str, columns: Columns, first: int) -> None:
        self._template = template
        self._columns = columns
        self._first = first
        self.of = cache(self._of)

    def with_values(self, rows: list[tuple[object, ...]]) -> tuple[str, list[object]]:
        """The statement for these rows, and the values of its parameters."""
        if len(rows) > MOST_ROWS:
            return self.of(MOST_ROWS + 1), [*zip(*rows, strict=True)]
        return self.of(len(rows)), [value for row in rows for value in row]

    def _of(self, count: int) -> str:
        names = ", ".join(name for name, _ in self._columns)
        if count > MOST_ROWS:
            rows = f"unnest({', '.join(f'${number}::{kind}[]' for number, kind in self._numbered(0))})"
        else:
            each = (", ".join(f"${number}::{kind}" for number, kind in self._numbered(row)) for row in range(count))
            rows = f"(VALUES {', '.join(f'({values})' for values in each)})"
        return self._template.replace("{rows}", f"SELECT * FROM {rows} AS w({names})")  # noqa: S608 - names of here

    def _numbered(self, row: int) -> "list[tuple[int, str]]":
        first = self._first + row * len(self._columns)
        return [(number, kind) for number, (_, kind) in enumerate(self._columns, first)]


_NEW: Columns = (
    *(("id", "uuid"), ("tenant", "text"), ("agent", "text"), ("context_id", "text"), ("principal", "text")),
    *(("message_id", "text"), ("parent_id", "uuid"), ("root_id", "uuid"), ("chain", "text"), ("budget", "text")),
    *(("definition", "text"), ("status_at", "timestamptz"), ("leased", "bool"), ("body", "bytea")),
)
_PUSHED: Columns = (("push_id", "text"), ("push_version", "text"), ("push_address", "text"), ("push_config", "bytea"))
_WRITTEN: Columns = (
    *(("id", "uuid"), ("epoch", "int"), ("base_seq", "int"), ("last_seq", "int"), ("state", "smallint")),
    *(("status_at", "timestamptz"), ("snapshot", "bytea"), ("release", "bool"), ("inputs", "int")),
    ("progress", "bool"),
)

# Store new tasks with their first event, each leased to $1 when it is to run there at once.
# Tasks whose message is known already are left out of the answer. A task that comes with a push config has its first
# event in the outbox at once; where none does, as nearly always, nothing of that is looked at.
_ACCEPT = """
WITH new AS (
    {rows}
), made AS (
    INSERT INTO tasks (id, tenant, agent, context_id, principal, message_id, parent_id, root_id, chain, budget,
                       definition, state, status_at, last_seq, lease_owner, lease_until, epoch, attempt, push)
    SELECT id, tenant, agent, context_id, principal, message_id, parent_id, root_id, chain::jsonb, budget::jsonb,
           definition, 1, status_at, 1,
           CASE WHEN leased THEN $1 END, CASE WHEN leased THEN now() + make_interval(secs => $2) END,
           leased::int, leased::int, {push}
    FROM new
    ON CONFLICT DO NOTHING
    RETURNING id, epoch
), logged AS (
    INSERT INTO task_events (task_id, seq, tenant, kind, epoch, body)
    SELECT id, 1, new.tenant, 1, made.epoch, new.body FROM new JOIN made USING (id)
){pushed}
SELECT id FROM made
"""
_ACCEPT_PUSHED = """, configured AS (
    INSERT INTO push_configs (task_id, id, tenant, version, address, config, due_at)
    SELECT id, push_id, tenant, push_version, push_address, push_config, now()
    FROM new JOIN made USING (id) WHERE push_id IS NOT NULL
), pushed AS (
    INSERT INTO push_deliveries (task_id, config_id, seq, tenant)
    SELECT id, push_id, 1, tenant FROM new JOIN made USING (id) WHERE push_id IS NOT NULL
)"""
_PUSH_IDS = "CASE WHEN push_id IS NOT NULL THEN ARRAY[push_id] END"
ACCEPT = Rows(_ACCEPT.replace("{push}", "NULL::text[]").replace("{pushed}", ""), _NEW, 3)
ACCEPT_PUSHED = Rows(_ACCEPT.replace("{push}", _PUSH_IDS).replace("{pushed}", _ACCEPT_PUSHED), _NEW + _PUSHED, 3)

# The task that a message began.
FIND_BY_MESSAGE = """
SELECT id FROM tasks WHERE tenant = $1 AND agent = $2 AND principal = $3 AND message_id = $4
"""

# Append events and journal entries for many tasks at once; a write with a snapshot may also end the lease, any other
# renews it. A finished step is progress: the attempts before it count no more.
# Answers the tasks whose write was taken: those still leased to $1 under the same epoch, and, for an end of the lease,
# without input that the owner has not seen. Events of tasks with push configs enter the outbox; which configs those are
# stands in the locked row of the task, so none is missed that was made while this statement waited for the lock. They
# are due now, but for one whose last try failed: that waits out its pause.
# Numbers and ids of events come as array literals, which asyncpg need not look through value by value.
_APPEND = """
WITH w AS (
    {rows}
), held AS (
    UPDATE tasks t SET
        last_seq = w.last_seq,
        state = COALESCE(w.state, t.state),
        status_at = COALESCE(w.status_at, t.status_at),
        snapshot = COALESCE(w.snapshot, t.snapshot),
        snapshot_seq = CASE WHEN w.snapshot IS NULL THEN t.snapshot_seq ELSE w.last_seq END,
        lease_owner = CASE WHEN w.release THEN NULL ELSE t.lease_owner END,
        lease_until = CASE WHEN w.release THEN NULL ELSE now() + make_interval(secs => $2) END,
        attempt = CASE WHEN w.progress THEN LEAST(t.attempt, 1) ELSE t.attempt END
    FROM w
    WHERE t.id = w.id AND t.epoch = w.epoch AND t.lease_owner = $1 AND t.last_seq = w.base_seq
      AND (NOT w.release OR t.inputs = w.inputs)
    RETURNING t.id, t.tenant, t.epoch, t.push
), logged AS (
    INSERT INTO task_events (task_id, seq, tenant, kind, epoch, body)
    SELECT e.id, e.seq, held.tenant, e.kind, held.epoch, e.body
    FROM unnest($3::text::uuid[], $4::text::int[], $5::text::smallint[], $6::bytea[]) AS e(id, seq, kind, body)
    JOIN held USING (id)
), journaled AS (
    INSERT INTO journal (task_id, key, tenant, value)
    SELECT j.id, j.key, held.tenant, j.value
    FROM unnest($7::uuid[], $8::text[], $9::bytea[]) AS j(id, key, value)
    JOIN held USING (id)
    ON CONFLICT DO NOTHING
), pushed AS (
    INSERT INTO push_deliveries (task_id, config_id, seq, tenant)
    SELECT e.id, config.id, e.seq, held.tenant
    FROM unnest($3::text::uuid[], $4::text::int[], $5::text::smallint[]) AS e(id, seq, kind)
    JOIN held USING (id) CROSS JOIN LATERAL unnest(held.push) AS config(id)
    WHERE e.kind IN (1, 3, 4, 5) AND EXISTS (SELECT 1 FROM held WHERE push IS NOT NULL)  -- asked once, before the join
), due AS (
    UPDATE push_configs SET wakes = wakes + 1,
        due_at = CASE WHEN failures = 0 THEN LEAST(due_at, now()) ELSE COALESCE(due_at, now()) END
    WHERE task_id = ANY(ARRAY(SELECT id FROM held WHERE push IS NOT NULL))
)
SELECT id, push IS NOT NULL AS pushed FROM held
"""
APPEND = Rows(_APPEND, _WRITTEN, 10)

# What became of tasks whose write was not taken.
INSPECT = "SELECT id, epoch, last_seq, lease_owner, inputs FROM tasks WHERE id = ANY($1::uuid[])"

# A task with its snapshot, and its latest $4 messages as events, newest first.
READ = """
SELECT t.id, t.state, t.snapshot, t.snapshot_seq, t.last_seq, t.context_id, t.definition, t.parent_id, t.root_id,
       ARRAY(SELECT body FROM task_events e
             WHERE e.task_id = t.id AND e.kind IN (1, 2, 4) ORDER BY e.seq DESC LIMIT $4) AS messages
FROM tasks t WHERE t.id = $1 AND t.tenant = $2 AND t.agent = $3
"""

# Events after $2, oldest first.
EVENTS_AFTER = """
SELECT seq, epoch, body FROM task_events WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""

# The first $4 events of tasks behind the numbers $2, oldest first; unless $3 without artifacts (kind 5).
EVENTS_OF = """
SELECT w.id, ARRAY(SELECT body FROM task_events e WHERE e.task_id = w.id AND e.seq > w.seq AND ($3 OR e.kind <> 5)
                   ORDER BY e.seq LIMIT $4) AS bodies
FROM unnest($1::uuid[], $2::int[]) AS w(id, seq)
"""

# The latest $2 messages of tasks, as events, newest first.
MESSAGES_OF = """
SELECT w.id, ARRAY(SELECT body FROM task_events e WHERE e.task_id = w.id AND e.kind IN (1, 2, 4)
                   ORDER BY e.seq DESC LIMIT $2) AS bodies
FROM unnest($1::uuid[]) AS w(id)
"""

# Claim up to $4 tasks of an agent whose lease is free or ran out, taking turns between tenants.
CLAIM = """
WITH waiting AS (
    SELECT id, tenant, run_after FROM tasks
    WHERE agent = $3 AND state IN (1, 2) AND run_after <= now() AND (lease_until IS NULL OR lease_until < now())
    ORDER BY run_after LIMIT 1000
), turns AS (
    SELECT id, row_number() OVER (PARTITION BY tenant ORDER BY run_after) AS turn FROM waiting
), chosen AS (
    SELECT t.id FROM tasks t JOIN turns USING (id)
    WHERE t.state IN (1, 2) AND (t.lease_until IS NULL OR t.lease_until < now())
    ORDER BY turns.turn, t.run_after LIMIT $4
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE tasks t SET lease_owner = $1, lease_until = now() + make_interval(secs => $2),
                   epoch = t.epoch + 1, attempt = t.attempt + 1
FROM chosen WHERE t.id = chosen.id
RETURNING t.id, t.epoch, t.attempt
"""

# Seconds until the first of an agent's leases runs out, unless it is renewed before.
NEXT_EXPIRY = """
SELECT extract(epoch FROM min(lease_until) - now())::float8 FROM tasks
WHERE agent = $1 AND state IN (1, 2) AND lease_until > now()
"""

# Claim one task for a cancel: free, expired, or resting while it waits for input; with $3 from any owner.
CLAIM_ONE = """
UPDATE tasks SET lease_owner = $4, lease_until = now() + make_interval(secs => $5), epoch = epoch + 1
WHERE id = $1 AND tenant = $2 AND state IN (1, 2, 6, 8) AND ($3 OR lease_until IS NULL OR lease_until < now())
RETURNING id, epoch, attempt
"""

# Everything that the owner of a fresh lease needs to run the task.
LOAD = """
SELECT t.id, t.tenant, t.agent, t.context_id, t.principal, t.parent_id, t.root_id, t.chain, t.budget, t.definition,
       t.state, t.snapshot, t.snapshot_seq, t.last_seq, t.epoch, t.attempt, t.inputs, t.cancel_requested,
       EXISTS (SELECT 1 FROM task_inputs i WHERE i.task_id = t.id) AS input_waits,
       extract(epoch FROM t.created_at)::float8 AS created_at
FROM tasks t WHERE t.id = $1 AND t.epoch = $2
"""

# Events that hold messages, oldest first, up to $2.
HISTORY = "SELECT body FROM task_events WHERE task_id = $1 AND kind IN (1, 2, 4) AND seq <= $2 ORDER BY seq"

# Renew every lease of $1 among $3; tells which tasks were asked to stop and which have new input. A row that is locked
# is being written to, most likely by its owner, which renews it: waiting for it could be a deadlock.
HEARTBEAT = """
WITH mine AS (
    SELECT id FROM tasks WHERE id = ANY($3::uuid[]) AND lease_owner = $1 FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE tasks t SET lease_until = now() + make_interval(secs => $2) FROM mine WHERE t.id = mine.id RETURNING t.id
)
SELECT t.id, t.epoch, t.cancel_requested, renewed.id IS NOT NULL AS renewed
FROM tasks t LEFT JOIN renewed USING (id) WHERE t.id = ANY($3::uuid[]) AND t.lease_owner = $1
"""

# Give leases back, so that any replica may claim the tasks at once; a graceful end is no failed attempt.
RELEASE = """
UPDATE tasks t SET lease_owner = NULL, lease_until = NULL, attempt = GREATEST(t.attempt - 1, 0)
FROM unnest($2::uuid[], $3::int[]) AS r(id, epoch)
WHERE t.id = r.id AND t.epoch = r.epoch AND t.lease_owner = $1
RETURNING t.agent
"""

# Give back whatever $1 still holds of agent $2's.
RELEASE_ALL = """
UPDATE tasks SET lease_owner = NULL, lease_until = NULL, attempt = GREATEST(attempt - 1, 0)
WHERE agent = $2 AND state IN (1, 2) AND lease_owner = $1
RETURNING id
"""

# A user's message wakes a task that waits for input: it enters the log, and the lease goes to $6 if it is to run there.
RESUME = """
WITH woken AS (
    UPDATE tasks SET state = 1, status_at = $5, last_seq = last_seq + 1, run_after = now(),
        attempt = ($6::text IS NOT NULL)::int, lease_owner = $6,
        lease_until = CASE WHEN $6::text IS NULL THEN NULL ELSE now() + make_interval(secs => $7) END,
        epoch = epoch + 1
    WHERE id = $1 AND tenant = $2 AND agent = $3 AND state IN (6, 8)
      AND (lease_until IS NULL OR lease_until < now())
    RETURNING id, tenant, last_seq, epoch
), logged AS (
    INSERT INTO task_events (task_id, seq, tenant, kind, epoch, body)
    SELECT id, last_seq, tenant, 2, epoch, $4 FROM woken
)
SELECT last_seq, epoch FROM woken
"""

# A user's message for a task that runs or waits its turn: its owner takes it into the log when it would rest.
# A message sent again is taken again, and known by its id; the answer has the one that waited under it already.
ADD_INPUT = """
WITH open AS (
    UPDATE tasks SET inputs = inputs + 1 WHERE id = $1 AND tenant = $2 AND agent = $3 AND state IN (1, 2)
    RETURNING id, tenant
), added AS (
    INSERT INTO task_inputs (task_id, message_id, tenant, body) SELECT id, $5, tenant, $4 FROM open
    ON CONFLICT DO NOTHING
)
SELECT open.id, i.body FROM open LEFT JOIN task_inputs i ON i.task_id = open.id AND i.message_id = $5
"""

# The inputs of a task, oldest first, and how many it ever had.
INPUTS = """
SELECT t.inputs, ARRAY(SELECT body FROM task_inputs i WHERE i.task_id = t.id ORDER BY at) AS bodies
FROM tasks t WHERE t.id = $1
"""

# Forget inputs that are in the log.
DROP_INPUTS = "DELETE FROM task_inputs WHERE task_id = $1 AND message_id = ANY($2::text[])"

# Ask the owner of a task to stop.
REQUEST_CANCEL = """
UPDATE tasks SET cancel_requested = true WHERE id = $1 AND tenant = $2
RETURNING state, agent, lease_owner IS NOT NULL AND lease_until > now() AS leased
"""

# A task's open descendants, those nearest first.
OPEN_DESCENDANTS = """
WITH RECURSIVE tree AS (
    SELECT id, root_id, tenant, 0 AS depth FROM tasks WHERE id = $1 AND tenant = $2
    UNION ALL
    SELECT t.id, t.root_id, t.tenant, tree.depth + 1
    FROM tasks t JOIN tree ON t.root_id = tree.root_id AND t.parent_id = tree.id
    WHERE tree.depth < 64
)
SELECT tree.id FROM tree JOIN tasks USING (id) WHERE tree.depth > 0 AND tasks.state IN (1, 2, 6, 8) ORDER BY tree.depth
"""

# An entry for the journal of a task, from one who does not hold its lease: for what no run writes.
LEAVE = "INSERT INTO journal (task_id, key, tenant, value) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"

# The journal of a task.
JOURNAL = "SELECT key, value FROM journal WHERE task_id = $1"

# Completed tasks of a context that began before task $4: the last $5 to end, those that began latest first.
EARLIER_IN_CONTEXT = """
SELECT id FROM (
    SELECT id FROM tasks WHERE tenant = $1 AND agent = $2 AND context_id = $3 AND state = 3 AND id < $4
    ORDER BY status_at DESC, id DESC LIMIT $5
) AS ended ORDER BY id DESC
"""

# How many tasks of an agent wait for a replica.
QUEUE_LENGTH = """
SELECT count(*) FROM (
    SELECT 1 FROM tasks WHERE agent = $1 AND state IN (1, 2) AND (lease_until IS NULL OR lease_until < now()) LIMIT $2
) AS waiting
"""
