"""Retention: rules of tenants, whose turn it is to sweep, and which task holds which file.

Revision: 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "state"),
    )
    op.create_table(
        "retention_turns",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "file_uses",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "file_id"),
    )
    op.create_index("file_uses_file", "file_uses", ["tenant", "file_id"])
    op.drop_index("push_done", table_name="push_deliveries")
    done = sa.text("done_at IS NOT NULL")
    op.create_index("push_done", "push_deliveries", ["state", "done_at"], postgresql_where=done)


def downgrade() -> None:
    op.drop_index("push_done", table_name="push_deliveries")
    op.create_index("push_done", "push_deliveries", ["done_at"], postgresql_where=sa.text("state = 'delivered'"))
    op.drop_table("file_uses")
    op.drop_table("retention_turns")
    op.drop_table("retention_rules")
