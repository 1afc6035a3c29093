"""Calls of the MCP door that outlive the client's connection, and the events of their streams.

Revision: 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mcp_calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("waiting", sa.String(), nullable=True),
        sa.Column("is_over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("alive_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["mcp_sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mcp_calls_session", "mcp_calls", ["session"])
    op.create_index("mcp_calls_alive", "mcp_calls", ["alive_at"])
    op.create_table(
        "mcp_call_events",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["mcp_calls.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call", "number"),
    )


def downgrade() -> None:
    for table in ("mcp_call_events", "mcp_calls"):
        op.drop_table(table)
