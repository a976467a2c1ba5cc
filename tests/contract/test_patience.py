"""Promises, on a clock that leaps: a connection that waits for longer than load balancers do still serves (41), and a stream of
half an hour is not cut (44).
"""

import asyncio

import pytest
from fakes.edge import RunningEdge, gateway, request_bytes
from fakes.provider import FakeProvider, Gate, stream

from gateway.kit.clock import SystemClock
from gateway.model.service import Timeouts
from gateway.upstream.pool import TICK_S

BALANCERS_S = 65.0
MINUTES = 30
OPEN = [gateway("open", authentication=False)]


class Leaping(SystemClock):
    """The loop's timers and the product's clock, both ahead by as much as was leapt."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ahead_s = 0.0
        self._loop_time = loop.time

    def time(self) -> float:
        return self._loop_time() + self.ahead_s

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s

    def wall(self) -> float:
        return super().wall() + self.ahead_s

    async def leap(self, seconds: float) -> None:
        """All that is due by then happens, a tick of the pool at a time, and each tick a little later than it should."""
        for _ in range(round(seconds / TICK_S)):
            self.ahead_s += TICK_S * 1.02
            for _ in range(3):
                await asyncio.sleep(0)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Leaping:
    loop = asyncio.get_running_loop()
    leaping = Leaping(loop)
    monkeypatch.setattr(loop, "time", leaping.time)
    return leaping


async def test_a_connection_that_waited_longer_than_a_balancer_does_still_serves(clock: Leaping) -> None:
    assert Timeouts().keepalive_s > BALANCERS_S
    async with RunningEdge(clock=clock) as edge, edge.client() as wire:
        for _ in range(3):
            assert (await wire.ask("GET", "/livez")).status == 200
            await clock.leap(BALANCERS_S)
        assert (await wire.ask("GET", "/livez")).status == 200
        await clock.leap(Timeouts().keepalive_s + 2)
        assert await wire.ended(), "and it has an end"


async def test_a_stream_of_half_an_hour_is_whole(provider: FakeProvider, clock: Leaping) -> None:
    """An event a minute: no timeout but that for silence, and none for the whole."""
    events = [b"data: %d\n\n" % number for number in range(MINUTES + 1)]
    gate = Gate(1)
    provider.script(stream(events, gate=gate))
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}, clock=clock) as edge, edge.client() as wire:
        await wire.send(request_bytes("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer sk"}, b"{}"))
        head = await wire.head("POST")
        assert await wire.piece() == events[0]
        for event in events[1:]:
            await clock.leap(60)
            gate.open()
            assert await wire.piece() == event
        assert (await wire.rest(head)).body == b""
        record = await edge.record()
    assert (record.outcome, record.events, record.duration_ms >= MINUTES * 60_000) == ("completed", len(events), True)


async def test_the_clock_ends_a_silence(provider: FakeProvider, clock: Leaping) -> None:
    """The other two could not fail on a clock that moves nothing."""
    gate = Gate(1)
    provider.script(stream([b"data: 1\n\n", b"data: 2\n\n"], gate=gate))
    async with RunningEdge(gateways=OPEN, providers={"openai": provider.origin}, clock=clock) as edge, edge.client() as wire:
        await wire.send(request_bytes("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer sk"}, b"{}"))
        head = await wire.head("POST")
        assert await wire.piece() == b"data: 1\n\n"
        await clock.leap(Timeouts().idle_s + 2)
        with pytest.raises(AssertionError, match="cut after"):
            await wire.rest(head)
        gate.open_wide()
