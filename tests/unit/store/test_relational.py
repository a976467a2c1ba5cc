"""What needs no database; the queries are tested on both databases in tests/contract/store."""

import inspect

import pytest

from gateway.store.database import sqlite_database
from gateway.store.port import Store, StoreDown
from gateway.store.relational import RelationalStore

METHODS = sorted(name for name, _ in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_"))


@pytest.mark.parametrize("name", METHODS)
def test_the_signatures_are_the_ports(name):
    wanted, found = inspect.signature(getattr(Store, name)), inspect.signature(getattr(RelationalStore, name))
    assert found == wanted


async def test_a_store_that_was_not_opened_is_down_and_makes_no_file(tmp_path):
    store = RelationalStore(sqlite_database(str(tmp_path / "gateway.db")))
    for question in (store.ping, store.accounts, lambda: store.put_setting("a", "b")):
        with pytest.raises(StoreDown, match="not open"):
            await question()
    await store.close()
    assert list(tmp_path.iterdir()) == []
