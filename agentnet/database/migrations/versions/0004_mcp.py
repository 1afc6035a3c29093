"""The MCP door: sessions, answers on their way between replicas, profiles.

Revision: 0004.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mcp_sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("capabilities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("client_info", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("upstreams", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("log_level", sa.String(), nullable=True),
        _moment("created_at"),
        _moment("seen_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mcp_sessions_owner", "mcp_sessions", ["tenant", "subject", "seen_at"])
    op.create_index("mcp_sessions_seen", "mcp_sessions", ["seen_at"])
    op.create_table(
        "mcp_answers",
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _moment("at"),
        sa.PrimaryKeyConstraint("session", "id"),
    )
    op.create_index("mcp_answers_at", "mcp_answers", ["at"])
    op.create_table(
        "mcp_profiles",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("tenant", "name"),
    )


def downgrade() -> None:
    for table in ("mcp_profiles", "mcp_answers", "mcp_sessions"):
        op.drop_table(table)


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
