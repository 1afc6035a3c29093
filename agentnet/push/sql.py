"""All SQL of push notifications but what is part of the task hot path, which is in tasks/sql.py.

A config is claimed, not a delivery: its deliveries go out in order, one after the other. Times are the database's. Who
locks a task's row and a config's locks the task's first.
"""

# Give a task of this tenant and agent a config, or replace the one of the same id, unless it has $5 others.
# Due in a moment even with nothing to deliver: an event that was being stored meanwhile could not wake it.
PUT_CONFIG = """
WITH task AS (
    UPDATE tasks SET push = CASE WHEN $4 = ANY(push) THEN push ELSE array_append(push, $4) END
    WHERE id = $1 AND tenant = $2 AND agent = $3
      AND (push IS NULL OR $4 = ANY(push) OR cardinality(push) < $5)
    RETURNING id, tenant
)
INSERT INTO push_configs (task_id, id, tenant, version, address, config, due_at)
SELECT id, $4, tenant, $6, $7, $8, now() FROM task
ON CONFLICT (task_id, id) DO UPDATE
SET version = excluded.version, address = excluded.address, config = excluded.config, failures = 0, due_at = now()
RETURNING task_id
"""

# Whether there is such a task.
HAS_TASK = "SELECT 1 FROM tasks WHERE id = $1 AND tenant = $2 AND agent = $3"

# One config of a task; with an empty id the first one, as a 0.3 client may ask.
GET_CONFIG = """
SELECT c.config FROM push_configs c JOIN tasks t ON t.id = c.task_id
WHERE t.id = $1 AND t.tenant = $2 AND t.agent = $3 AND (c.id = $4 OR $4 = '') ORDER BY c.created_at, c.id LIMIT 1
"""

# Configs of a task by id, after $2.
LIST_CONFIGS = "SELECT id, config FROM push_configs WHERE task_id = $1 AND id > $2 ORDER BY id LIMIT $3"

# Take a config from its task; from then on no event is written for it.
DETACH_CONFIG = """
UPDATE tasks SET push = NULLIF(array_remove(push, $4), '{}') WHERE id = $1 AND tenant = $2 AND agent = $3 RETURNING id
"""

# Forget a config that no task names any more.
DELETE_CONFIG = "DELETE FROM push_configs WHERE task_id = $1 AND id = $2"
DELETE_DELIVERIES = "DELETE FROM push_deliveries WHERE task_id = $1 AND config_id = $2"

# Claim up to $1 configs that have something to deliver, taking turns between tenants.
CLAIM = """
WITH waiting AS (
    SELECT task_id, id, tenant, due_at FROM push_configs
    WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now()) ORDER BY due_at LIMIT 1000
), turns AS (
    SELECT task_id, id, row_number() OVER (PARTITION BY tenant ORDER BY due_at) AS turn FROM waiting
), chosen AS (
    SELECT c.task_id, c.id FROM push_configs c JOIN turns USING (task_id, id)
    WHERE c.due_at <= now() AND (c.lease_until IS NULL OR c.lease_until < now())
    ORDER BY turns.turn, c.due_at LIMIT $1
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE push_configs c SET lease_until = now() + make_interval(secs => $2), fence = c.fence + 1
FROM chosen WHERE c.task_id = chosen.task_id AND c.id = chosen.id
RETURNING c.task_id, c.id, c.version, c.config, c.fence, c.wakes, c.failures, c.due_at
"""

# Deliveries to a config that are not done, in order, with their events; with $4 without artifact updates.
PENDING = """
SELECT d.id, d.seq, d.attempts, e.kind, e.body
FROM push_deliveries d JOIN task_events e ON e.task_id = d.task_id AND e.seq = d.seq
WHERE d.task_id = $1 AND d.config_id = $2 AND d.state = 'pending' AND NOT ($4 AND e.kind = 5)
ORDER BY d.seq LIMIT $3
"""

# Drop artifact updates on their way to a config: a client of 0.3 gets them with the task at the next status.
SKIP_ARTIFACTS = """
DELETE FROM push_deliveries d USING task_events e
WHERE d.task_id = $1 AND d.config_id = $2 AND d.state = 'pending'
  AND e.task_id = d.task_id AND e.seq = d.seq AND e.kind = 5
"""

