"""Requests of the MCP door that their clients cancelled, for the replica that serves them.

Revision: 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mcp_cancels",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["mcp_sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call"),
    )
    op.create_index("mcp_cancels_session", "mcp_cancels", ["session"])


def downgrade() -> None:
    op.drop_table("mcp_cancels")
