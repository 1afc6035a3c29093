"""Every query of the gateway. It only reads; tasks belong to the agents that run them."""

TASK_COLUMNS = "id, agent, state, created_at, status_at, parent_id, root_id, context_id, chain, attempt"

# The latest tasks of a tenant, of one agent or one context when these are given.
LIST_TASKS = f"""
SELECT {TASK_COLUMNS} FROM tasks
WHERE tenant = $1 AND ($2::text IS NULL OR agent = $2) AND ($3::text IS NULL OR context_id = $3)
ORDER BY status_at DESC, id DESC LIMIT $4
"""  # noqa: S608 - made of constants

# One task of a tenant.
GET_TASK = f"SELECT {TASK_COLUMNS} FROM tasks WHERE tenant = $1 AND id = $2"  # noqa: S608 - made of constants

# All tasks below a root, the oldest first.
LIST_BELOW_ROOT = f"""
SELECT {TASK_COLUMNS} FROM tasks
WHERE tenant = $1 AND root_id = $2 AND parent_id IS NOT NULL
ORDER BY id LIMIT $3
"""  # noqa: S608 - made of constants

# Whether the database answers.
PING = "SELECT 1"
