"""How long calls of upstream MCP servers may take.

Revision: 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upstream_servers", sa.Column("call_seconds", sa.Float(), nullable=True))
    timeouts = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("upstream_servers", sa.Column("timeouts", timeouts, server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    op.drop_column("upstream_servers", "timeouts")
    op.drop_column("upstream_servers", "call_seconds")
