import asyncio
import os
import sqlite3
import threading
from contextlib import closing

import pytest

from gateway.store import database
from gateway.store.border import border
from gateway.store.database import postgres_database, sqlite_database
from gateway.store.port import StoreDown


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
