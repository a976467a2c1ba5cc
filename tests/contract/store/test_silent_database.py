"""A PostgreSQL that answers nothing any more, as behind a network that carries no bytes: nobody waits for long, and it is
used again when it is back, by fresh connections."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.store import database, pools
from gateway.store.errors import StoreDown
from gateway.store.store import open_store


class Proxy:
    """Between the store and PostgreSQL's unix socket; while `silent`, what was connected carries nothing, for ever."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._tasks: set[asyncio.Task[None]] = set()
        self.silent = False
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream_reader, upstream_writer = await asyncio.open_unix_connection(self._socket_path)
        muted = asyncio.Event()

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                if self.silent:
                    muted.set()
                if not muted.is_set():
                    sink.write(data)

        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(carry(reader, upstream_writer), carry(upstream_reader, writer))
        for side in (writer, upstream_writer):
            side.close()
            with contextlib.suppress(OSError):
                await side.wait_closed()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    query = parse_qs(urlsplit(postgres_url).query)
    made = Proxy(f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}")
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield made, f"postgresql://postgres@127.0.0.1:{port}/postgres?search_path={query['search_path'][0]}&sslmode=disable"
    server.close()
    await made.close()


async def test_a_silent_database_is_down_in_time_and_used_again(
    proxy: tuple[Proxy, str], samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    between, url = proxy
    monkeypatch.setattr(pools, "READ_S", 0.5)
    monkeypatch.setattr(pools, "WRITE_S", 0.5)
    monkeypatch.setattr(database, "CONNECT_TIMEOUT_S", 0.5)
    store = open_store(url)
    await store.open()
    await store.accounts.insert(samples.account())
    assert await store.accounts.all() == [samples.account()]
    between.silent = True
    for work in (store.accounts.all, store.ping, lambda: store.tokens.by_digest([b"x"]), store.accounts.all):
        started = time.monotonic()
        with pytest.raises(StoreDown):
            await work()
        assert time.monotonic() - started < database.READ_TIMEOUT_S, "our deadline, not the driver's"
    between.silent = False
    before = between.connections
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreDown):
                assert await store.accounts.all() == [samples.account()]
                await store.ping()
                break
    assert between.connections > before, "what had fallen silent is not used again"
    await store.close()
