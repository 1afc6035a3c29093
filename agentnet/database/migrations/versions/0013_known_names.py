"""The names that the registry was ever told: one whose replicas are away is not one that there is none of.

Revision: 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registry_known",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "name", "tenant")),
        sa.PrimaryKeyConstraint("kind", "name", "tenant"),
    )
    op.execute("INSERT INTO registry_known SELECT DISTINCT kind, name, tenant FROM registry_entries")


def downgrade() -> None:
    op.drop_table("registry_known")
