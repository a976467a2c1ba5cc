"""Promises about providers: what breaks there is told truly, within its time, and stays with that provider (R-21 to R-24)."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from fakes.authority import Authority
from fakes.edge import ACCOUNT, Reply, RunningEdge, Wire, gateway, request_bytes, until
from fakes.provider import Behaviour, FakeProvider, Gate, gated, generated, reply, stall, stream

from gateway.model.service import Limits, Timeouts

KEY = {"Authorization": "Bearer sk-x"}
STREAMS = 1000 if os.environ.get("AIG_LONG") else 200
EVENTS = [b"data: %d\n\n" % number for number in range(5)]
OPEN = [gateway("open", authentication=False)]


@pytest.fixture
async def other() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as fake:
        yield fake


async def ask(edge: RunningEdge, provider: str = "openai", **headers: str) -> Reply:
    return await edge.ask("POST", edge.native("open", f"{provider}/x"), {**KEY, **headers}, b"{}")


def told(answer: Reply) -> tuple[int, int, str | None]:
    return answer.status, answer.json()["internalCode"], answer.header("retry-after")


async def test_a_provider_that_never_answers_holds_nobody_else(provider: FakeProvider, other: FakeProvider) -> None:
    provider.always = stall()
    providers = {"openai": provider.origin, "groq": other.origin}
    async with RunningEdge(gateways=OPEN, providers=providers, timeouts=Timeouts(first_byte_s=2.0)) as edge:
        waiting = asyncio.gather(*(ask(edge) for _ in range(20)))
        await until(lambda: len(provider.requests) == 20)
        for _ in range(20):
            assert (await ask(edge, "groq")).status == 200
        assert not waiting.done(), "the others did not wait for it"
        assert {told(answer) for answer in await waiting} == {(504, 2005, "1")}
        await until(lambda: provider.open_connections == 0)


async def test_the_connection_limit_queues_then_refuses_then_recovers(provider: FakeProvider) -> None:
    gates = [Gate(), Gate()]
    provider.script(*(gated(gate, reply(b"{}")) for gate in gates))
    limits = Limits(connections_per_origin=2, waiting_per_origin=3)
    async with RunningEdge(
        gateways=OPEN, providers={"openai": provider.origin}, limits=limits, timeouts=Timeouts(queue_s=60.0)
    ) as edge:
        served = [asyncio.get_running_loop().create_task(ask(edge)) for _ in range(5)]
        await until(lambda: len(provider.requests) == 2)
        (pool,) = edge.edge.pool._pools.values()
        await until(lambda: len(pool.waiting) == 3)
        assert {told(answer) for answer in await asyncio.gather(*(ask(edge) for _ in range(10)))} == {(503, 2915, "1")}
        assert len(provider.connections) == 2
        for gate in gates:
            gate.open()
        assert {answer.status for answer in await asyncio.gather(*served)} == {200}
        assert (await ask(edge)).status == 200
        assert len(provider.connections) == 2


async def test_many_streams_to_one_provider_at_the_same_time(provider: FakeProvider) -> None:
    gates = [Gate(1) for _ in range(STREAMS)]
    provider.script(*(stream(EVENTS, gate=gate) for gate in gates))
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}) as edge, AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(edge.client()) for _ in gates]
        for wire in wires:
            await wire.send(request_bytes("POST", edge.native("open", "openai/x"), KEY, b"{}"))
        firsts = await asyncio.gather(*(first_event(wire) for wire in wires))
        assert firsts == [EVENTS[0]] * STREAMS
        assert provider.open_connections == STREAMS, "all of them are under way"
        for gate in gates:
            gate.open_wide()
        rests = await asyncio.gather(*(wire.rest(Reply(200, [])) for wire in wires))
        assert [rest.body for rest in rests] == [b"".join(EVENTS[1:])] * STREAMS


async def test_a_stream_at_full_speed_starves_nobody(provider: FakeProvider, other: FakeProvider) -> None:
    """Were it relayed for as long as there is something to read, the others would wait for ever."""
    other.always = generated(1 << 40, framing="chunked")
    gates = [Gate(1) for _ in range(20)]
    provider.script(*(stream(EVENTS, gate=gate) for gate in gates))
    providers = {"openai": provider.origin, "groq": other.origin}
    async with RunningEdge(gateways=OPEN, providers=providers) as edge, AsyncExitStack() as stack:
        greedy, *wires = [await stack.enter_async_context(edge.client()) for _ in range(21)]
        await greedy.send(request_bytes("POST", edge.native("open", "groq/x"), KEY, b"{}"))
        assert (await greedy.head("POST")).status == 200
        taken = Taken(greedy)
        taking = asyncio.get_running_loop().create_task(taken.everything())
        for wire in wires:
            await wire.send(request_bytes("POST", edge.native("open", "openai/x"), KEY, b"{}"))
            assert await first_event(wire) == EVENTS[0]
        for event in EVENTS[1:]:
            before = taken.size
            for gate in gates:
                gate.open()
            for wire in wires:
                assert await wire.piece() == event
            await until(lambda before=before: taken.size > before)
        assert not taking.done()
        taking.cancel()


async def first_event(wire: Wire) -> bytes:
    assert (await wire.head("POST")).status == 200
    return await wire.piece()


class Taken:
    """A client that reads as fast as it can and keeps nothing."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.size = 0

    async def everything(self) -> None:
        while piece := await self._wire.piece():
            self.size += len(piece)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
