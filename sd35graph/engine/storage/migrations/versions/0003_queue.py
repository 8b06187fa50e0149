"""The priority of jobs, and whether the queue is paused."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("rank", sa.Integer, nullable=False, server_default="0"))
    op.drop_index("jobs_by_queue_place", "jobs")
    op.create_index("jobs_by_queue_place", "jobs", ["state", "rank", "number", "ordinal"])
    op.create_table(
        "queue_settings",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("queue_settings")
    op.drop_index("jobs_by_queue_place", "jobs")
    op.create_index("jobs_by_queue_place", "jobs", ["state", "number", "ordinal"])
    op.drop_column("jobs", "rank")
