import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from gateway.store import tables
from gateway.store.errors import SchemaTooNew
from gateway.store.schema import migrate, script_directory


@pytest.fixture
def engine():
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


def test_the_migrations_lead_to_the_tables(engine):
    with engine.begin() as connection:
        migrate(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_migrating_again_does_nothing(engine):
    with engine.begin() as connection:
        migrate(connection)
        connection.execute(text("INSERT INTO facts VALUES ('a', 'b')"))
        migrate(connection)
        assert connection.execute(text("SELECT value FROM facts")).scalars().all() == ["b"]
        assert MigrationContext.configure(connection).get_current_heads() == (script_directory().get_current_head(),)


def test_an_unknown_revision_is_from_the_future(engine):
    with engine.begin() as connection:
        migrate(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = 'beyond'"))
        with pytest.raises(SchemaTooNew):
            migrate(connection)


def test_the_steps_are_one_line_named_by_their_numbers():
    steps = list(script_directory().walk_revisions())
    assert [step.revision for step in steps] == [f"{number:04}" for number in range(len(steps), 0, -1)]
    assert all(step.module.__file__.rpartition("/")[2].startswith(f"m{step.revision}_") for step in steps)
