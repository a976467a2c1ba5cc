"""Promise: a wall clock that jumps changes what is expired, and nothing else: no cache, timeout, stream or id suffers."""

import pytest
from fakes.clock import FakeClock
from fakes.edge import RunningEdge, gateway, runner, until
from fakes.provider import FakeProvider, Gate, stream

JUMPS = [-86_400.0, -1.0, 1.0, 3600.0, 10 * 365 * 86_400.0]
EVENTS = [b"data: one\n\n", b"data: two\n\n"]


@pytest.mark.parametrize("jump", JUMPS)
async def test_requests_and_streams_go_on(provider: FakeProvider, jump: float) -> None:
    clock = FakeClock()
    async with RunningEdge(gateways=[gateway("g1")], providers={"openai": provider.origin}, clock=clock) as edge:
        headers = {"cf-aig-authorization": f"Bearer {edge.admit()}", "Authorization": "Bearer k"}
        target = edge.native("g1", "openai/x")
        first = await edge.ask("POST", target, headers, b"{}")
        gate = Gate(1)
        provider.script(stream(EVENTS, gate=gate))
        async with edge.client() as wire:
            await wire.send(
                b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n%b\r\n{}"
                % (target.encode(), b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items()))
            )
            head = await wire.head("POST")
            assert await wire.piece() == EVENTS[0]
            asked = edge.counters["auth_miss"]
            clock.wall_s += jump
            gate.open_wide()
            assert (await wire.rest(head)).body == EVENTS[1]
        after = await edge.ask("POST", target, headers, b"{}")
        assert (first.status, after.status) == (200, 200)
        assert edge.counters["auth_miss"] == asked, "the cache counts another clock"
        assert first.header("cf-aig-request-id") != after.header("cf-aig-request-id")
        await until(lambda: len(edge.records) == 3)
        assert all(record.duration_ms >= 0 for record in edge.records)


async def test_expiry_follows_the_wall(provider: FakeProvider) -> None:
    """A token in the cache expires when the clock says so, and is good again when the clock is put right."""
    clock = FakeClock()
    async with RunningEdge(gateways=[gateway("g1")], providers={"openai": provider.origin}, clock=clock) as edge:
        token = edge.admit(runner(expires_on=clock.wall() + 60))
        headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer k"}
        statuses = []
        for jump in (0.0, 61.0, -61.0):
            clock.wall_s += jump
            statuses.append((await edge.ask("POST", edge.native("g1", "openai/x"), headers, b"{}")).status)
        assert statuses == [200, 401, 200]
