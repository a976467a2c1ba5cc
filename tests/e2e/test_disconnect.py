"""A client that leaves ends its upstream request within a second: it would go on costing money otherwise."""

import gc
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from fakes.edge import RunningEdge, Wire, gateway, request_bytes, until
from fakes.provider import Cut, Exchange, FakeProvider, reply, stall

KEY = {"Authorization": "Bearer sk-x"}
PROMISED_S = 1.0
MACHINE_S = 2.0
"""On a busy machine the promise is measured with this much patience on top."""


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)], providers={"openai": provider.origin + "/v1"}
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def _silent(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """People close their laptops all the time: that is worth no line in the log, and no lost future."""
    yield
    gc.collect()  # lost futures speak when they are collected
    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def post(edge: RunningEdge, body: bytes = b"{}", **more: str) -> bytes:
    return request_bytes("POST", edge.native("open", "openai/x"), {**KEY, **more}, body)


async def expect_upstream_closed(edge: RunningEdge, provider: FakeProvider, wire: Wire, how: Cut) -> None:
    left_at = time.monotonic()
    wire.leave(how)
    await until(lambda: provider.connections[0].peer_closed_at is not None)
    closed_at = provider.connections[0].peer_closed_at
    assert closed_at is not None
    assert closed_at - left_at <= PROMISED_S + MACHINE_S
    await edge.quiet()
    assert edge.edge.pool.open_connections == 0


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_before_the_head(edge: RunningEdge, provider: FakeProvider, how: Cut) -> None:
    provider.script(stall())
    async with edge.client() as wire:
        await wire.send(post(edge))
        await until(lambda: provider.requests and provider.only.complete)
        await expect_upstream_closed(edge, provider, wire, how)
    record = await edge.record()
    assert (record.status_code, record.outcome, record.success) == (499, "client_gone", False)
    assert edge.counters["events|upstream_truncated"] == 0, "never counted against the provider"


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_before_the_first_byte(edge: RunningEdge, provider: FakeProvider, how: Cut) -> None:
    provider.script(stall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
    async with edge.client() as wire:
        await wire.send(post(edge))
        assert (await wire.head("POST")).status == 200
        await expect_upstream_closed(edge, provider, wire, how)
    assert (await edge.record()).outcome == "client_gone"


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_mid_stream(edge: RunningEdge, provider: FakeProvider, how: Cut) -> None:
    provider.script(stall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
    async with edge.client() as wire:
        await wire.send(post(edge))
        await wire.head("POST")
        assert await wire.piece() == b"hello"
        await expect_upstream_closed(edge, provider, wire, how)
    record = await edge.record()
    assert (record.outcome, record.response_size) == ("client_gone", 5)


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_mid_stream_at_full_speed(edge: RunningEdge, provider: FakeProvider, how: Cut) -> None:
    """The client is slow and has unread bytes when it goes; the edge is pausing the provider just then."""

    async def for_ever(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.head(200)
        while True:
            await exchange.part(bytes(65_536))

    provider.script(for_ever)
    async with edge.client(receive_bytes=16_384) as wire:
        await wire.send(post(edge))
        await wire.head("POST")
        await wire.piece()
        await expect_upstream_closed(edge, provider, wire, how)


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("length", [1_000, 10_000_000])
async def test_during_the_upload(edge: RunningEdge, provider: FakeProvider, how: Cut, length: int) -> None:
    """Short bodies are waited for and never reach the provider half; of long ones the provider sees the loss."""
    async with edge.client() as wire:
        await wire.send(post(edge, b"x" * (length // 2), **{"Content-Length": str(length)}))
        if length > 65_536:
            await until(lambda: provider.requests and provider.only.size > 0)
            await expect_upstream_closed(edge, provider, wire, how)
            assert not provider.only.complete
        else:
            await until(lambda: edge.edge._lifecycle is not None and edge.edge._lifecycle.in_flight)
            wire.leave(how)
            await edge.quiet()
            assert provider.connections == []
    record = await edge.record()
    assert (record.status_code, record.outcome) == (499, "client_gone")


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_during_a_chunked_upload(edge: RunningEdge, provider: FakeProvider, how: Cut) -> None:
    async with edge.client() as wire:
        head = request_bytes("POST", edge.native("open", "openai/x"), {**KEY, "Transfer-Encoding": "chunked"})
        await wire.send(head + b"5\r\nhello\r\n")
        await until(lambda: provider.requests and provider.only.size == 5)
        await expect_upstream_closed(edge, provider, wire, how)
    assert not provider.only.complete, "half a body is never ended as a whole one"
    assert (await edge.record()).status_code == 499


async def test_others_are_not_disturbed(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(stall(), reply(b"fine"))
    async with edge.client() as leaving, edge.client() as staying:
        await leaving.send(post(edge))
        await until(lambda: provider.requests)
        leaving.leave("rst")
        assert (await staying.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")).body == b"fine"
