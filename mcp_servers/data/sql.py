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

# The files that tenant $1 finds by their names in its task $2: those of the task's context, then those of who delegated
# it, of the root (what the user sent), of the rest of its tree, then those of no task at all. All others are of other
# conversations, and opened by their ids alone.
_FOUND = """
WITH own AS (SELECT root_id, parent_id, context_id FROM tasks WHERE id = $2::uuid AND tenant = $1),
contexts AS (
  SELECT t.context_id, min(CASE WHEN t.context_id = own.context_id THEN 0 WHEN t.id = own.parent_id THEN 1
    WHEN t.id = own.root_id THEN 2 ELSE 3 END) AS distance
  FROM own JOIN tasks t ON t.tenant = $1
    AND (t.id = own.root_id OR (t.root_id = own.root_id AND t.parent_id IS NOT NULL))
  GROUP BY t.context_id
),
held AS (
  SELECT u.file_id, min(c.distance) AS distance
  FROM contexts c JOIN tasks t ON t.tenant = $1 AND t.context_id = c.context_id JOIN file_uses u ON u.task_id = t.id
  GROUP BY u.file_id
),
found AS (
  SELECT f.id, f.name, f.media_type, f.size, f.created_at, coalesce(held.distance, 4) AS distance
  FROM files f LEFT JOIN held ON held.file_id = f.id
  WHERE f.tenant = $1 AND (held.file_id IS NOT NULL
    OR NOT EXISTS (SELECT FROM file_uses u WHERE u.tenant = $1 AND u.file_id = f.id))
)
"""

# Those that are tables by their names' endings or their media types, the nearest first, and of these the newest.
FILES = f"""{_FOUND}
SELECT id, name, size FROM found
WHERE lower(substring(name FROM '\\.[^.]*$')) = ANY($4) OR lower(split_part(media_type, ';', 1)) = ANY($5)
ORDER BY distance, created_at DESC, id LIMIT $3
"""  # noqa: S608 - put together from constants

# The one that is called so, with or without its ending: the nearest, and of these the newest.
NAMED_FILE = f"""{_FOUND}
SELECT id, name FROM found
WHERE lower(name) = lower($3) OR lower(regexp_replace(name, '\\.[^.]*$', '')) = lower($3)
ORDER BY distance, lower(name) = lower($3) DESC, created_at DESC, id LIMIT 1
"""  # noqa: S608 - put together from constants
