"""Lists of tasks by index, whatever they are filtered by; each index takes the place of one.

Built while others write: a table of millions would be locked for as long as its index takes.

Revision: 0010.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DELEGATED = " WHERE parent_id IS NOT NULL"
NEW = {
    "tasks_list": "(tenant, agent, state, status_at, id)",
    "tasks_context": "(tenant, context_id, agent, state, status_at, id)",
    "tasks_root": "(root_id, parent_id, id)" + DELEGATED,
}
OLD = {
    "tasks_list": "(tenant, agent, status_at, id)",
    "tasks_context": "(tenant, context_id)",
    "tasks_root": "(root_id)" + DELEGATED,
}


def upgrade() -> None:
    _replace(NEW)


def downgrade() -> None:
    _replace(OLD)


def _replace(indexes: dict[str, str]) -> None:
    with op.get_context().autocommit_block():
        for name, columns in indexes.items():
            # A build that was cut off leaves an index behind that is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new")
            op.execute(f"CREATE INDEX CONCURRENTLY {name}_new ON tasks {columns}")
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
