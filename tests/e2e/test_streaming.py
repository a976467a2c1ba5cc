"""Streams pass as they come: event by event, in any framing, to old and new clients, at the client's pace."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes.edge import RunningEdge, gateway, request_bytes, until
from fakes.provider import Exchange, FakeProvider, Framing, Gate, generated, raw, reply, stream

from gateway.model.service import Timeouts

KEY = {"Authorization": "Bearer sk-x"}


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)], providers={"openai": provider.origin + "/v1"}
    ) as running:
        yield running


def ask(edge: RunningEdge, method: str = "POST", version: str = "1.1", **more: str) -> bytes:
    body = b'{"stream":true}' if method == "POST" else None
    return request_bytes(method, edge.native("open", "openai/x"), {**KEY, **more}, body, version=version)


@pytest.mark.parametrize("size", [1, 100, 65_536])
@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_each_event_arrives_before_the_next_is_made(
    edge: RunningEdge, provider: FakeProvider, framing: Framing, version: str, size: int
) -> None:
    """Lock-step: the provider sends the next event only after the client has read the last, which would take gzip."""
    events = [bytes([65 + number]) * size for number in range(6)]
    gate = Gate()
    provider.script(stream(events, gate=gate, framing=framing))
    async with edge.client() as wire:
        await wire.send(ask(edge, version=version, **{"Accept-Encoding": "gzip"}))
        gate.open()
        head = await wire.head("POST")
        assert head.header("content-encoding") is None
        assert head.header("transfer-encoding") == ("chunked" if version == "1.1" and framing != "length" else None)
        for event in events:
            got = b""
            while len(got) < size:
                got += await wire.piece()
            assert got == event
            gate.open()
        assert await wire.piece() == b""


async def test_an_event_stream_says_that_it_must_not_be_buffered(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(
        stream([b"data: 1\n\n"]),
        stream([b"data: 1\n\n"], [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")]),
    )
    first = await edge.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")
    assert (first.header("x-accel-buffering"), first.header("cache-control")) == ("no", "no-cache")
    assert first.header("content-type") == "text/event-stream; charset=utf-8"
    second = await edge.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")
    assert second.header("cache-control") == "no-store", "the provider's own word stands"
    provider.script(reply(b"{}"))
    whole = await edge.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")
    assert whole.header("x-accel-buffering") is None


async def test_a_head_without_a_body_yet_goes_out_with_its_first_byte(edge: RunningEdge, provider: FakeProvider) -> None:
    """The status of a slow stream is known as soon as the provider says it."""
    gate = Gate()

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.head(200, [("Content-Type", "text/event-stream")])
        await gate.passed()
        await exchange.part(b"data: 1\n\n")
        await exchange.end()

    provider.script(behaviour)
    async with edge.client() as wire:
        await wire.send(ask(edge))
        head = await wire.head("POST")
        assert head.status == 200
        gate.open()
        assert (await wire.rest(head)).body == b"data: 1\n\n"


async def test_many_events_in_one_read_stay_whole(edge: RunningEdge, provider: FakeProvider) -> None:
    events = [b"data: %d\n\n" % number for number in range(500)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events)
    provider.script(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n"))
    answer = await edge.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")
    assert answer.body == b"".join(events)


async def test_chunks_torn_anywhere_are_put_together(edge: RunningEdge, provider: FakeProvider) -> None:
    wire_bytes = b"6;ext=1\r\ndata: \r\n3\r\n1\n\n\r\n0\r\n\r\n"

    async def byte_by_byte(exchange: Exchange) -> None:
        await exchange.body()
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + wire_bytes:
            await exchange.write(bytes([byte]))
            await asyncio.sleep(0)

    provider.script(byte_by_byte)
    async with edge.client() as wire:
        first = await wire.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")
        assert first.body == b"data: 1\n\n"
        provider.script(reply(b"next"))
        assert (await wire.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")).body == b"next"


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_an_http_1_0_client_is_told_the_end_by_the_connection(
    edge: RunningEdge, provider: FakeProvider, framing: Framing
) -> None:
    provider.script(stream([b"data: 1\n\n"], framing=framing))
    async with edge.client() as wire:
        answer = await wire.ask("POST", edge.native("open", "openai/x"), KEY, b"{}", version="1.0")
        assert answer.body == b"data: 1\n\n"
        assert answer.header("transfer-encoding") is None
        assert await wire.ended()


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_an_http_1_0_client_that_wants_to_stay(edge: RunningEdge, provider: FakeProvider, framing: Framing) -> None:
    """`Connection: keep-alive` cannot be granted where only the connection's end tells the body's end."""
    provider.always = stream([b"data: 1\n\n"], framing=framing)
    async with edge.client() as wire:
        headers = {**KEY, "Connection": "keep-alive"}
        answer = await wire.ask("POST", edge.native("open", "openai/x"), headers, b"{}", version="1.0")
        assert answer.body == b"data: 1\n\n"
        if framing == "length":
            assert answer.header("connection") == "keep-alive"
            again = await wire.ask("POST", edge.native("open", "openai/x"), headers, b"{}", version="1.0")
            assert again.status == 200
        else:
            assert answer.header("connection") == "close"
            assert await wire.ended()


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body(edge: RunningEdge, provider: FakeProvider, status: int) -> None:
    provider.script(raw(b"HTTP/1.1 %d Such\r\nETag: x\r\n\r\n" % status), reply(b"next"))
    async with edge.client() as wire:
        answer = await wire.ask("GET", edge.native("open", "openai/x"), KEY)
        assert (answer.status, answer.body, answer.header("transfer-encoding")) == (status, b"", None)
        assert (await wire.ask("GET", edge.native("open", "openai/x"), KEY)).body == b"next"


async def test_a_head_request_keeps_the_length(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(reply(b"hello"), reply(b"next"))
    async with edge.client() as wire:
        answer = await wire.ask("HEAD", edge.native("open", "openai/x"), KEY)
        assert (answer.status, answer.header("content-length")) == (200, "5")
        assert (await wire.ask("GET", edge.native("open", "openai/x"), KEY)).body == b"next"


@pytest.mark.parametrize("framing", ["chunked", "length"])
async def test_a_slow_reader_slows_the_provider(edge: RunningEdge, provider: FakeProvider, framing: Framing) -> None:
    """Nothing piles up here: when the client stops reading, the provider can soon send no more."""
    total = 32 * 1024 * 1024
    sent = 0

    async def behaviour(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.body()
        await exchange.head(200, [("Content-Type", "application/octet-stream")], framing=framing, length=total)
        for _ in range(total // 65_536):
            await exchange.part(bytes(65_536))
            sent += 65_536
        await exchange.end()

    provider.script(behaviour)
    async with edge.client() as wire:
        await wire.send(ask(edge))
        head = await wire.head("POST")
        seen = -1
        while seen != sent:  # until the provider stands still
            seen = sent
            await asyncio.sleep(0.3)
        assert sent < total * 3 // 4, "kernel buffers may hold some megabytes, not the whole"
        answer = await wire.rest(head)
        assert len(answer.body) == total
    assert (await edge.record()).success


async def test_a_client_that_takes_nothing_is_cut(provider: FakeProvider) -> None:
    provider.script(generated(64 * 1024 * 1024))
    timeouts = Timeouts(client_write_s=0.2)
    async with (
        RunningEdge(
            gateways=[gateway("open", authentication=False)], providers={"openai": provider.origin}, timeouts=timeouts
        ) as edge,
        edge.client(receive_bytes=16_384) as wire,
    ):
        await wire.send(ask(edge))
        await wire.head("POST")
        await until(lambda: provider.connections[0].closed)
        record = await edge.record()
        assert (record.outcome, record.success) == ("client_gone", False)


async def test_the_delay_of_events_is_measured(provider: FakeProvider) -> None:
    provider.always = stream([b"data: %d\n\n" % number for number in range(3)])
    async with RunningEdge(gateways=[gateway("open", authentication=False)], providers={"openai": provider.origin}) as edge:
        async with edge.client() as wire:
            await wire.send(ask(edge))
            await wire.rest(await wire.head("POST"))

        def timed() -> int:
            names = [name for name in edge.counters if name.startswith("event_delay_seconds|") and not name.endswith("sum")]
            return sum(edge.counters[name] for name in names)

        await until(lambda: timed() == 1)  # the first of sixteen


async def test_silence_within_a_stream_ends_it(provider: FakeProvider) -> None:
    gate = Gate(1)
    provider.script(stream([b"data: 1\n\n", b"data: 2\n\n"], gate=gate))
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)], providers={"openai": provider.origin}, timeouts=Timeouts(idle_s=0.3)
    ) as edge:
        async with edge.client() as wire:
            await wire.send(ask(edge))
            head = await wire.head("POST")
            assert await wire.piece() == b"data: 1\n\n"
            with pytest.raises(AssertionError, match="cut after"):
                await wire.rest(head)
        assert (await edge.record()).outcome == "upstream_truncated"


async def test_the_last_byte_of_a_slow_client_is_followed_by_nothing(edge: RunningEdge, provider: FakeProvider) -> None:
    """The provider ends its answer and closes while the client is still taking it: the end is told once."""
    payload = bytes(8 * 1024 * 1024)

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        exchange.closing = True
        await exchange.head(200, [("Content-Type", "application/octet-stream")])
        await exchange.part(payload)
        await exchange.end()

    for _ in range(3):
        provider.script(behaviour, reply(b"next"))
        async with edge.client(receive_bytes=16_384) as wire:
            first = await wire.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")
            assert len(first.body) == len(payload)
            assert (await wire.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")).body == b"next"


@pytest.mark.parametrize("framing", ["chunked", "length"])
async def test_a_line_of_sixteen_megabytes_passes(edge: RunningEdge, provider: FakeProvider, framing: Framing) -> None:
    """Nobody reads by lines, and who counts tokens gives up on such a line, not the stream."""
    line = b'data: {"x":"' + b"x" * 16 * 1024 * 1024 + b'"}\n\n'
    provider.script(stream([line, b"data: [DONE]\n\n"], framing=framing))
    async with edge.client() as wire:
        await wire.send(ask(edge))
        answer = await wire.reply("POST")
    assert answer.status == 200
    assert answer.body == line + b"data: [DONE]\n\n"
    record = await edge.record()
    assert (record.status_code, record.tokens_in, record.tokens_out) == (200, None, None)
