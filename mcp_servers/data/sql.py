"""The statements of the data server on PostgreSQL."""

TASK_LOG_TYPES = {
    "task_id": "VARCHAR",
    "agent": "VARCHAR",
    "state": "VARCHAR",
    "created_at": "TIMESTAMP",
    "finished_at": "TIMESTAMP",
    "duration_seconds": "DOUBLE",
    "events": "BIGINT",
    "attempt": "BIGINT",
    "depth": "BIGINT",
    "parent": "VARCHAR",
    "root": "VARCHAR",
    "context_id": "VARCHAR",
}
"""Columns of the task log and their types in DuckDB, in the order of `TASK_LOG`."""

# The newest tasks of a tenant with the number of their events; times in UTC, states by A2A's names.
TASK_LOG = """
SELECT t.id AS task_id, t.agent,
  (ARRAY['submitted','working','completed','failed','canceled','input-required','rejected','auth-required'])[t.state]
    AS state,
  t.created_at AT TIME ZONE 'UTC' AS created_at,
  CASE WHEN t.state IN (3, 4, 5, 7) THEN t.status_at AT TIME ZONE 'UTC' END AS finished_at,
  CASE WHEN t.state IN (3, 4, 5, 7) THEN round(extract(epoch FROM t.status_at - t.created_at)::numeric, 3) END
    AS duration_seconds,
  e.events, t.attempt, greatest(jsonb_array_length(t.chain) - 1, 0) AS depth,
  t.parent_id AS parent, t.root_id AS root, t.context_id
FROM (SELECT * FROM tasks WHERE tenant = $1 ORDER BY id DESC LIMIT $2) t
CROSS JOIN LATERAL (SELECT count(*) AS events FROM task_events WHERE task_id = t.id) e
ORDER BY t.id
"""

# How many tasks a tenant has, up to the limit.
TASK_COUNT = "SELECT count(*) FROM (SELECT 1 FROM tasks WHERE tenant = $1 LIMIT $2) t"

# The newest files of a tenant that are tables by their names' endings or their media types.
FILES = """
SELECT id, name, size FROM files
WHERE tenant = $1
  AND (lower(substring(name FROM '\\.[^.]*$')) = ANY($3) OR lower(split_part(media_type, ';', 1)) = ANY($4))
ORDER BY created_at DESC, id LIMIT $2
"""

# The newest file of a tenant that is called so, with or without its ending.
NAMED_FILE = """
SELECT id, name FROM files
WHERE tenant = $1 AND (lower(name) = lower($2) OR lower(regexp_replace(name, '\\.[^.]*$', '')) = lower($2))
ORDER BY lower(name) = lower($2) DESC, created_at DESC, id LIMIT 1
"""
