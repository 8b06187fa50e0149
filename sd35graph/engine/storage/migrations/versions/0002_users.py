"""Whose jobs they are, and which job showed which file."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("submitted_by", sa.String))
    has_user = sa.text("submitted_by IS NOT NULL")
    op.create_index(
        "jobs_by_user", "jobs", ["submitted_by", "ended_seq"], sqlite_where=has_user, postgresql_where=has_user
    )
    op.create_table(
        "files",
        sa.Column("job_id", sa.String, nullable=False),
        sa.Column("folder", sa.String, nullable=False),
        sa.Column("subfolder", sa.String, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
    )
    op.create_index("files_by_name", "files", ["filename", "subfolder", "folder"])
    op.create_index("files_by_job", "files", ["job_id"])


def downgrade() -> None:
    op.drop_table("files")
    op.drop_index("jobs_by_user", "jobs")
    op.drop_column("jobs", "submitted_by")
