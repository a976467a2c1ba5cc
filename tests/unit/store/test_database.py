import asyncio
import os
import sqlite3
import threading
from contextlib import closing

import pytest

from gateway.store import database
from gateway.store.border import border
from gateway.store.database import DatabaseFile, postgres_database, sqlite_database
from gateway.store.errors import StoreDown
from gateway.store.pools import Pools
from gateway.store.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a b?c#d%41.db"


def _mode(path):
    return path.stat().st_mode & 0o777


def test_making_the_values_touches_nothing(path):
    sqlite_database(str(path))
    postgres_database("postgresql://nobody@/nowhere?host=/nonexistent")
    assert not path.exists()


def test_a_new_file_is_private_and_in_wal_mode(path):
    before = os.umask(0)
    try:
        sqlite_database(str(path)).prepare()
    finally:
        os.umask(before)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert _mode(path) == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_existing_file_is_kept_made_private_and_switched(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE kept (x)")
    path.chmod(0o644)
    sqlite_database(str(path)).prepare()
    assert _mode(path) == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("kept",)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_switch_waits_for_another_process(path):
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.1, lambda: other.execute("COMMIT"))
        release.start()
        sqlite_database(str(path)).prepare()
        release.join()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_switch_gives_up_in_the_end(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.02)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite_database(str(path)).prepare()


async def test_a_file_that_vanished_is_not_made_anew(path):
    made = sqlite_database(str(path))
    with pytest.raises(Exception, match="unable to open"):
        async with made.engine.connect():
            pass
    assert not path.exists()
    await made.engine.dispose()
    # aiosqlite's thread still reports its end to this loop.
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join)


def test_a_relative_path_is_fixed_when_the_value_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = sqlite_database("here.db")
    monkeypatch.chdir("/")
    made.prepare()
    assert (tmp_path / "here.db").exists()


async def test_a_postgres_that_says_nothing_is_down_in_time(monkeypatch):
    monkeypatch.setattr(database, "CONNECT_TIMEOUT_S", 0.05)
    held = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = postgres_database(f"postgresql://u@127.0.0.1:{port}/x?sslmode=disable")
    with pytest.raises(StoreDown), border():
        async with made.engine.connect():
            pass
    await made.engine.dispose()
    for writer in held:
        writer.close()
    server.close()


# --- queries that are given up


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def test_a_query_of_peoples_that_is_cancelled_ends_and_the_pool_goes_on(path):
    made = sqlite_database(str(path))
    made.prepare()
    before = {thread.ident for thread in threading.enumerate()}
    for _ in range(12):  # more than the pool has connections

        async def ask():
            async with made.people.connect() as connection:
                await connection.exec_driver_sql(ENDLESS)

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.02)
        asking.cancel()
        async with asyncio.timeout(30):
            with pytest.raises(asyncio.CancelledError):
                await asking
    async with made.people.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1
    for engine in made.engines:
        await engine.dispose()
    async with asyncio.timeout(30):
        while {thread.ident for thread in threading.enumerate()} - before:
            await asyncio.sleep(0.01)


async def test_reads_and_writes_do_not_wait_for_what_people_ask(path):
    made = sqlite_database(str(path))
    made.prepare()

    async def ask():
        async with made.people.connect() as connection:
            await connection.exec_driver_sql(ENDLESS)

    asking = [asyncio.create_task(ask()) for _ in range(3)]
    await asyncio.sleep(0.02)
    async with asyncio.timeout(30):
        async with made.reads.connect() as connection:
            assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1
        async with made.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE TABLE t (x)")
    assert not any(each.done() for each in asking)
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    for engine in made.engines:
        await engine.dispose()


# --- the file that was opened


def _moved(path):
    path.rename(path.with_name("moved"))


def _replaced(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def _made_a_folder(path):
    path.unlink()
    path.mkdir()


def _log_deleted(path):
    path.with_name(path.name + "-wal").unlink()


def _log_replaced(path):
    _replaced(path.with_name(path.name + "-wal"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_moved, "its file was moved or deleted"),
        (lambda path: path.unlink(), "its file was moved or deleted"),
        (_replaced, "its file was replaced: restart to use the new one"),
        (_made_a_folder, "its file was replaced: restart to use the new one"),
        (_log_deleted, "its write-ahead log was moved or deleted"),
        (_log_replaced, "its write-ahead log was replaced: restart to use the new one"),
    ],
)
def test_a_file_that_is_not_what_was_opened_is_noticed(path, change, said):
    for name in (path, path.with_name(path.name + "-wal")):
        name.write_bytes(b"x")
    file = DatabaseFile(str(path))
    file.opened()
    file.check()
    # SQLite has them open: until it closes them, their numbers are given to no other file.
    with path.open(), path.with_name(path.name + "-wal").open():
        change(path)
        with pytest.raises(StoreDown, match=f"^{said}$"):
            file.check()


async def test_the_log_stays_while_no_pool_has_a_connection(path):
    store = Store.over(Pools(sqlite_database(str(path))))
    await store.open()
    await store.facts.put("a", "b")
    for engine in store.pools.database.engines:
        await engine.dispose()
    assert path.with_name(path.name + "-wal").exists()
    assert await store.facts.get("a") == "b"
    await store.close()
    assert not path.with_name(path.name + "-wal").exists(), "a clean stop leaves one file to copy"


def test_a_file_that_comes_back_is_the_same_and_a_link_is_what_it_leads_to(path):
    path.write_bytes(b"x")
    link = path.with_name("link")
    link.symlink_to(path)
    file = DatabaseFile(str(link))
    file.opened()
    _moved(path)
    with pytest.raises(StoreDown):
        file.check()
    path.with_name("moved").rename(path)
    file.check()
