"""Push notifications: the outbox, and the keys that sign what is sent.

Revision: 0002.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("push", postgresql.ARRAY(sa.Text()), nullable=True))
    # Nothing could make a config before this revision.
    op.execute("DELETE FROM push_configs")
    op.add_column("push_configs", sa.Column("version", sa.String(), nullable=False))
    op.add_column("push_configs", sa.Column("address", sa.String(), nullable=False))
    op.add_column("push_configs", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("push_configs", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("push_configs", sa.Column("fence", sa.Integer(), server_default="0", nullable=False))
    op.add_column("push_configs", sa.Column("wakes", sa.Integer(), server_default="0", nullable=False))
    op.add_column("push_configs", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.create_index("push_due", "push_configs", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "push_deliveries",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("config_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("task_id", "config_id", "seq"),
    )
    op.create_index("push_id", "push_deliveries", ["id"], unique=True)
    op.create_index(
        "push_pending",
        "push_deliveries",
        ["task_id", "config_id", "seq"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("push_list", "push_deliveries", ["tenant", "state", "created_at"])
    op.create_index("push_done", "push_deliveries", ["done_at"], postgresql_where=sa.text("state = 'delivered'"))
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=False),
        sa.Column("public", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )


def downgrade() -> None:
    op.drop_table("signing_keys")
    op.drop_table("push_deliveries")
    op.drop_index("push_due", table_name="push_configs")
    for column in ("failures", "wakes", "fence", "lease_until", "due_at", "address", "version"):
        op.drop_column("push_configs", column)
    op.drop_column("tasks", "push")
