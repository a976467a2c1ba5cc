"""Deadlines and failures; what is read and written is tested on both databases in tests/contract/store."""

import asyncio

import pytest

from gateway.store import pools
from gateway.store.database import sqlite_database
from gateway.store.errors import StoreDown
from gateway.store.pools import Pools
from gateway.store.store import Store


@pytest.fixture
async def store(tmp_path):
    opened = Store.over(Pools(sqlite_database(str(tmp_path / "store.db"))))
    await opened.open()
    yield opened
    await opened.close()


async def test_a_read_and_a_write_that_hang_are_down(store, monkeypatch):
    class Hanging:
        async def __aenter__(self):
            await asyncio.Event().wait()

        async def __aexit__(self, *_):
            return None

    with monkeypatch.context() as patched:
        patched.setattr(pools, "READ_S", 0.02)
        patched.setattr(pools, "WRITE_S", 0.02)
        patched.setattr(store.pools, "_connected", lambda _: Hanging())
        with pytest.raises(StoreDown, match="no answer in time"):
            await store.accounts.all()
        patched.setattr(store.pools, "_turn", Hanging())
        with pytest.raises(StoreDown, match="no answer in time"):
            await store.facts.put("a", "b")
    await store.facts.put("a", "c")
    assert await store.facts.get("a") == "c"


@pytest.mark.parametrize("number", range(5))
async def test_closing_waits_for_what_was_given_up(store, number):
    """Closed under its hands, a connection that is being given back waited for ever for a thread that had ended."""
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"

    async def read():
        async with store.pools.reading() as connection:
            await connection.exec_driver_sql(slow)

    before = asyncio.all_tasks()
    asked = [asyncio.create_task(store.pools.in_time(30, read())) for _ in range(3)]
    await asyncio.sleep(0.002 * number)
    for task in asked:
        task.cancel()
    await store.close()
    assert store.pools._users == 0
    if left := asyncio.all_tasks() - before:
        await asyncio.wait(left, timeout=30)
    assert asyncio.all_tasks() == before


async def test_failed_writes_are_counted_and_reads_are_not(store):
    await store.facts.put("a", "b")
    assert store.pools.failed_writes == 0
    await store.close()
    with pytest.raises(StoreDown):
        await store.facts.get("a")
    assert store.pools.failed_writes == 0
    for work in (store.ping, lambda: store.facts.put("a", "c"), lambda: store.gateways.delete("a", "g")):
        with pytest.raises(StoreDown):
            await work()
    assert store.pools.failed_writes == 3
