"""The tables of the job store. A change here needs a migration in `migrations/versions/`."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)

METADATA = MetaData()

# On SQLite only an INTEGER key counts by itself, and only with AUTOINCREMENT is a number never given twice.
_Serial = BigInteger().with_variant(Integer, "sqlite")


_HAS_USER = text("submitted_by IS NOT NULL")  # an index of these rows costs nothing where nobody has a token

JOBS = Table(
    "jobs",
    METADATA,
    Column("ordinal", _Serial, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("rank", Integer, nullable=False, server_default="0"),  # minus the priority, so that an index gives the order
    Column("number", Float, nullable=False),
    Column("request", JSON, nullable=False),  # what the client asked for, see `NewJob`
    Column("result", JSON),  # what came of it, see `Result`
    Column("created_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("ended_seq", BigInteger),  # the number of its last event: its place in the history
    Column("attempts", Integer, nullable=False),
    Column("owner", String),  # the process that runs it, see `lease`
    Column("lease_until_ms", BigInteger),
    Column("cancel_requested", Boolean, nullable=False),
    Column("submitted_by", String),  # the user whose job it is; null where nobody needs a token
    Index("jobs_by_queue_place", "state", "rank", "number", "ordinal"),
    Index("jobs_by_end", "ended_seq"),
    Index("jobs_by_user", "submitted_by", "ended_seq", sqlite_where=_HAS_USER, postgresql_where=_HAS_USER),
    sqlite_autoincrement=True,
)

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", _Serial, primary_key=True),
    Column("job_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("data", JSON, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Index("events_by_job", "job_id", "seq"),
    sqlite_autoincrement=True,
)

FILES = Table(
    "files",
    METADATA,
    Column("job_id", String, nullable=False),  # the job that showed it; several may show one, from the cache
    Column("folder", String, nullable=False),
    Column("subfolder", String, nullable=False),
    Column("filename", String, nullable=False),
    Index("files_by_name", "filename", "subfolder", "folder"),
    Index("files_by_job", "job_id"),
)

QUEUE_SETTINGS = Table(
    "queue_settings",
    METADATA,
    Column("name", String, primary_key=True),  # `paused`, a boolean, is the only one
    Column("value", JSON, nullable=False),
)

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("job_id", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("secret", String, nullable=False),  # empty once it is needed no more
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", String),
    Column("due_ms", BigInteger, nullable=False),  # when to try next, once the job has ended
    Index("webhooks_by_due", "state", "due_ms"),
)
