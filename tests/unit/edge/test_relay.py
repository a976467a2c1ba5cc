"""Carry, deliver, refuse: what the relay sends upstream and says downstream, seen on real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from fakes.edge import RunningEdge, gateway, request_bytes, until
from fakes.provider import Behaviour, Exchange, FakeProvider, hang_up, informed, reply, stall, stream

from gateway.edge.relay import _FAULTS
from gateway.model.service import Limits, Timeouts
from gateway.upstream.port import Cause

KEY = {"Authorization": "Bearer sk-x"}


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)],
        providers={"openai": provider.origin + "/v1"},
        limits=Limits(connections_per_origin=2, waiting_per_origin=1),
        timeouts=Timeouts(first_byte_s=0.5, queue_s=0.3),
    ) as running:
        yield running


TARGET = RunningEdge.native("open", "openai/x")


def test_every_cause_has_its_fault() -> None:
    assert set(_FAULTS) == set(Cause)


async def test_the_upstream_head_byte_by_byte(edge: RunningEdge, provider: FakeProvider) -> None:
    await edge.ask("POST", TARGET, [("Authorization", "Bearer sk-x"), ("X-A", "1"), ("x-a", "2")], b"hi")
    host = provider.origin.removeprefix("http://")
    *fields, (name, _), length = provider.only.headers
    assert fields == [("host", host), ("Authorization", "Bearer sk-x"), ("X-A", "1"), ("x-a", "2")]
    assert (name, length) == ("CDN-Loop", ("content-length", "2")), "the base URL is an operator's (decision 0028)"


async def test_interim_answers_are_kept_from_the_client(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(informed(reply(b"fine"), 100, 103))
    assert (await edge.ask("POST", TARGET, KEY, b"{}")).body == b"fine"


@pytest.mark.parametrize(("status", "reason"), [(200, "OK"), (207, "Such"), (299, ""), (404, "Nope"), (529, "Overloaded")])
async def test_status_and_reason_pass(edge: RunningEdge, provider: FakeProvider, status: int, reason: str) -> None:
    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.head(status, [], framing="length", length=0, reason=reason)

    provider.script(behaviour)
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", TARGET, KEY, b"{}"))
        line = await wire.reader.readline()
        assert line == f"HTTP/1.1 {status} {reason}\r\n".encode()
    record = await edge.record()
    assert (record.outcome, record.success) == ("completed" if status < 500 else "upstream_error", status < 400)


def when(opened: asyncio.Event) -> Behaviour:
    """Answer once the event is set, any number of requests at a time."""

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await opened.wait()
        await reply(b"{}")(exchange)

    return behaviour


async def test_connections_are_reused_and_bounded(edge: RunningEdge, provider: FakeProvider) -> None:
    opened = asyncio.Event()
    provider.always = when(opened)
    asking = [asyncio.create_task(edge.ask("POST", TARGET, KEY, b"{}")) for _ in range(3)]
    await until(lambda: len(provider.requests) == 2)
    busy = await edge.ask("POST", TARGET, KEY, b"{}")
    assert (busy.status, busy.json()["internalCode"], busy.header("retry-after")) == (503, 2915, "1")
    opened.set()
    assert [answer.status for answer in await asyncio.gather(*asking)] == [200, 200, 200]
    assert len(provider.connections) == 2


async def test_waiting_in_line_has_an_end(edge: RunningEdge, provider: FakeProvider) -> None:
    opened = asyncio.Event()
    provider.always = when(opened)
    asking = [asyncio.create_task(edge.ask("POST", TARGET, KEY, b"{}")) for _ in range(3)]
    done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result().status for task in done] == [503]
    opened.set()
    assert sorted(answer.status for answer in await asyncio.gather(*asking)) == [200, 200, 503]


@pytest.mark.parametrize("piece_s", [0.0, 0.3])
async def test_the_clock_of_the_first_byte_starts_when_the_request_is_sent(
    edge: RunningEdge, provider: FakeProvider, piece_s: float
) -> None:
    """An upload slower than the limit is no silence of the provider; silence behind it is."""
    provider.script(stall() if not piece_s else reply(b"{}"))
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", TARGET, {**KEY, "Content-Length": "140000"}))
        for _ in range(2):
            await wire.send(bytes(70_000))
            await asyncio.sleep(piece_s)
        answer = await wire.reply("POST")
    assert answer.status == (200 if piece_s else 504)
    await until(lambda: not piece_s or edge.edge.pool.open_connections <= 1)


async def test_pooled_connections_carry_nothing_over(edge: RunningEdge, provider: FakeProvider) -> None:
    """What a provider sends behind its answer is never read as the next one."""
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + evil)

    provider.script(behaviour)
    assert (await edge.ask("POST", TARGET, KEY, b"{}")).body == b"good"
    provider.script(reply(b"next"))
    assert (await edge.ask("POST", TARGET, KEY, b"{}")).body == b"next"
    assert len(provider.connections) == 2


async def test_draining_answers_announce_the_end(edge: RunningEdge, provider: FakeProvider) -> None:
    edge.edge.relay.draining = True
    for behaviour in (reply(b"{}"), stream([b"data: 1\n\n"])):
        provider.script(behaviour)
        async with edge.client() as wire:
            answer = await wire.ask("POST", TARGET, KEY, b"{}")
            assert (answer.status, answer.header("connection")) == (200, "close")
            assert await wire.ended()


async def test_no_tap_where_nothing_can_be_read(edge: RunningEdge, provider: FakeProvider) -> None:
    usage = b'{"usage":{"prompt_tokens":3,"completion_tokens":5}}'
    coded = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
    provider.script(reply(usage, headers=coded), reply(usage, 500), reply(usage))
    for _ in range(3):
        await edge.ask("POST", TARGET, KEY, b"{}")
    await until(lambda: len(edge.records) == 3)
    assert [record.tokens_in for record in edge.records] == [None, None, 3]


async def test_bytes_are_counted_as_they_pass(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(stream([b"12345", b"67"]))
    await edge.ask("POST", TARGET, KEY, b"abc")
    record = await edge.record()
    assert (record.request_size, record.response_size) == (3, 7)


async def test_a_broken_provider_is_left_alone_after_a_fresh_try(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(reply(b"{}"))
    async with edge.client() as wire:
        assert (await wire.ask("POST", TARGET, KEY, b"{}")).status == 200
        provider.always = hang_up("fin")
        assert (await wire.ask("POST", TARGET, KEY, b"{}")).status == 502
    assert len(provider.requests) == 3, "the pooled connection, and one fresh"
    assert edge.counters["events|upstream_retries"] == 1


async def test_answers_say_where_their_time_went_if_they_are_to(edge: RunningEdge, provider: FakeProvider) -> None:
    assert (await edge.ask("POST", TARGET, KEY, b"{}")).header("server-timing") is None
    edge.edge.relay.timed = True
    said = (await edge.ask("POST", TARGET, KEY, b"{}")).header("server-timing") or ""
    assert re.fullmatch(r"gateway;dur=\d+\.\d{3}, upstream;dur=\d+\.\d{3}", said)
