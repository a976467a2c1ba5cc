"""Promise: what a provider cut off never looks whole to the client, and nothing is invented to cover it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes.edge import Incomplete, RunningEdge, gateway, request_bytes, until
from fakes.provider import Behaviour, Cut, Exchange, FakeProvider, Framing, Gate, hang_up, reply, stream

EVENTS = [b"data: one\n\n", b"data: two\n\n"]


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)], providers={"openai": provider.origin + "/v1"}
    ) as running:
        yield running


def ask(edge: RunningEdge, version: str = "1.1") -> bytes:
    target = edge.native("open", "openai/chat/completions")
    return request_bytes("POST", target, {"Authorization": "Bearer sk-x"}, b'{"stream":true}', version=version)


def cut_after_events(framing: Framing, how: Cut, gate: Gate) -> Behaviour:
    """Announce more than is sent, send the events, end the connection when the test says so."""
    if framing != "length":
        return stream(EVENTS, gate=gate, framing=framing, cut=how)

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.head(200, [("Content-Type", "text/event-stream")], framing="length", length=1000)
        for event in EVENTS:
            await gate.passed()
            await exchange.part(event)
        await gate.passed()
        exchange.cut(how)

    return behaviour


CUTS = [("chunked", "fin"), ("chunked", "rst"), ("length", "fin"), ("length", "rst"), ("close", "rst")]
"""A body that ends with its connection ends well with a FIN."""


@pytest.mark.parametrize(("framing", "how"), CUTS)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_cut_stream_is_cut_for_the_client(
    edge: RunningEdge, provider: FakeProvider, framing: Framing, how: Cut, version: str
) -> None:
    gate = Gate(1)
    provider.script(cut_after_events(framing, how, gate))
    async with edge.client() as wire:
        await wire.send(ask(edge, version))
        head = await wire.head("POST")
        head.body += await wire.piece()
        assert head.body == EVENTS[0]
        gate.open()
        head.body += await wire.piece()
        assert head.body == b"".join(EVENTS)
        gate.open()
        with pytest.raises((Incomplete, ConnectionResetError)):
            await wire.rest(head)
        said = head.body.removeprefix(b"".join(EVENTS))
        # Why it ends, where there is room to say so; an end it never is.
        assert said.startswith(b'data: {"error":') if head.header("transfer-encoding") else said == b""
        assert b"[DONE]" not in said
    record = await edge.record()
    assert (record.status_code, record.success, record.outcome) == (200, False, "upstream_truncated")
    assert edge.counters["events|upstream_truncated"] == 1


async def test_a_body_that_ends_with_its_connection_is_whole(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(stream(EVENTS, framing="close"))
    reply = await edge.ask("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer k"}, b"{}")
    assert reply.body == b"".join(EVENTS)
    assert reply.header("transfer-encoding") == "chunked"
    assert (await edge.record()).success


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    ],
)
async def test_no_usable_head_is_one_502(edge: RunningEdge, provider: FakeProvider, sent: bytes) -> None:
    provider.script(hang_up("fin", sent))
    reply = await edge.ask("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer k"}, b"{}")
    assert (reply.status, reply.json()["internalCode"]) == (502, 2005)
    assert reply.header("retry-after") == "1"
    assert len(provider.requests) == 1, "a fresh connection is not tried twice"
    assert (await edge.record()).outcome == "upstream_error"


@pytest.mark.parametrize("broken", [b"5\r\nhel", b"zz\r\nhello\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\nhello\n0\n\n"])
async def test_broken_chunks_are_never_passed_off_as_whole(edge: RunningEdge, provider: FakeProvider, broken: bytes) -> None:
    provider.script(hang_up("fin", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + broken))
    with pytest.raises((Incomplete, asyncio.IncompleteReadError, ConnectionResetError)):
        await edge.ask("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer k"}, b"{}")
    assert not (await edge.record()).success


async def test_the_edge_goes_on_after_many_cuts(edge: RunningEdge, provider: FakeProvider) -> None:
    for how in ("fin", "rst") * 10:
        gate = Gate()
        gate.open_wide()
        provider.script(stream(EVENTS, gate=gate, cut=how))
        with pytest.raises((Incomplete, ConnectionResetError)):
            await edge.ask("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer k"}, b"{}")
    provider.script(reply(b"{}"))
    assert (await edge.ask("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer k"}, b"{}")).status == 200
    await until(lambda: edge.edge.pool.open_connections <= 1)