# Record a try: $5 is the delivery's state after it. `pending` gives the claim back, to be due after $7 seconds, unless
# somebody asked for a try at once since the claim, which found $8; `delivered` and `dead` renew the claim for as long.
# Nothing happens under an older fence.
RECORD = """
WITH held AS (
    UPDATE push_configs SET
        failures = CASE WHEN $5 = 'delivered' THEN 0 ELSE failures + 1 END,
        due_at = CASE WHEN $5 <> 'pending' OR due_at <> $8 THEN due_at ELSE now() + make_interval(secs => $7) END,
        lease_until = CASE WHEN $5 = 'pending' THEN NULL ELSE now() + make_interval(secs => $7) END
    WHERE task_id = $1 AND id = $2 AND fence = $3
    RETURNING failures
)
UPDATE push_deliveries d SET state = $5, attempts = d.attempts + 1, last_error = $6,
                             done_at = CASE WHEN $5 = 'pending' THEN NULL ELSE now() END
FROM held WHERE d.task_id = $1 AND d.config_id = $2 AND d.seq = $4
RETURNING held.failures
"""

# Give a claim back: due at once when more was written since the claim ($4) or is known to be there ($5), else asleep
# until something is. A new config is looked at again after $7 seconds for its first $6: see PUT_CONFIG.
RELEASE = """
UPDATE push_configs SET lease_until = NULL, due_at = CASE
    WHEN $5 OR wakes <> $4 THEN now()
    WHEN created_at > now() - make_interval(secs => $6) THEN now() + make_interval(secs => $7)
    END
WHERE task_id = $1 AND id = $2 AND fence = $3
"""

DELIVERY_COLUMNS = """d.id, d.task_id, d.config_id, t.agent, d.seq, d.state, d.attempts, d.last_error, c.address,
       d.created_at, d.done_at"""


# Deliveries of a tenant in the states $2, the latest first, behind the delivery $4. Each state is sorted by itself in
# the index, so the first rows of each are taken; what is shown with them is looked up for these alone.
def _list(behind: str) -> str:
    return f"""
SELECT {DELIVERY_COLUMNS}
FROM (
    SELECT each.* FROM unnest($2::text[]) AS wanted(state) CROSS JOIN LATERAL (
        SELECT * FROM push_deliveries WHERE tenant = $1 AND state = wanted.state{behind}
        ORDER BY created_at DESC, seq DESC, id DESC LIMIT $3
    ) each
    ORDER BY created_at DESC, seq DESC, id DESC LIMIT $3
) d
CROSS JOIN LATERAL (SELECT address FROM push_configs WHERE task_id = d.task_id AND id = d.config_id LIMIT 1) c
CROSS JOIN LATERAL (SELECT agent FROM tasks WHERE id = d.task_id LIMIT 1) t
ORDER BY d.created_at DESC, d.seq DESC, d.id DESC
"""  # noqa: S608 - made of constants


LIST_DELIVERIES = _list("")
LIST_DELIVERIES_BEHIND = _list(
    " AND (created_at, seq, id) < (SELECT created_at, seq, id FROM push_deliveries WHERE tenant = $1 AND id = $4)"
)

# Let a dead delivery be tried again, as if it were new.
RETRY = """
WITH dead AS (
    SELECT task_id, config_id, seq FROM push_deliveries WHERE tenant = $1 AND id = $2 AND state = 'dead'
), woken AS (
    UPDATE push_configs c SET due_at = now(), wakes = c.wakes + 1, failures = 0
    FROM dead WHERE c.task_id = dead.task_id AND c.id = dead.config_id
    RETURNING c.task_id
)
UPDATE push_deliveries d SET state = 'pending', attempts = 0, done_at = NULL
FROM dead, woken
WHERE d.task_id = dead.task_id AND d.config_id = dead.config_id AND d.seq = dead.seq AND d.state = 'dead'
RETURNING d.id
"""

# The state of a delivery.
STATE = "SELECT state FROM push_deliveries WHERE tenant = $1 AND id = $2"

# Forget up to $3 deliveries that arrived more than $1 seconds ago, or were given up more than $2 seconds ago.
PRUNE = """
DELETE FROM push_deliveries WHERE id IN (
    (SELECT id FROM push_deliveries WHERE state = 'delivered' AND done_at < now() - make_interval(secs => $1) LIMIT $3)
    UNION ALL
    (SELECT id FROM push_deliveries WHERE state = 'dead' AND done_at < now() - make_interval(secs => $2) LIMIT $3)
)
"""

# Signing keys that hold, the newest first; `ready` are those that receivers had $1 seconds to fetch.
KEYS = """
SELECT kid, private, public, created_at < now() - make_interval(secs => $1) AS ready FROM signing_keys
WHERE retires_at IS NULL OR retires_at > now() ORDER BY created_at DESC, kid
"""

# Store a new signing key; the others retire after $5 seconds when it is to replace them.
ADD_KEY = """
WITH older AS (
    UPDATE signing_keys SET retires_at = now() + make_interval(secs => $5) WHERE $6 AND retires_at IS NULL
)
INSERT INTO signing_keys (kid, tenant, private, public) VALUES ($1, $2, $3, $4::jsonb)
"""
