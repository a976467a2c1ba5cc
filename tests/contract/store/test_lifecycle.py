"""Opening, migrating, losing the database and getting it back."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import gateway
from gateway.model.page import Page
from gateway.store import database, tables
from gateway.store.errors import SchemaTooNew, StoreDown
from gateway.store.log_query import EVERYTHING
from gateway.store.store import open_store


def _path(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


async def _run(url: str, *statements: str) -> None:
    """Something done to the database behind the store's back."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(_path(url))) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def test_opening_again_changes_nothing(url, samples):
    first = open_store(url)
    await first.open()
    await first.accounts.insert(samples.account())
    await first.open()
    await first.close()
    await first.close()
    second = open_store(url)
    await second.open()
    await second.ping()
    assert await second.accounts.all() == [samples.account()]
    await second.close()


async def test_a_closed_store_opens_again(url, samples):
    store = open_store(url)
    await store.open()
    await store.accounts.insert(samples.account())
    await store.close()
    with pytest.raises(StoreDown):
        await store.accounts.all()
    await store.open()
    assert await store.accounts.all() == [samples.account()]
    await store.close()


async def test_several_open_at_once(url, samples):
    stores = [open_store(url) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    await stores[0].accounts.insert(samples.account())
    for store in stores:
        assert await store.accounts.all() == [samples.account()]
        await store.close()


_OPEN = """
import asyncio, sys
from gateway.store.store import open_store
async def main():
    store = open_store(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    await store.open()
    await store.facts.put(sys.argv[2], "here")
    await store.close()
asyncio.run(main())
"""


async def test_two_processes_open_an_empty_database_at_once(url):
    root = Path(gateway.__file__).parent.parent
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN, url, name], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    store = open_store(url)
    await store.open()
    assert [await store.facts.get(name) for name in ("one", "two")] == ["here", "here"]
    await store.close()


async def test_a_schema_from_the_future_is_refused_and_untouched(url):
    store = open_store(url)
    await store.open()
    await store.close()
    await _run(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match="later version"):
        await store.open()
    with pytest.raises(StoreDown):
        await store.ping()
    await store.close()
    await _run(url, "UPDATE alembic_version SET version_num = '0001'")
    await store.open()
    await store.close()


async def test_a_failed_migration_leaves_nothing_behind(url):
    await _run(url, "CREATE TABLE facts (x INTEGER)")
    store = open_store(url)
    with pytest.raises(StoreDown):
        await store.open()
    await _run(url, "DROP TABLE facts")
    await store.open()
    await store.facts.put("a", "b")
    await store.close()


async def test_the_migrations_lead_to_the_tables(empty_store):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata)

    async with empty_store.pools.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_postgres_stops_and_returns(mortal_postgres, samples):
    url = mortal_postgres.url()
    store = open_store(url)
    await store.open()
    await store.accounts.insert(samples.account())
    mortal_postgres.stop()
    for attempt in (store.ping, store.accounts.all, lambda: store.facts.put("a", "b"), store.ping):
        with pytest.raises(StoreDown):
            await attempt()
    late = open_store(url)
    with pytest.raises(StoreDown):
        await late.open()
    mortal_postgres.start()
    assert await store.accounts.all() == [samples.account()], "the first call after the return succeeds"
    await late.open()
    assert await late.accounts.all() == [samples.account()]
    await store.close()
    await late.close()


async def test_postgres_that_restarts_between_two_calls_costs_no_call(mortal_postgres, samples):
    store = open_store(mortal_postgres.url())
    await store.open()
    await asyncio.gather(*(store.ping() for _ in range(5)))
    await asyncio.to_thread(mortal_postgres.stop)
    await asyncio.to_thread(mortal_postgres.start)
    await store.accounts.insert(samples.account())
    assert await store.accounts.all() == [samples.account()]
    await store.close()


@pytest.mark.parametrize(
    "change",
    ["postgresql://nobody-here@/postgres?host=/nonexistent", "postgresql://u:hunter2@127.0.0.1:1/x", "postgresql://u@h:bad/x"],
)
async def test_an_unreachable_postgres_is_down_and_keeps_its_password(change):
    store = open_store(change)
    with pytest.raises(StoreDown) as caught:
        await store.open()
    assert "hunter2" not in repr(caught.value)
    await store.close()


async def test_an_unknown_postgres_database_is_down(postgres):
    store = open_store(postgres.url("no_such_database"))
    with pytest.raises(StoreDown, match="InvalidCatalogName"):
        await store.open()
    await store.close()


