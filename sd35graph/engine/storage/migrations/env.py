"""Run by Alembic: hands it the connection that `migrate` opened, whose transaction it joins."""

from alembic import context

from sd35graph.engine.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
