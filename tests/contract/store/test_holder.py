"""One service for one store, on both databases: a second is refused, a dead one leaves its place at once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest
from fakes.processes import until
from fakes.service import ROOT, Service, clean_environment

from gateway.store.errors import StoreDown, Unusable
from gateway.store.holder import me
from gateway.store.store import Store, open_store

HOLD = """
import asyncio, sys
from gateway.store.store import open_store
async def main():
    store = open_store(sys.argv[1])
    await store.hold()
    print("held", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def opened(url: str) -> Store:
    store = open_store(url)
    await store.hold()
    await store.open()
    return store


async def test_a_second_one_is_refused_by_name_until_the_first_is_closed(url: str) -> None:
    first, second = await opened(url), open_store(url)
    with pytest.raises(Unusable) as refused:
        await second.hold()
    assert f"in use by another gateway serve ({me()})" in str(refused.value)
    await first.close()
    await second.hold()
    await second.open()
    await second.ping()
    await second.close()


async def test_the_place_of_one_that_was_killed_is_free_at_once(url: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert await asyncio.to_thread(process.stdout.readline) == "held\n"
        mine = open_store(url)
        with pytest.raises(Unusable, match=f"process {process.pid} on "):
            await mine.hold()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    await mine.hold()
    await mine.close()


async def test_stores_in_schemas_of_their_own_are_apart(postgres_url: str, postgres) -> None:  # type: ignore[no-untyped-def]
    first, other = await opened(postgres_url), await opened(f"{postgres.url()}&search_path=public")
    try:
        await first.ping()
    finally:
        await other.close()
        await first.close()


async def test_a_lock_that_is_lost_is_taken_again_and_the_store_is_down_meanwhile(postgres_url: str) -> None:
    store = await opened(postgres_url)
    server = await asyncpg.connect(postgres_url)
    try:
        await store.ping()
        holding = "SELECT pid FROM pg_stat_activity WHERE application_name = $1"
        (pid,) = [row["pid"] for row in await server.fetch(holding, me())]
        thief = open_store(postgres_url)
        await server.execute("SELECT pg_terminate_backend($1)", pid)
        await server.execute("SELECT pg_advisory_lock(hashtext('a test of its own'))")
        async with asyncio.timeout(10):
            while True:  # whichever of the two is first holds it alone
                try:
                    await thief.hold()
                    break
                except Unusable:
                    (again,) = [row["pid"] for row in await server.fetch(holding, me())]
                    await server.execute("SELECT pg_terminate_backend($1)", again)
        with pytest.raises(StoreDown):
            async with asyncio.timeout(10):
                while True:
                    await store.ping()
                    await asyncio.sleep(0.02)
        await thief.close()
        async with asyncio.timeout(10):
            while True:
                try:
                    await store.ping()
                    break
                except StoreDown:
                    await asyncio.sleep(0.02)
    finally:
        await server.close()
        await store.close()


@pytest.mark.timeout(180)
def test_a_second_service_with_a_folder_of_its_own_is_refused(
    postgres_url: str, tmp_path: Path, start_service: Callable[..., Service]
) -> None:
    keys = {"GATEWAY_STORE__URL": postgres_url}
    first = start_service(workers=1, environment=keys)
    folder = tmp_path / "second"
    folder.mkdir(mode=0o700)
    for name in ("pepper", "master-key"):
        (folder / name).write_bytes((first.data_dir / name).read_bytes())
        (folder / name).chmod(0o600)

    def second() -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "gateway", "serve", "--data-dir", str(folder), "--listen", "127.0.0.1:0"]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=clean_environment({**keys, "GATEWAY_OPS__LISTEN": "", "GATEWAY_SERVER__WORKERS": "1"}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    done = second()
    assert done.returncode == 2, done.stderr
    assert "the store is in use by another gateway serve" in done.stderr
    assert first.management.create_token().value, "the first one serves on"
    first.kill()
    with ExitStack() as stack:
        next_one = stack.enter_context(Service(folder, workers=1, environment=keys))
        until(lambda: "gateway ready" in next_one.log_tail())
