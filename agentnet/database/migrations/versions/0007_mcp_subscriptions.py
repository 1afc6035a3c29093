"""Subscriptions of MCP sessions.

Revision: 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mcp_subscriptions",
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("own", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["mcp_sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session", "uri"),
    )


def downgrade() -> None:
    op.drop_table("mcp_subscriptions")
