"""Keys of a tenant by index in the order of their list.

Revision: 0012.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("api_keys_list", "api_keys", ["tenant", "created_at", "id"])
    op.drop_index("ix_api_keys_tenant", table_name="api_keys")


def downgrade() -> None:
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant"])
    op.drop_index("api_keys_list", table_name="api_keys")