async def test_a_storm_of_errors_passes_as_it_is_and_is_not_multiplied(provider: FakeProvider, status: int) -> None:
    provider.always = reply(b'{"error":"theirs"}', status, [("Retry-After", "7"), ("x-ratelimit-remaining-requests", "0")])
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}) as edge:
        answers = await asyncio.gather(*(ask(edge) for _ in range(30)))
        assert {(answer.status, answer.body, answer.header("retry-after")) for answer in answers} == {
            (status, b'{"error":"theirs"}', "7")
        }
        assert len(provider.requests) == 30, "one each"
        provider.always = reply(b"{}")
        assert (await ask(edge)).status == 200


async def test_a_provider_that_refuses_comes_back_without_a_restart(provider: FakeProvider) -> None:
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}) as edge:
        await provider.refuse()
        assert {told(await ask(edge)) for _ in range(5)} == {(502, 2005, "1")}
        await provider.start()
        assert (await ask(edge)).status == 200


async def test_an_unknown_authority_is_a_502_and_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    bundle = str(tmp_path / "ca.pem")
    Authority().write_bundle(bundle)
    async with (
        FakeProvider(tls=authority.server_context()) as fake,
        RunningEdge(gateways=OPEN, providers={"openai": fake.origin}, ca_bundle=bundle) as edge,
    ):
        assert told(await ask(edge)) == (502, 2005, "1")
        assert fake.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_relayed_never_followed(provider: FakeProvider, other: FakeProvider, status: int) -> None:
    """And lead to us or nowhere: clients send their token along to where a Location leads (decision 0007)."""
    elsewhere, below = (reply(b"", status, [("Location", f"{at.origin}/there")]) for at in (other, provider))
    provider.script(elsewhere, below)
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}) as edge:
        first, second = await ask(edge), await ask(edge)
    assert (first.status, first.header("location")) == (status, None)
    assert (second.status, second.header("location")) == (status, f"/v1/{ACCOUNT}/open/openai/there")
    assert (len(provider.requests), other.connections) == (2, [])


async def test_a_providers_cookies_are_kept_from_everyone_else(provider: FakeProvider) -> None:
    """By name, not by number: libraries that keep cookies overlook addresses."""
    provider.always = reply(b"{}", 200, [("Set-Cookie", "session=theirs; Path=/")])
    async with RunningEdge(gateways=OPEN, providers={"openai": f"http://localhost:{provider.port}"}) as edge:
        for _ in range(3):
            assert (await ask(edge)).status == 200
    assert [seen.all("cookie") for seen in provider.requests] == [[], [], []]


ZIPPED = gzip.compress(b"data: hello\n\n" * 1000)


@pytest.mark.parametrize(
    "behaviour",
    [
        reply(ZIPPED, 200, [("Content-Encoding", "gzip")]),
        stream([ZIPPED[:50], ZIPPED[50:]], [("Content-Encoding", "gzip"), ("Content-Type", "text/event-stream")]),
        reply(b"not gzip at all", 200, [("Content-Encoding", "gzip")]),
        reply(gzip.compress(bytes(10_000_000)), 200, [("Content-Encoding", "gzip")]),
    ],
    ids=["whole", "streamed", "a lie", "a bomb"],
)
async def test_what_is_compressed_stays_so(provider: FakeProvider, behaviour: Behaviour) -> None:
    provider.script(behaviour, behaviour)
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}) as edge:
        answer = await ask(edge, **{"Accept-Encoding": "gzip"})
        assert answer.header("content-encoding") == "gzip"
        assert len(answer.body) < 20_000
        if answer.body[:2] == b"\x1f\x8b":
            assert gzip.decompress(answer.body)
        assert provider.only.header("accept-encoding") == "gzip"


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_compressed_request_stays_so(provider: FakeProvider, framing: str) -> None:
    fields = {"Authorization": "Bearer sk-x", "Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}) as edge:
        how = {"body": ZIPPED} if framing == "length" else {"chunks": [ZIPPED[:50], ZIPPED[50:]]}
        assert (await edge.ask("POST", edge.native("open", "openai/x"), fields, **how)).status == 200
    assert provider.only.body == ZIPPED
    assert provider.only.header("content-encoding") == "gzip"
