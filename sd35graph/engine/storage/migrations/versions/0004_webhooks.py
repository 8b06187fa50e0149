"""Whom to tell when a job has ended."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("job_id", sa.String, primary_key=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("secret", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.String),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("webhooks_by_due", "webhooks", ["state", "due_ms"])


def downgrade() -> None:
    op.drop_table("webhooks")
