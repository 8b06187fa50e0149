"""The job store: jobs and state events in SQLite, or any other database SQLAlchemy knows."""
