from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, inspect

from gateway.store.migrations import m0001_first


def test_the_first_step_makes_the_tables_from_nothing():
    engine = create_engine("sqlite://")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        m0001_first.upgrade()
        found = inspect(connection)
        assert set(found.get_table_names()) == {
            "accounts",
            "gateways",
            "tokens",
            "sessions",
            "provider_keys",
            "custom_providers",
            "records",
            "record_bodies",
            "record_counts",
            "record_purges",
            "rollups",
            "callers",
            "audit",
            "facts",
        }
        (index,) = found.get_indexes("records")
        assert index["column_names"][:4] == ["account_id", "gateway_id", "created_at", "id"]
        assert found.get_foreign_keys("record_bodies")[0]["options"] == {"ondelete": "CASCADE"}
        assert found.get_foreign_keys("provider_keys")[0]["options"] == {"ondelete": "CASCADE"}
    engine.dispose()
