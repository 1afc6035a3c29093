"""All SQL of retention. Times are the database's; states A2A's numbers (3 completed, 4 failed, 5 canceled, 7 rejected).

A tree of delegations goes as one, by the state of its root and the time of its end, and only when all of it has ended.
A task that has ended never begins again, so nothing that was found shut can open before it is deleted.
"""

# A tenant's own rules.
RULES = "SELECT state, days, count FROM retention_rules WHERE tenant = $1"

# Set a rule of a tenant.
SET_RULE = """
INSERT INTO retention_rules (tenant, state, days, count) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, state) DO UPDATE SET days = excluded.days, count = excluded.count
"""

# Let the network's default hold again.
DROP_RULE = "DELETE FROM retention_rules WHERE tenant = $1 AND state = $2"

# Whether any tenant has a rule by which something ends.
ANY_RULE = "SELECT EXISTS (SELECT 1 FROM retention_rules WHERE days IS NOT NULL OR count IS NOT NULL)"

# Take the turn to sweep, unless somebody took it less than $1 seconds ago.
TAKE_TURN = """
INSERT INTO retention_turns (id, at) VALUES (1, now())
ON CONFLICT (id) DO UPDATE SET at = now() WHERE retention_turns.at < now() - make_interval(secs => $1)
RETURNING id
"""

# Every agent that has tasks, of every tenant: one step in the index for each.
AGENTS = """
WITH RECURSIVE found AS (
    (SELECT tenant, agent FROM tasks ORDER BY tenant, agent LIMIT 1)
    UNION ALL
    SELECT next.tenant, next.agent FROM found CROSS JOIN LATERAL (
        SELECT tenant, agent FROM tasks WHERE (tenant, agent) > (found.tenant, found.agent)
        ORDER BY tenant, agent LIMIT 1
    ) next
)
SELECT tenant, agent FROM found ORDER BY tenant
"""

# The moment up to which roots of agent $2 that ended in state $3 are to go: $4 days ago, or that of the last one
# beyond the newest $5, but never less than $6 seconds ago. NULL when nothing is to go.
CUTOFF = """
SELECT CASE WHEN bound IS NOT NULL THEN LEAST(bound, now() - make_interval(secs => $6)) END
FROM (SELECT GREATEST(
    now() - make_interval(days => $4::int),
    (SELECT status_at FROM tasks
     WHERE $5::int IS NOT NULL AND tenant = $1 AND agent = $2 AND state = $3 AND parent_id IS NULL
     ORDER BY status_at DESC OFFSET $5::int LIMIT 1)
) AS bound) bounds
"""

# Roots of an agent that ended in state $3 up to $4, the oldest first, behind the place ($5, $6); with the tasks of
# their trees, the number of their events, and whether all of them have ended. A task whose root is gone is one, too.
TREES = """
SELECT head.id, head.status_at, tree.ids, tree.events, tree.shut
FROM (
    SELECT t.id, t.root_id, t.status_at, t.last_seq FROM tasks t
    WHERE tenant = $1 AND agent = $2 AND state = $3 AND status_at <= $4 AND (status_at, id) > ($5, $6::uuid)
      AND (parent_id IS NULL OR NOT EXISTS (SELECT 1 FROM tasks root WHERE root.id = t.root_id))
    ORDER BY status_at, id LIMIT $7
) head
CROSS JOIN LATERAL (
    SELECT array_agg(id) AS ids, sum(last_seq)::bigint AS events, bool_and(ended) AS shut FROM (
        SELECT head.id, head.last_seq, true AS ended
        UNION
        SELECT id, last_seq, state IN (3, 4, 5, 7) FROM tasks
        WHERE root_id = head.root_id AND parent_id IS NOT NULL AND id <> head.id
    ) members
) tree
ORDER BY head.status_at, head.id
"""

# Lock tasks that are to go: who gives one of them a push config is done before, or finds it gone.
LOCK = "SELECT id FROM tasks WHERE id = ANY($1::uuid[]) AND state IN (3, 4, 5, 7) ORDER BY id FOR UPDATE SKIP LOCKED"

# Forget tasks with all that belongs to them, and the files that no other task holds. A file that is stored again
# meanwhile is young, and stays.
FORGET = """
WITH events AS (DELETE FROM task_events WHERE task_id = ANY($1::uuid[])),
inputs AS (DELETE FROM task_inputs WHERE task_id = ANY($1::uuid[])),
steps AS (DELETE FROM journal WHERE task_id = ANY($1::uuid[])),
deliveries AS (DELETE FROM push_deliveries WHERE task_id = ANY($1::uuid[])),
configs AS (DELETE FROM push_configs WHERE task_id = ANY($1::uuid[])),
uses AS (DELETE FROM file_uses WHERE task_id = ANY($1::uuid[]) RETURNING tenant, file_id),
unused AS (
    DELETE FROM files f USING (SELECT DISTINCT tenant, file_id FROM uses) u
    WHERE f.tenant = u.tenant AND f.id = u.file_id AND f.created_at < now() - make_interval(secs => $2)
      AND NOT EXISTS (
        SELECT 1 FROM file_uses other
        WHERE other.tenant = f.tenant AND other.file_id = f.id AND other.task_id <> ALL($1::uuid[])
      )
)
DELETE FROM tasks WHERE id = ANY($1::uuid[])
"""

# How many tasks are in the way of dropping all before id $1: those that have not ended, or whose tree began before.
OPEN_BEFORE = "SELECT count(*) FROM tasks WHERE state NOT IN (3, 4, 5, 7) AND (id < $1 OR root_id < $1)"

# The oldest tasks before id $1.
OLDEST = "SELECT id FROM tasks WHERE id < $1 AND state IN (3, 4, 5, 7) ORDER BY id LIMIT $2"

# Whether a table is partitioned.
IS_PARTITIONED = "SELECT relkind = 'p' FROM pg_class WHERE oid = $1::text::regclass"

# Every partition of the tables of tasks: its table, its name, its bounds, its bytes.
PARTITIONS = """
SELECT parent.relname::text, part.relname::text, pg_get_expr(part.relpartbound, part.oid),
       pg_total_relation_size(part.oid)
FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent
WHERE parent.oid IN ('task_events'::regclass, 'journal'::regclass)
"""

# A table's primary key as it was declared.
PRIMARY_KEY = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'p'
"""

# A table's other indexes with the statements that make them.
OTHER_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = $1::text::regclass AND NOT indisprimary
"""
