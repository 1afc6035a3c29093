"""The registry anew: leases in narrow rows of their own, marks and labels for search, names by index.

What was registered comes back by itself with the next heartbeat.

Revision: 0011.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
NOW = sa.text("now()")


def upgrade() -> None:
    op.drop_table("registry_entries")
    op.create_table(
        "registry_entries",
        *_identity(),
        sa.Column("labels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "instance"),
    )
    op.create_index("registry_lease", "registry_entries", ["lease"], unique=True)
    op.create_index("registry_names", "registry_entries", ["kind", "tenant", "name"])
    op.create_index("registry_endings", "registry_entries", ["kind", "tenant", sa.text("reverse(name)"), "name"])
    # Without a list of what is to be sorted in later: each search would read it whole.
    op.create_index(
        "registry_search", "registry_entries", ["search"], postgresql_using="gin", postgresql_with={"fastupdate": "off"}
    )
    # What ranks stays in the row and is not packed: to fetch and unpack it costs more than to rank it.
    op.execute("ALTER TABLE registry_entries ALTER search SET STORAGE MAIN, ALTER search SET STATISTICS 500")
    op.execute("ALTER TABLE registry_entries SET (toast_tuple_target = 4080)")
    op.create_table(
        "registry_leases",
        sa.Column("digest", sa.Uuid(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.ForeignKeyConstraint(["digest"], ["registry_entries.lease"], ondelete="CASCADE"),
    )
    op.execute("ALTER TABLE registry_leases SET (fillfactor = 40)")


def downgrade() -> None:
    op.drop_table("registry_leases")
    op.drop_table("registry_entries")
    weighted = (
        "setweight(to_tsvector('english', name), 'A') || "
        "setweight(to_tsvector('english', description), 'B') || to_tsvector('english', words)"
    )
    op.create_table(
        "registry_entries",
        *_identity(),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), sa.Computed(weighted, persisted=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "instance"),
    )
    op.create_index("registry_lease", "registry_entries", ["kind", "tenant", "name", "lease_until"])
    op.create_index("registry_search", "registry_entries", ["search"], postgresql_using="gin")


def _identity() -> list[sa.Column[Any]]:
    texts = ("kind", "name", "instance", "tenant", "url", "description")
    documents = ("skills", "document")
    return [
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        *(sa.Column(name, JSONB, nullable=False) for name in documents),
    ]
