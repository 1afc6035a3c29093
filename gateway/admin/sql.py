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

# What those of some tasks that work told last, where that is a step: one of a wait is the last for as long as it lasts.
LAST_STEPS = """
SELECT t.id, e.at, e.body FROM tasks t JOIN task_events e ON e.task_id = t.id AND e.seq = t.last_seq
WHERE t.tenant = $1 AND t.id = ANY($2::uuid[]) AND t.state = 2 AND e.kind = 6
"""

# Whether the database answers.
PING = "SELECT 1"
