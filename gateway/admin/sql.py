"""Every query of the gateway. It only reads; tasks belong to the agents that run them."""

TASK_COLUMNS = "id, agent, state, created_at, status_at, parent_id, root_id, context_id, chain, attempt"

# One task of a tenant.
GET_TASK = f"SELECT {TASK_COLUMNS} FROM tasks WHERE tenant = $1 AND id = $2"  # noqa: S608 - made of constants

# All tasks below a root: the children of each task together, the oldest first.
LIST_BELOW_ROOT = f"""
SELECT {TASK_COLUMNS} FROM tasks
WHERE tenant = $1 AND root_id = $2 AND parent_id IS NOT NULL
ORDER BY parent_id, id LIMIT $3
"""  # noqa: S608 - made of constants

# Whether the database answers.
PING = "SELECT 1"
