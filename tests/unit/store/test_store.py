"""From a URL to the tables. What they read and write is tested on both databases in tests/contract/store."""

import dataclasses

import pytest

from gateway.store.database import sqlite_database
from gateway.store.errors import StoreDown
from gateway.store.pools import Pools
from gateway.store.store import Store, open_store


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/gateway/gateway.db",
        "sqlite:///gateway.db",
        "postgresql://user:pw@db.example:5432/gateway?sslmode=verify-full",
        "postgres://user@/gateway?host=/run/postgresql",
        "postgresql://one.example,two.example/gateway?target_session_attrs=read-write",
    ],
)
def test_known_urls_make_a_store_without_connecting(url):
    assert isinstance(open_store(url), Store)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a\0b",
        "gateway.db",
        "mysql://root:hunter2@db/x",
        "hunter2",
    ],
)
def test_other_urls_are_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match="store's URL") as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)


async def test_a_store_that_was_not_opened_is_down_and_makes_no_file(tmp_path):
    store = Store.over(Pools(sqlite_database(str(tmp_path / "gateway.db"))))
    for question in (store.ping, store.accounts.all, lambda: store.facts.put("a", "b")):
        with pytest.raises(StoreDown, match="not open"):
            await question()
    await store.close()
    assert list(tmp_path.iterdir()) == []


def test_all_tables_are_over_the_same_pools():
    store = open_store("sqlite:///gateway.db")
    tables = [getattr(store, field.name) for field in dataclasses.fields(Store) if field.name != "pools"]
    assert {table._pools for table in tables} == {store.pools}
