"""What a connection holds is counted on real sockets: heads have one limit, and who waits makes room."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes.edge import RunningEdge, gateway, request_bytes, until
from fakes.provider import Exchange, FakeProvider, Gate, gated, reply

from gateway.edge.downstream import Downstream
from gateway.model.service import Limits

KEY = {"Authorization": "Bearer sk-x"}


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False), gateway("g1")], providers={"openai": provider.origin + "/v1"}
    ) as running:
        provider.always = tell
        yield running


async def tell(exchange: Exchange) -> None:
    body = await exchange.body()
    await reply(f"{exchange.received.method} {exchange.received.target} ".encode() + body)(exchange)


def target(name: str = "x") -> str:
    return RunningEdge.native("open", f"openai/{name}")


KB = 1024
HEADS = {
    "one long field": (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n", 15 * KB, 16 * KB, 431),
    "one long name": (b"GET /livez HTTP/1.1\r\nHost: a\r\nX%b: y\r\n\r\n", 15 * KB, 16 * KB, 431),
    "a cookie": (b"GET /livez HTTP/1.1\r\nHost: a\r\nCookie: %b\r\n\r\n", 15 * KB, 16 * KB, 431),
    "a long target": (b"GET /livez?%b HTTP/1.1\r\nHost: a\r\n\r\n", 15 * KB, 16 * KB, 414),
    "many fields": (b"GET /livez HTTP/1.1\r\nHost: a\r\n" + 100 * b"X: %b\r\n" + b"\r\n", 120, 190, 431),
}


@pytest.mark.parametrize("apart", ["together", "in pieces"])
@pytest.mark.parametrize("kind", HEADS)
async def test_there_is_one_limit_for_heads_and_it_is_the_configured_one(kind: str, apart: str) -> None:
    form, fits, exceeds, status = HEADS[kind]
    count = form.count(b"%b")
    async with RunningEdge(limits=Limits(header_bytes=16 * KB)) as edge:
        for size, expected in ((fits, 200), (exceeds, status), (4 * exceeds, status)):
            raw = form % ((b"y" * size,) * count)
            step = 5000 if apart == "in pieces" else len(raw)
            async with edge.client() as wire:
                for at in range(0, len(raw), step):
                    await wire.send(raw[at : at + step])
                    await asyncio.sleep(0.001)
                assert (await wire.reply()).status == expected
                assert expected == 200 or await wire.ended()


async def test_more_fields_than_any_client_sends_are_too_many() -> None:
    async with RunningEdge() as edge, edge.client() as wire:
        await wire.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n")
        assert (await wire.reply()).status == 431


async def test_a_head_that_varies_has_the_same_limit(provider: FakeProvider) -> None:
    limits = Limits(header_bytes=2000)
    entries = [gateway("open", authentication=False)]
    providers = {"openai": provider.origin}
    async with RunningEdge(gateways=entries, providers=providers, limits=limits) as edge, edge.client() as wire:
        for size, status in ((100, 200), (1000, 200), (3000, 431)):
            answer = await wire.ask("POST", target(), {**KEY, "X-Request-Id": "y" * size}, b"{}")
            assert answer.status == status


async def test_pipelined_heads_wait_outside_once_they_are_many_bytes(edge: RunningEdge, provider: FakeProvider) -> None:
    """One may wait for a slow answer with a queue of 32 large heads behind it, times all connections."""
    gate = Gate()
    provider.script(gated(gate, tell))
    large = {**KEY, "X-Large": "y" * 50_000}
    raw = request_bytes("POST", target(), large, b"{}")
    assert edge.edge._server is not None
    async with edge.client() as wire:
        sending = asyncio.ensure_future(wire.send(raw * 24))
        await until(lambda: provider.requests)
        await asyncio.sleep(0.1)
        (connection,) = edge.edge._server.connections
        assert isinstance(connection, Downstream)
        assert len(connection._messages) <= 10
        gate.open()
        for _ in range(24):
            assert (await wire.reply("POST")).body == b"POST /v1/x {}"
        await sending
    assert len(provider.requests) == 24


async def test_room_is_made_by_strangers_that_wait(provider: FakeProvider) -> None:
    """Three connections in all: who is served and who showed a token stay."""
    entries = [gateway("open", authentication=False), gateway("g1")]
    providers = {"openai": provider.origin + "/v1"}
    provider.always = tell
    async with RunningEdge(gateways=entries, providers=providers, limits=Limits(client_connections=3)) as edge:
        known = {**KEY, "cf-aig-authorization": f"Bearer {edge.admit()}"}
        async with edge.client() as one, edge.client() as two, edge.client() as three:
            assert (await one.ask("POST", edge.native("g1", "openai/x"), known, b"{}")).status == 200
            gate = Gate()
            provider.script(gated(gate, tell))
            await two.send(request_bytes("POST", target(), KEY, b"{}"))
            await until(lambda: len(provider.requests) == 2)
            await three.send(b"GET / HTT")
            async with edge.client() as four:
                assert (await four.ask("GET", "/livez")).status == 200
                assert await three.ended()
            gate.open()
            assert (await two.reply("POST")).status == 200
            assert (await one.ask("POST", edge.native("g1", "openai/x"), known, b"{}")).status == 200
        assert edge.counters["client_connections_ended|connections"] == 1


async def test_where_all_are_served_a_new_connection_is_refused_and_told_so(provider: FakeProvider) -> None:
    entries = [gateway("open", authentication=False)]
    providers = {"openai": provider.origin + "/v1"}
    async with RunningEdge(gateways=entries, providers=providers, limits=Limits(client_connections=1)) as edge:
        gate = Gate()
        provider.script(gated(gate, tell))
        async with edge.client() as one:
            await one.send(request_bytes("POST", target(), KEY, b"{}"))
            await until(lambda: provider.requests)
            async with edge.client() as two:
                answer = await two.reply()
                assert (answer.status, answer.header("connection")) == (503, "close")
                assert await two.ended()
            gate.open()
            assert (await one.reply("POST")).status == 200


async def test_what_arrives_is_counted_and_forgotten_with_its_connection(edge: RunningEdge, provider: FakeProvider) -> None:
    assert edge.edge._server is not None
    clients = edge.edge._server.clients
    half = request_bytes("POST", target(), {**KEY, "Content-Length": "60000"}) + b"y" * 50_000
    for begun in (b"GET / HTTP/1.1\r\nX: " + b"y" * 50_000, half):
        async with edge.client() as wire:
            await wire.send(begun)
            await until(lambda: clients.all.held_bytes >= 50_000)
        await until(lambda: clients.all.held_bytes == 0)


@pytest.mark.parametrize("last", [1, 15 * KB, 70 * KB, 400 * KB])
async def test_the_end_of_a_body_is_no_head(edge: RunningEdge, last: int) -> None:
    """However large the read is that ends it: how large one is depends on the loop, so it is handed over here."""
    body = b"x" * (KB + last)
    raw = request_bytes("POST", target(), KEY, body)
    async with edge.client() as wire:
        await wire.ask("GET", "/livez")
        (connection,) = edge.edge._server.connections
        for _ in range(3):
            connection.data_received(raw[:-last])
            connection.data_received(raw[-last:])
            answer = await wire.reply("POST")
            assert (answer.status, len(answer.body)) == (200, len("POST /v1/x ") + len(body))