async def test_a_folder_that_is_not_there_yet(tmp_path):
    folder = tmp_path / "later"
    store = open_store(f"sqlite:///{folder}/gateway.db")
    with pytest.raises(StoreDown):
        await store.open()
    folder.mkdir()
    await store.open()
    await store.ping()
    await store.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look at " * 50, b"SQLite format 3\0" + b"\xff" * 4096]
)
async def test_a_file_that_is_no_database_is_down_and_kept(sqlite_url, content):
    path = _path(sqlite_url)
    path.write_bytes(content)
    store = open_store(sqlite_url)
    with pytest.raises(StoreDown):
        await store.open()
    await store.close()
    assert path.read_bytes() == content


async def test_a_path_through_a_file_is_down(tmp_path):
    (tmp_path / "file").write_text("")
    store = open_store(f"sqlite:///{tmp_path}/file/gateway.db")
    with pytest.raises(StoreDown, match="Not a directory"):
        await store.open()
    await store.close()


async def test_a_folder_that_cannot_be_written_is_down(tmp_path):
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o555)
    store = open_store(f"sqlite:///{folder}/gateway.db")
    root = os.geteuid() == 0
    parents = [parent for parent in (tmp_path, *tmp_path.parents) if parent.stat().st_uid == os.geteuid()]
    modes = {parent: parent.stat().st_mode & 0o7777 for parent in parents}
    try:
        if root:  # whom no permission stops
            for parent in parents:
                parent.chmod(modes[parent] | 0o011)
            os.seteuid(65534)
        with pytest.raises(StoreDown, match="Permission denied"):
            await store.open()
    finally:
        if root:
            os.seteuid(0)
        for parent, mode in modes.items():
            parent.chmod(mode)
    folder.chmod(0o755)
    await store.open()
    await store.close()


async def test_another_process_holding_the_write_lock_is_down_for_writes_only(sqlite_url, samples, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    store = open_store(sqlite_url)
    await store.open()
    await store.accounts.insert(samples.account())
    with closing(sqlite3.connect(_path(sqlite_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreDown, match="SQLITE_BUSY"):
            await store.facts.put("a", "b")
        assert await store.accounts.all() == [samples.account()]
        other.execute("ROLLBACK")
    await store.facts.put("a", "b")
    assert await store.facts.get("a") == "b"
    await store.close()


async def test_tables_that_vanish_are_down_not_a_crash(url, samples):
    store = open_store(url)
    await store.open()
    await _run(url, "DROP TABLE record_bodies")
    await _run(url, "DROP TABLE records")
    with pytest.raises(StoreDown):
        await store.log.page(samples.account_id, "g", EVERYTHING, Page())
    with pytest.raises(StoreDown):
        await store.log.insert([samples.record()])
    await store.ping()
    await store.close()


async def test_the_sqlite_files_are_private_whatever_the_umask(sqlite_url, samples):
    before = os.umask(0)
    try:
        store = open_store(sqlite_url)
        await store.open()
        await store.accounts.insert(samples.account())
        modes = {file.name: file.stat().st_mode & 0o777 for file in _path(sqlite_url).parent.iterdir()}
    finally:
        os.umask(before)
    await store.close()
    assert modes == {"gateway.db": 0o600, "gateway.db-wal": 0o600, "gateway.db-shm": 0o600}


async def test_sqlite_runs_as_configured(sqlite_url):
    store = open_store(sqlite_url)
    await store.open()
    async with store.pools.reading() as connection:
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    await store.close()
    assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 5000}


async def test_a_missing_file_is_made_only_where_a_new_store_is_expected(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/gateway.db", create=False)
    with pytest.raises(StoreDown, match="its file is gone"):
        await store.open()
    assert not list(tmp_path.iterdir())


async def test_a_store_whose_file_is_taken_away_refuses_everything_until_it_is_back(tmp_path, samples):
    path = tmp_path / "gateway.db"
    store = open_store(f"sqlite:///{path}")
    await store.open()
    await store.accounts.insert(samples.account())
    path.rename(tmp_path / "away")
    for work in (
        store.ping,
        store.accounts.all,
        lambda: store.facts.put("a", "b"),
        lambda: store.log.insert([samples.record(1.0)]),
    ):
        with pytest.raises(StoreDown, match="its file was moved or deleted"):
            await work()
    assert store.pools.failed_writes == 3, "all but the read"
    (tmp_path / "away").rename(path)
    await store.ping()
    assert await store.accounts.all() == [samples.account()]
    await store.close()
