"""Deadlines and failures; what is read and written is tested on both databases in tests/contract/store."""

import asyncio

import pytest

from gateway.store import connected
from gateway.store.database import sqlite_database
from gateway.store.port import StoreDown
from gateway.store.relational import RelationalStore


@pytest.fixture
async def store(tmp_path):
    opened = RelationalStore(sqlite_database(str(tmp_path / "store.db")))
    await opened.open()
    yield opened
    await opened.close()


async def test_a_read_and_a_write_that_hang_are_down(store, monkeypatch):
    monkeypatch.setattr(connected, "READ_S", 0.02)
    monkeypatch.setattr("gateway.store.relational.WRITE_S", 0.02)

    class Hanging:
        async def __aenter__(self):
            await asyncio.Event().wait()

        async def __aexit__(self, *_):
            return None

    with monkeypatch.context() as patched:
        patched.setattr(store, "_connected", lambda _: Hanging())
        with pytest.raises(StoreDown, match="no answer in time"):
            await store.accounts()
        patched.setattr(store, "_turn", Hanging())
        with pytest.raises(StoreDown, match="no answer in time"):
            await store.put_setting("a", "b")
    await store.put_setting("a", "c")
    assert await store.setting("a") == "c"


async def test_failed_writes_are_counted_and_reads_are_not(store):
    await store.put_setting("a", "b")
    assert store.failed_writes == 0
    await store.close()
    with pytest.raises(StoreDown):
        await store.setting("a")
    assert store.failed_writes == 0
    for work in (store.ping, lambda: store.put_setting("a", "c"), lambda: store.delete_gateway("a", "g")):
        with pytest.raises(StoreDown):
            await work()
    assert store.failed_writes == 3
