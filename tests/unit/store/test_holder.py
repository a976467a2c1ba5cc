"""One service for one store, on SQLite's side; PostgreSQL's: tests/contract/store/test_holder.py."""

import os
import signal
import subprocess
import sys

import pytest

from gateway.store import holder
from gateway.store.errors import StoreDown, Unusable
from gateway.store.holder import FileHolder, me

HOLD = """
import asyncio, sys, time
from gateway.store.holder import FileHolder
one = FileHolder(sys.argv[1])
asyncio.run(one.take())
print("held", flush=True)
time.sleep(60)
"""


async def test_another_is_refused_by_name_and_the_next_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(holder, "PATIENCE_S", 0.0)
    first, second = (FileHolder(str(tmp_path / "gateway.db")) for _ in range(2))
    await first.take()
    await first.take()
    with pytest.raises(Unusable, match=rf"in use by another gateway serve \({me()}\): end that one"):
        await second.take()
    await first.release()
    await first.release()
    await second.take()
    with pytest.raises(Unusable):
        await first.take()
    await second.release()
    assert (tmp_path / "gateway.db-serve").stat().st_mode & 0o777 == 0o600


async def test_a_holder_that_was_killed_holds_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(holder, "PATIENCE_S", 0.0)
    path = str(tmp_path / "gateway.db")
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        mine = FileHolder(path)
        with pytest.raises(Unusable, match=f"process {process.pid} on "):
            await mine.take()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    await mine.take()
    await mine.release()


async def test_one_that_is_just_ending_is_waited_for(tmp_path, monkeypatch):
    first, second = (FileHolder(str(tmp_path / "gateway.db")) for _ in range(2))
    await first.take()
    tries = []
    attempt = second._try

    async def trying():
        tries.append(1)
        if len(tries) == 3:
            await first.release()
        return await attempt()

    monkeypatch.setattr(second, "_try", trying)
    await second.take()
    assert len(tries) == 3
    await second.release()


async def test_a_folder_that_is_not_there_is_a_store_that_is_down(tmp_path):
    with pytest.raises(StoreDown, match="No such file"):
        await FileHolder(str(tmp_path / "nowhere" / "gateway.db")).take()


async def test_without_locks_the_store_is_used_all_the_same(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(holder.fcntl, "flock", none)
    one = FileHolder(str(tmp_path / "gateway.db"))
    await one.take()
    one.check()
    await one.release()
