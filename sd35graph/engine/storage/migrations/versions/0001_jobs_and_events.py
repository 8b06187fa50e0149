"""Jobs and events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "jobs",
        sa.Column("ordinal", serial, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("number", sa.Float, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("started_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("ended_seq", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("owner", sa.String),
        sa.Column("lease_until_ms", sa.BigInteger),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_queue_place", "jobs", ["state", "number", "ordinal"])
    op.create_index("jobs_by_end", "jobs", ["ended_seq"])
    op.create_table(
        "events",
        sa.Column("seq", serial, primary_key=True),
        sa.Column("job_id", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_job", "events", ["job_id", "seq"])


def downgrade() -> None:
    op.drop_table("events")
    op.drop_table("jobs")
