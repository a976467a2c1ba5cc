"""Bringing the schema up to date: alembic, driven without its command line, all steps in the caller's transaction."""

from importlib.resources import files
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.store.errors import SchemaTooNew


def script_directory() -> ScriptDirectory:
    """The migrations as shipped in the package; each is one module with `revision` and `down_revision`."""
    folder = str(files("gateway.store") / "migrations")
    return ScriptDirectory(folder, version_locations=[folder])


def migrate(connection: Connection) -> None:
    """Upgrade to the newest revision. The connection must be in a transaction that keeps other migrations out.

    Raises SchemaTooNew when the database was migrated by a later version of the gateway.
    """
    script = script_directory()
    known = {revision.revision for revision in script.walk_revisions()}
    if not known.issuperset(MigrationContext.configure(connection).get_current_heads()):
        raise SchemaTooNew("the store was migrated by a later version of the gateway: install that one, or restore a backup")

    def steps(current: Any, context: MigrationContext) -> Any:
        return script._upgrade_revs("head", current)

    with EnvironmentContext(Config(), script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
